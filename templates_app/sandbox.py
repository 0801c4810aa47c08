"""The Liquid that people may write: no files, no Python objects, and a price on everything that costs time or memory.

python-liquid's own limits leave gaps (consecutive loops, filters that multiply, huge ranges and numbers), so every
loop, filter and write here also spends from one allowance per rendering. Imports no Django: compiling.py runs it in a
bounded process.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TextIO, cast

from liquid import BoundTemplate, Environment, RenderContext
from liquid.ast import Node
from liquid.builtin.expressions import LoopExpression
from liquid.builtin.expressions.primitive import RangeLiteral
from liquid.builtin.tags.for_tag import ForNode, ForTag
from liquid.exceptions import FilterArgumentError, LiquidSyntaxError, ResourceLimitError
from liquid.expression import Expression
from liquid.output import LimitedStringIO

MAX_OUTPUT_BYTES = 2_000_000
MAX_STRING = 100_000
MAX_ITEMS = 5_000
MAX_NUMBER = 10**30
ALLOWANCE = 1_000_000  # about a second of work at worst; a rich newsletter spends a few hundred

_MISSING_TAGS = ("include", "render", "tablerow")
_MISSING_FILTERS = ("safe", "escapejs", "base64_decode", "base64_url_safe_decode")
_QUADRATIC = ("uniq",)


class Meter(LimitedStringIO):
    """An output buffer whose every character is paid for."""

    def __init__(self, context: "BoundedContext") -> None:
        super().__init__(limit=MAX_OUTPUT_BYTES, newline="")  # as written: no line end is translated
        self.context = context

    def write(self, text: str) -> int:
        self.context.spend(len(text) // 50)
        return super().write(text)


class BoundedContext(RenderContext):
    """A rendering under way, with what it has spent."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.spent = 0

    def spend(self, amount: int) -> None:
        self.spent += amount
        if self.spent > ALLOWANCE:
            raise ResourceLimitError("the template does too much work", token=None)

    def get_buffer(self, buf: TextIO | None = None) -> Meter:
        return Meter(self)


def bounded(context: RenderContext) -> BoundedContext:
    """The context as what it always is here; the library's signatures know only its own class."""
    return cast(BoundedContext, context)


class BoundedTemplate(BoundTemplate):
    context_class = BoundedContext


