"""The plain-text alternative, written from the HTML: what people with text-only mail programs read."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

from templates_app.filling import LINK
from templates_app.links import FoundLink
from templates_app.masking import Mask

_PARAGRAPHS = {"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table", "blockquote", "section", "article", "pre"}
_LINES = {"div", "tr", "li", "dt", "dd", "tbody", "thead", "header", "footer", "main", "center", "address"}
_HIDDEN = {"head", "style", "script", "title", "template", "noscript"}
_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
_LINK_TAG = re.compile(rf"{{% {LINK} (\d+) %}}")
_SPACES = re.compile(r"[ \t\r\n\f\u200c\u00ad\u034f]+")


@dataclass
class _Buffer:
    """Text under construction: a page, or one cell of a table."""

    parts: list[str] = field(default_factory=list)
    owed: int = 0  # line breaks due before the next text
    paid: int = 2  # line breaks that end what is written; a page begins as if after a gap

    def owe(self, breaks: int) -> None:
        self.owed = max(self.owed, breaks)

    def pay(self) -> None:
        if self.owed > self.paid:
            self.parts.append("\n" * (self.owed - self.paid))
            self.paid = self.owed
        self.owed = 0

    def write(self, text: str) -> None:
        if self.paid or self.owed:
            text = text.lstrip(" ")
        if text:
            self.pay()
            self.parts.append(text)
            self.paid = 0

    def write_tag(self, token: str) -> None:
        """A `{% tag %}` has no width: it stands after the break before it and makes none of its own."""
        self.pay()
        self.parts.append(token)

    def end_line(self) -> None:
        self.pay()
        self.parts.append("\n")
        self.paid += 1

    def text(self) -> str:
        return "".join(self.parts).strip()


class _Writer(HTMLParser):
    def __init__(self, mask: Mask, links: list[FoundLink]) -> None:
        super().__init__(convert_charrefs=True)
        self.mask, self.links = mask, links
        self.buffers = [_Buffer()]
        self.rows: list[list[str]] = []
        self.lists: list[int | None] = []
        self.hidden: list[str] = []
        self.anchors: list[tuple[str, _Buffer, int]] = []

    @property
    def out(self) -> _Buffer:
        return self.buffers[-1]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if self.hidden or tag in _HIDDEN or _is_invisible(attributes):
            if tag not in _VOID:
                self.hidden.append(tag)
            return
        self.out.owe(_breaks_around(tag, bool(self.lists)))
        if begin := getattr(self, f"_begin_{tag}", None):
            begin(attributes)

    def handle_endtag(self, tag: str) -> None:
        if self.hidden:
            self._leave_hidden(tag)
            return
        if end := getattr(self, f"_end_{tag}", None):
            end()
        self.out.owe(_breaks_around(tag, bool(self.lists)))

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.out.write(_SPACES.sub(" ", data))

    def handle_comment(self, data: str) -> None:
        if not self.hidden and self.mask.is_token(data):
            self.out.write_tag(data)

    def _leave_hidden(self, tag: str) -> None:
        if tag in self.hidden:
            while self.hidden.pop() != tag:
                pass

    def _begin_br(self, _: dict[str, str]) -> None:
        self.out.end_line()

    def _begin_hr(self, _: dict[str, str]) -> None:
        self.out.owe(2)
        self.out.write("-" * 40)
        self.out.owe(2)

    def _begin_img(self, attributes: dict[str, str]) -> None:
        if alt := attributes.get("alt", "").strip():
            self.out.write(alt)

    def _begin_ul(self, _: dict[str, str]) -> None:
        self.lists.append(None)

    def _begin_ol(self, _: dict[str, str]) -> None:
        self.lists.append(0)

    def _end_ul(self) -> None:
        if self.lists:
            self.lists.pop()

    _end_ol = _end_ul

    def _begin_li(self, _: dict[str, str]) -> None:
        number = self.lists[-1] if self.lists else None
        if number is not None:
            self.lists[-1] = number + 1
        indent = "  " * (len(self.lists) - 1)
        self.out.pay()
        self.out.parts.append(f"{indent}- " if number is None else f"{indent}{number + 1}. ")
        self.out.paid = 2  # so that the item's own blocks and spaces do not push its text to the next line

    def _begin_tr(self, _: dict[str, str]) -> None:
        self.rows.append([])

    def _begin_td(self, _: dict[str, str]) -> None:
        self.buffers.append(_Buffer())

    _begin_th = _begin_td

    def _end_td(self) -> None:
        if len(self.buffers) > 1:
            cell = self.buffers.pop().text()
            if self.rows and cell:
                self.rows[-1].append(cell)

    _end_th = _end_td

    def _end_tr(self) -> None:
        if not self.rows:
            return
        cells = self.rows.pop()
        is_line = all("\n" not in cell for cell in cells)
        self.out.write((" | " if is_line else "\n\n").join(cells))
        if not is_line or len(cells) == 1:  # a row that lays out the page rather than a row of data
            self.out.owe(2)

    def _begin_a(self, attributes: dict[str, str]) -> None:
        self.anchors.append((attributes.get("href", "").strip(), self.out, len(self.out.parts)))

    def _end_a(self) -> None:
        if not self.anchors:
            return
        address, out, start = self.anchors.pop()
        if out is not self.out or not address or address.startswith("#"):
            return
        said = "".join(out.parts[start:]).strip()
        shown = self._shown(address)
        if not said:
            out.write(address.removeprefix("mailto:").removeprefix("tel:"))
        elif _bare(said) == _bare(shown):
            out.parts[start:] = ["".join(out.parts[start:]).replace(said, address.removeprefix("mailto:"))]
        else:
            out.write(f" ({address.removeprefix('mailto:').removeprefix('tel:')})")

    def _shown(self, address: str) -> str:
        """The address as its author wrote it."""
        match = _LINK_TAG.fullmatch(address)
        return self.links[int(match[1])].url if match else address


def write(html: str, mask: Mask, links: list[FoundLink]) -> str:
    """Plain text of `html` (masked, links numbered), still masked; a link reads `text (address)`."""
    writer = _Writer(mask, links)
    writer.feed(html)
    writer.close()
    while len(writer.buffers) > 1:
        writer._end_td()
    lines = "".join(writer.out.parts).split("\n")
    text = "\n".join(line.rstrip() for line in lines)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _breaks_around(tag: str, in_list: bool) -> int:
    if tag in {"ul", "ol"} and in_list:
        return 1
    return 2 if tag in _PARAGRAPHS else 1 if tag in _LINES else 0


def _is_invisible(attributes: dict[str, str]) -> bool:
    style = attributes.get("style", "").replace(" ", "").lower()
    return "display:none" in style or "mso-hide:all" in style or "hidden" in attributes


def _bare(address: str) -> str:
    return re.sub(r"^(https?://|mailto:|tel:)", "", address.strip().lower()).rstrip("/")
