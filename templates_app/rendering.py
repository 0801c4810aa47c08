"""Version + context -> content: the one renderer that preview, test send and real send all use.

A compiled version is parsed once into literals and holes. A hole that is a plain variable is filled directly; anything
more is left to the Liquid sandbox. Imports no Django, so that compiling.py can try a rendering in its bounded process.
"""

import functools
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TextIO
from urllib.parse import quote, urlsplit

from liquid import BoundTemplate, RenderContext
from liquid.ast import Node
from liquid.builtin.content import ContentNode
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.output import OutputNode
from liquid.exceptions import LiquidError, ResourceLimitError
from liquid.tag import Tag
from liquid.token import TOKEN_EXPRESSION, TOKEN_TAG
from markupsafe import escape

from templates_app.sandbox import MAX_OUTPUT_BYTES, BoundedContext, Meter, Sandbox

if TYPE_CHECKING:
    from contacts.models import Contact
    from templates_app.models import TemplateVersion

LINK, PIXEL = "carillon_link", "carillon_pixel"  # the two tags that publishing writes and people may not
MAX_SUBJECT = 990  # a header line is at most 998 octets
_BREAKS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_GAPS = re.compile(r"\n[ \t]*(?:\n[ \t]*){2,}")
_SPECIAL = {"size", "first", "last", "now", "today"}  # answered by Liquid, not by the context
_SAFE_IN_URL = "/#%[]=:;$&()+,!?*@'~"


class RenderError(Exception):
    """This version can't be rendered for this person; the message says why, in a sentence for people."""


class Placed(Protocol):
    """What rendering asks of a link: Link rows, or what compiling has found."""

    position: int
    url: str
    text: str

    @property
    def is_dynamic(self) -> bool: ...


LinkFor = Callable[[Any, str], str]


@dataclass(frozen=True, slots=True)
class Content:
    """What one person gets. `subject` and `preheader` are single lines without control characters."""

    subject: str
    preheader: str
    html: str
    text: str


class Renderer:
    """A version parsed for rendering. Holds no state of a rendering, so any number of threads may share one."""

    def __init__(self, *, subject: str, preheader: str, html: str, text: str, links: Iterable[Placed] = ()) -> None:
        self.links: Sequence[Placed] = sorted(links, key=lambda link: link.position)
        self._urls = [_for_html.from_string(link.url) if link.is_dynamic else None for link in self.links]
        parts = [_for_text.from_string(subject), _for_text.from_string(preheader)]
        parts += [_for_html.from_string(html), _for_text.from_string(text)]
        self._subject, self._preheader, self._html, self._text = map(_Plan, parts)
        used = (name for part in [*parts, *filter(None, self._urls)] for name in _variables(part))
        self.variables: frozenset[str] = frozenset(used)

    def render(self, context: dict[str, Any], *, link: LinkFor | None = None, pixel: str = "") -> Content:
        """The content for `context`, which holds plain JSON values only. Raises RenderError and nothing else.

        `link(row, url)` returns the address to put in place of a link whose address for this person is `url`.
        `pixel` is trusted HTML that goes just before </body>.
        """
        if type(context) is not dict:
            raise RenderError("The data to fill in must be a plain dictionary.")
        run = _Run(context, self.links, self._urls, link, pixel)
        try:
            return Content(
                subject=_line(self._subject.fill(run), MAX_SUBJECT),
                preheader=_line(self._preheader.fill(run), MAX_OUTPUT_BYTES),
                html=_encodable(self._html.fill(run)),
                text=_encodable(_squeezed(self._text.fill(run))),
            )
        except RenderError:
            raise
        except Exception as error:  # a template is a program of its author's: whatever it does is its error, not ours
            raise RenderError(_sentence(error)) from error

    def undefined(self, context: dict[str, Any]) -> list[str]:
        """The variables that `context` has no value for; they render as nothing."""
        liquid = BoundedContext(self._html.template, globals=context)
        missing = object()
        found = {name: liquid.get([*name.split(".")], token=None, default=missing) for name in self.variables}
        return sorted(name for name, value in found.items() if value is missing)


@functools.lru_cache(maxsize=256)
def _parsed(version: "TemplateVersion") -> Renderer:
    # A model instance hashes and compares by its key, and a published version never changes.
    return Renderer(
        subject=version.subject,
        preheader=version.preheader,
        html=version.compiled_html,
        text=version.compiled_text,
        links=version.links.all(),
    )