class BoundedForNode(ForNode):
    """A loop that pays for all its rounds before the first one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.weight = 1 + len(str(self.block)) // 20

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        items = self.expression.iterable.evaluate(context)
        bounded(context).spend(_length(items) * self.weight)
        return super().render_to_output(context, buffer)


class BoundedForTag(ForTag):
    node_class = BoundedForNode


class Sandbox(Environment):
    """Liquid with every limit on. `autoescape` for HTML; off for subject lines and plain text."""

    template_class = BoundedTemplate
    block_nesting_limit = 20
    context_depth_limit = 20
    loop_iteration_limit = 10_000
    local_namespace_limit = 1_000_000
    output_stream_limit = MAX_OUTPUT_BYTES

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        super().setup_tags_and_filters(extra=False)
        self.add_tag(BoundedForTag)
        for name in _MISSING_TAGS:
            del self.tags[name]
        for name in _MISSING_FILTERS:
            del self.filters[name]
        self.filters = {name: _bounded(name, function) for name, function in self.filters.items()}

    def from_string(self, source: str, *args: Any, **kwargs: Any) -> BoundTemplate:
        template = super().from_string(source, *args, **kwargs)
        try:
            for node in walk(template.nodes):
                self._vet(node)
        except RecursionError as error:
            raise LiquidSyntaxError("an expression is nested too deeply", token=None) from error
        return template

    def _vet(self, node: Node) -> None:
        for expression in node.expressions():
            _refuse_stray_ranges(expression)
            _refuse_unknown_filters(self, expression)


_NO_CONTEXT = cast(RenderContext, None)  # only tags that load other files look at it, and there are none


def walk(nodes: Iterable[Node]) -> Iterator[Node]:
    """Every node of a parsed template, outer ones first. Depth is bounded by block_nesting_limit."""
    for node in nodes:
        yield node
        yield from walk(node.children(_NO_CONTEXT))


def _refuse_stray_ranges(expression: Expression) -> None:
    """Outside a loop a range like (1..9999999999) would be walked by `contains`, `join` or `sort`."""
    children = expression.children()
    if isinstance(expression, LoopExpression):
        children = [child for child in children if not isinstance(child, RangeLiteral)]
    elif isinstance(expression, RangeLiteral):
        raise LiquidSyntaxError("a range such as (1..5) can only be used in a for loop", token=expression.token)
    for child in children:
        _refuse_stray_ranges(child)


def _refuse_unknown_filters(sandbox: Sandbox, expression: Expression) -> None:
    for applied in getattr(expression, "filters", None) or []:
        if applied.name not in sandbox.filters:
            raise LiquidSyntaxError(f"there is no filter called “{applied.name}”", token=applied.token)


def _length(value: object) -> int:
    try:
        length = len(value)  # type: ignore[arg-type]
    except TypeError:
        return 1
    except OverflowError:
        length = MAX_ITEMS + 1
    if length > MAX_ITEMS and not isinstance(value, str):
        raise ResourceLimitError(f"a list has more than {MAX_ITEMS} entries", token=None)
    return length


def _check(value: object) -> int:
    """The cost of handling `value`; an error if it is larger than anything an email needs."""
    if isinstance(value, str):
        if len(value) > MAX_STRING:
            raise ResourceLimitError(f"a text is longer than {MAX_STRING} characters", token=None)
        return len(value) // 50
    if isinstance(value, int | float):
        if abs(value) > MAX_NUMBER:
            raise ResourceLimitError("a number is too large", token=None)
        return 0
    return _length(value)


def _bounded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` with its input, arguments and result checked and paid for."""
    foresee = _FORESEEN.get(name)

    def run(value: object, *args: object, context: BoundedContext, **kwargs: object) -> object:
        cost = 1 + _check(value) + sum(map(_check, args))
        if name in _QUADRATIC and isinstance(value, list):
            cost += len(value) ** 2 // 20
        context.spend(cost)
        if foresee is not None:
            foresee(value, *args)
        result = function(value, *args, **kwargs)
        context.spend(_check(result))
        return result

    run.with_context = True  # type: ignore[attr-defined]
    run.with_environment = getattr(function, "with_environment", False)  # type: ignore[attr-defined]
    return run


def _foresee_replace(value: object, old: object = "", new: object = "", *_: object) -> None:
    text, old, new = _text(value), _text(old), _text(new)
    if len(text) + text.count(old) * len(new) > MAX_STRING:
        raise ResourceLimitError("replace makes the text too long", token=None)


def _foresee_join(value: object, separator: object = " ", *_: object) -> None:
    items = value if isinstance(value, list) else [value]
    if sum(len(_text(item)) for item in items) + len(items) * len(_text(separator)) > MAX_STRING:
        raise ResourceLimitError("join makes the text too long", token=None)


def _foresee_round(_value: object, digits: object = 0, *_: object) -> None:
    # round(5, -10**9) computes 10**(10**9)
    if not isinstance(digits, int) or abs(digits) > 30:
        raise FilterArgumentError("round takes a whole number of digits, at most 30", token=None)


def _foresee_date(value: object, form: object = "", *_: object) -> None:
    if isinstance(value, str | int) and len(str(value)) > 64 or len(_text(form)) > 200:
        raise FilterArgumentError("date takes a date and a short format", token=None)


def _text(value: object) -> str:
    return value if isinstance(value, str) else str(value)


# Filters whose result must be known to be small before it is made, because making it is the harm.
_FORESEEN: dict[str, Callable[..., None]] = {
    "replace": _foresee_replace,
    "join": _foresee_join,
    "round": _foresee_round,
    "date": _foresee_date,
}

for_html = Sandbox(autoescape=True)
for_text = Sandbox(autoescape=False)
