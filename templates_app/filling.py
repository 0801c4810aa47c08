"""A parsed part of a message as literals and holes, and what fills each hole for one person.

A hole that is a plain variable or a link is filled directly; anything more is left to the Liquid sandbox.
"""

import functools
import re
from collections.abc import Callable, Collection, Sequence
from typing import Any, Protocol, TextIO
from urllib.parse import quote, urlsplit

from liquid import BoundTemplate, RenderContext
from liquid.ast import Node
from liquid.builtin.content import ContentNode
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.output import OutputNode
from liquid.exceptions import ResourceLimitError
from liquid.tag import Tag
from liquid.token import TOKEN_EXPRESSION, TOKEN_TAG
from markupsafe import escape

from templates_app.sandbox import MAX_OUTPUT_BYTES, BoundedContext, Meter, Sandbox

LINK, PIXEL = "carillon_link", "carillon_pixel"  # the two tags that publishing writes and people may not
ANSWERED_BY_LIQUID = {"size", "first", "last", "now", "today"}  # not by the context
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


class Run:
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

    def __init__(self, template: BoundTemplate, run: Run) -> None:
        self.template, self.run = template, run
        self._liquid: BoundedContext | None = None

    @property
    def liquid(self) -> BoundedContext:
        if self._liquid is None:
            self._liquid = BoundedContext(self.template, globals=self.run.values)
            self._liquid.tag_namespace["run"] = self.run
        return self._liquid


_NEEDS_ESCAPING = re.compile("[&<>\"']").search

Fill = Callable[[_Pass], str]


class Plan:
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

    def fill(self, run: Run) -> str:
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
    """The common case, `{{ contact.first_name }}`: a text or whole number found by plain look-ups; else Liquid."""

    def fill(part: _Pass) -> str:
        value: Any = part.run.values
        try:
            for key in path:
                value = value[key]
        except (KeyError, TypeError):
            return by_liquid(part)
        if type(value) is str:
            return _escaped(value) if is_html else value
        return str(value) if type(value) is int else by_liquid(part)

    return fill


def _fill_by_address(position: int, is_html: bool, by_liquid: Fill) -> Fill:
    def fill(part: _Pass) -> str:
        if part.run.urls[position] is not None:
            return by_liquid(part)
        address = part.run.address(position, None)
        return _escaped(address) if is_html else address

    return fill


def _escaped(text: str) -> str:
    """`text` for HTML. Most values need nothing done, and finding that out costs a third of escaping them."""
    return escape(text) if _NEEDS_ESCAPING(text) else text


def _plain_path(node: Node) -> list[str] | None:
    """The keys of an output that is nothing but a path of names, else None."""
    expression = node.expression if isinstance(node, OutputNode) else None
    if not isinstance(expression, FilteredExpression) or expression.filters or not isinstance(expression.left, Path):
        return None
    path = [key for key in expression.left.path if isinstance(key, str) and key not in ANSWERED_BY_LIQUID]
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


for_html, for_text = _CompiledSandbox(autoescape=True), _CompiledSandbox(autoescape=False)


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