def renderer(version: "TemplateVersion") -> Renderer:
    """The renderer of a published version, parsed once per process."""
    if not version.is_published:
        raise RenderError("Only a published version can be sent. Publish the draft first.")
    return _parsed(version)


def contact_context(contact: "Contact") -> dict[str, Any]:
    """What templates may know of a person, as plain values; also of one that is not saved, for previews."""
    known: dict[str, Any] = {name: _text_of(getattr(contact, name)) for name in _CONTACT_TEXTS}
    # Fields that an unsaved contact has not been given hold a marker of Django's, not a value.
    known["tags"] = list(contact.tags) if isinstance(contact.tags, list) else []
    known["attributes"] = dict(contact.attributes) if isinstance(contact.attributes, dict) else {}
    return {"contact": known}


_CONTACT_TEXTS = (
    "email", "phone", "first_name", "last_name", "full_name", "locale", "external_id", "time_zone",
)  # fmt: skip


def _text_of(value: object) -> str:
    return value if isinstance(value, str) else ""


class _Run:
    """One rendering: its data, and what has been worked out so far."""

    __slots__ = ("addresses", "link", "links", "pixel", "size", "urls", "values")

    def __init__(
        self,
        values: dict[str, Any],
        links: Sequence[Placed],
        urls: Sequence[BoundTemplate | None],
        link: LinkFor | None,
        pixel: str,
    ) -> None:
        self.values, self.links, self.urls, self.link, self.pixel = values, links, urls, link, pixel
        self.addresses: dict[tuple[int, str], str] = {}
        self.size = 0

    def address(self, position: int, context: BoundedContext | None) -> str:
        """The address of a link for this person; the same one in HTML and in text."""
        row, template = self.links[position], self.urls[position]
        url = row.url if template is None or context is None else _personal(row, template, context)
        known = self.addresses.get((position, url))
        if known is None:
            known = self.addresses[position, url] = self.link(row, url) if self.link else url
        return known


class _Pass:
    """One part (subject, HTML ...) of one rendering. Its Liquid context is made only if a hole needs it."""

    __slots__ = ("_liquid", "run", "template")

    def __init__(self, template: BoundTemplate, run: _Run) -> None:
        self.template, self.run = template, run
        self._liquid: BoundedContext | None = None

    @property
    def liquid(self) -> BoundedContext:
        if self._liquid is None:
            self._liquid = BoundedContext(self.template, globals=self.run.values)
            self._liquid.tag_namespace["run"] = self.run
        return self._liquid


Fill = Callable[[_Pass], str]


class _Plan:
    """A parsed part as a list of texts with holes, and what fills each hole."""

    def __init__(self, template: BoundTemplate) -> None:
        self.template = template
        self.chunks: list[str] = []
        self.holes: list[tuple[int, Fill]] = []
        assigned = template.analyze(include_partials=False).locals.keys()
        for node in template.nodes:
            self._add(node, assigned)
        self.literal = "".join(self.chunks)

    def _add(self, node: Node, assigned: Collection[str]) -> None:
        if isinstance(node, ContentNode):
            self.chunks.append(node.text)
            return
        self.holes.append((len(self.chunks), _fill(node, self.template.env.autoescape, assigned)))
        self.chunks.append("")

    def fill(self, run: _Run) -> str:
        if not self.holes:
            return self.literal
        chunks = self.chunks.copy()
        part = _Pass(self.template, run)
        for place, fill in self.holes:
            chunks[place] = text = fill(part)
            run.size += len(text)
            if run.size > MAX_OUTPUT_BYTES:
                raise ResourceLimitError("the message is too large", token=None)
        return "".join(chunks)


def _fill(node: Node, is_html: bool, assigned: Collection[str]) -> Fill:
    if isinstance(node, _PixelNode):
        return lambda part: part.run.pixel
    by_liquid = functools.partial(_fill_by_liquid, node)
    if isinstance(node, _LinkNode):
        return _fill_by_address(node.position, is_html, by_liquid)
    path = _plain_path(node)
    if path is None or path[0] in assigned:
        return by_liquid
    return _fill_by_path(path, is_html, by_liquid)


def _fill_by_liquid(node: Node, part: _Pass) -> str:
    buffer = Meter(part.liquid)
    node.render(part.liquid, buffer)
    return buffer.getvalue()


