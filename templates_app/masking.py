"""Carries Liquid through tools that know only markup: each placeholder becomes a harmless token and back.

A `{% tag %}` between elements becomes a comment, because comments may stand where text may not: between table rows,
between MJML sections. Everywhere else a placeholder becomes a word that is valid as text, attribute and CSS.
"""

import html
import re

_PIECES = re.compile(
    r"(?P<dropped>\{%-?\s*comment\b[\s\S]*?\{%-?\s*endcomment\s*-?%\}|\{%-?\s*#[\s\S]*?%\})"
    r"|(?P<output>\{%-?\s*raw\s*-?%\}[\s\S]*?\{%-?\s*endraw\s*-?%\}|\{\{[\s\S]*?\}\})"
    r"|(?P<tag>\{%[\s\S]*?%\})"
    r"|(?P<opens_comment><!--)|(?P<closes_comment>-->)"
    r"|<(?P<closing>/?)(?P<name>[a-zA-Z][a-zA-Z0-9-]*)"
    r"|(?P<end>>)|(?P<quote>[\"'])"
)
_RAW_TEXT = {"style", "script", "title", "textarea", "mj-style", "mj-title", "mj-preview"}


class Mask:
    """`masked` is the source without Liquid; `restore` puts it back, `lost` names what a tool dropped on the way."""

    def __init__(self, source: str, *, is_markup: bool = True) -> None:
        self._is_markup = is_markup
        self.originals: list[str] = []
        self._lines: list[int] = []
        self._prefix = _unused_word(source)
        self._token = re.compile(rf'<!--{self._prefix}(\d+)z-->|{self._prefix}(\d+)z(?:="")?')
        self.masked = self._mask(source)

    def restore(self, text: str) -> str:
        return self._token.sub(lambda match: self.originals[int(match[1] or match[2])], text)

    def lost(self, text: str) -> list[tuple[str, int]]:
        """Placeholders, with their lines, that `text` (masked) no longer holds."""
        kept = {int(match[1] or match[2]) for match in self._token.finditer(text)}
        missing = (number for number in range(len(self.originals)) if number not in kept)
        return [(self.originals[number], self._lines[number]) for number in missing]

    def is_token(self, text: str) -> bool:
        return self._token.fullmatch(text) is not None

    def _mask(self, source: str) -> str:
        place, done, out = _Place(), 0, []
        for match in _PIECES.finditer(source):
            kind = match.lastgroup
            if kind not in {"dropped", "output", "tag"}:
                place.move(match)
                continue
            out.append(source[done : match.start()])
            done = match.end()
            if kind != "dropped":
                out.append(self._replace(match.group(), source.count("\n", 0, match.start()) + 1, kind, place))
        return "".join(out) + source[done:]

    def _replace(self, original: str, line: int, kind: str, place: "_Place") -> str:
        token = f"{self._prefix}{len(self.originals)}z"
        self.originals.append(original)
        self._lines.append(line)
        return f"<!--{token}-->" if kind == "tag" and self._is_markup and place.is_text else token


class _Place:
    """Where in the markup a scan has come to."""

    def __init__(self) -> None:
        self.state, self.name, self.closing, self.quote = "text", "", False, ""

    @property
    def is_text(self) -> bool:
        return self.state == "text"

    def move(self, match: re.Match[str]) -> None:
        getattr(self, f"_in_{self.state}")(match)

    def _in_text(self, match: re.Match[str]) -> None:
        if match["opens_comment"]:
            self.state = "comment"
        elif match["name"]:
            self._enter(match)

    def _in_comment(self, match: re.Match[str]) -> None:
        if match["closes_comment"]:
            self.state = "text"

    def _in_raw(self, match: re.Match[str]) -> None:
        if match["closing"] and match["name"].lower() == self.name:
            self._enter(match)

    def _in_tag(self, match: re.Match[str]) -> None:
        mark = match["quote"]
        if mark and self.quote in {"", mark}:
            self.quote = "" if self.quote else mark
        elif (match["end"] or match["closes_comment"]) and not self.quote:
            self.state = "raw" if self.name in _RAW_TEXT and not self.closing else "text"

    def _enter(self, match: re.Match[str]) -> None:
        self.state, self.name, self.closing, self.quote = "tag", match["name"].lower(), bool(match["closing"]), ""


def escape_text(source: str) -> str:
    """Plain text with Liquid as HTML: the text escaped, the placeholders left as they are."""
    mask = Mask(source, is_markup=False)
    return mask.restore(html.escape(mask.masked, quote=False))


def _unused_word(source: str) -> str:
    word = "lq"
    while word in source.lower():
        word += "q"
    return word
