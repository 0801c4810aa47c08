"""What changed between two versions, line by line, for people and for the API."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass

from templates_app.models import TemplateVersion

LABELS = {
    "subject": "Subject",
    "preheader": "Preheader",
    "format": "Format",
    "source": "Message",
    "text_source": "Plain text",
}
CONTEXT_LINES = 3
_KINDS = {"+": "added", "-": "removed", "@": "place", " ": "same"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a difference; `kind` is added, removed, same, or place (a heading such as “line 12”)."""

    kind: str
    text: str


def between(old: TemplateVersion | None, new: TemplateVersion) -> dict[str, list[Line]]:
    """The changed fields by name, each with its lines; the first version differs from nothing at all."""
    if old is None:
        return {}
    pairs = {name: (getattr(old, name), getattr(new, name)) for name in LABELS}
    return {name: list(_lines(*pair)) for name, pair in pairs.items() if pair[0] != pair[1]}


def as_text(old: TemplateVersion | None, new: TemplateVersion) -> str:
    """The same as one unified difference."""
    marks = {"added": "+", "removed": "-", "same": " ", "place": "@@ "}
    sections = between(old, new).items()
    return "\n".join(
        "\n".join([f"--- {LABELS[name]}", *(f"{marks[line.kind]}{line.text}" for line in lines)])
        for name, lines in sections
    )


def _lines(old: str, new: str) -> Iterator[Line]:
    compared = difflib.unified_diff(old.splitlines(), new.splitlines(), n=CONTEXT_LINES, lineterm="")
    for number, text in enumerate(compared):
        if number < 2:
            continue  # the two file names
        kind = _KINDS[text[0]]
        yield Line(kind, _place(text) if kind == "place" else text[1:])


def _place(heading: str) -> str:
    """`@@ -3,7 +3,8 @@` in words."""
    return f"Line {heading.split('+')[1].split(' ')[0].split(',')[0]}"