def _fill_by_path(path: list[str], is_html: bool, by_liquid: Fill) -> Fill:
    """The common case, `{{ contact.first_name }}`: a text found by plain look-ups. All else is Liquid's to decide."""

    def fill(part: _Pass) -> str:
        value: Any = part.run.values
        try:
            for key in path:
                value = value[key]
        except (KeyError, TypeError):
            return by_liquid(part)
        if type(value) is not str:
            return by_liquid(part)
        return escape(value) if is_html else value

    return fill


def _fill_by_address(position: int, is_html: bool, by_liquid: Fill) -> Fill:
    def fill(part: _Pass) -> str:
        if part.run.urls[position] is not None:
            return by_liquid(part)
        address = part.run.address(position, None)
        return escape(address) if is_html else address

    return fill


def _plain_path(node: Node) -> list[str] | None:
    """The keys of an output that is nothing but a path of names, else None."""
    expression = node.expression if isinstance(node, OutputNode) else None
    if not isinstance(expression, FilteredExpression) or expression.filters or not isinstance(expression.left, Path):
        return None
    path = [key for key in expression.left.path if isinstance(key, str) and key not in _SPECIAL]
    return path if len(path) == len(expression.left.path) else None


class _LinkNode(Node):
    """Where a link's address goes; publishing wrote its position."""

    __slots__ = ("position",)

    def __init__(self, token: Any, position: int) -> None:
        super().__init__(token)
        self.position = position
        self.blank = False

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        address = context.tag_namespace["run"].address(self.position, context)
        return buffer.write(escape(address) if context.autoescape else address)


class _LinkTag(Tag):
    name = LINK
    block = False

    def parse(self, stream: Any) -> Node:
        token = stream.eat(TOKEN_TAG)
        return _LinkNode(token, int(stream.expect(TOKEN_EXPRESSION).value))


class _PixelNode(Node):
    """Where the open pixel goes."""

    __slots__ = ()

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        return buffer.write(context.tag_namespace["run"].pixel)


class _PixelTag(Tag):
    name = PIXEL
    block = False

    def parse(self, stream: Any) -> Node:
        return _PixelNode(stream.current)


class _CompiledSandbox(Sandbox):
    """The sandbox with the two tags that only publishing writes."""

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        super().setup_tags_and_filters(extra=extra)
        self.add_tag(_LinkTag)
        self.add_tag(_PixelTag)


_for_html, _for_text = _CompiledSandbox(autoescape=True), _CompiledSandbox(autoescape=False)


def _personal(row: Placed, template: BoundTemplate, context: BoundedContext) -> str:
    """A link's address for one person, with the loop variables of where it stands; RenderError if it isn't one."""
    was_escaping, context.autoescape = context.autoescape, False
    try:
        buffer = Meter(context)
        for node in template.nodes:
            node.render(context, buffer)
    finally:
        context.autoescape = was_escaping
    url = quote(buffer.getvalue().strip(), safe=_SAFE_IN_URL)
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        what = f" (“{row.text}”)" if row.text else ""
        raise RenderError(f"Link {row.position + 1}{what} has no web address for this person: it came out as “{url}”.")
    return url


def _variables(template: BoundTemplate) -> list[str]:
    used = template.analyze(include_partials=False).globals.values()
    return [str(variable) for variables in used for variable in variables if variable.segments[0] not in _SPECIAL]


def _line(text: str, limit: int) -> str:
    """`text` as one line: a line break in a header would let a name add headers of its own."""
    if _BREAKS.search(text):
        text = _BREAKS.sub(" ", text)
    text = text.strip()
    if len(text) > limit:
        raise RenderError(f"The subject is longer than {limit} characters for this person.")
    return _encodable(text)


def _encodable(text: str) -> str:
    if not text.isascii():
        text.encode()  # a lone surrogate in someone's data can't be put into any message
    return text


def _squeezed(text: str) -> str:
    """Without the gaps that loops and conditions leave."""
    return _GAPS.sub("\n\n", text).strip() + "\n" if text else ""


def _sentence(error: Exception) -> str:
    if isinstance(error, LiquidError):
        return f"The template can't be filled in: {error.message}."
    if isinstance(error, UnicodeEncodeError):
        return "The message holds a character that can't be sent."
    return f"The template can't be filled in for this person ({type(error).__name__})."
