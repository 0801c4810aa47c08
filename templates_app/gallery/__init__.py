"""Ready-made messages to start from; each is a source file here and an entry in index.json."""

import functools
import json
from dataclasses import dataclass
from pathlib import Path

from core.errors import Refused

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Example:
    """A starter: `content` holds the fields of a draft."""

    key: str
    name: str
    description: str
    category: str
    content: dict[str, str]


@functools.cache
def examples() -> tuple[Example, ...]:
    """All starters, in the order of index.json."""
    return tuple(_read(entry) for entry in json.loads((_HERE / "index.json").read_text()))


def find(key: str) -> Example:
    """The starter called `key`. Looked up, never opened: a key is no file name."""
    for example in examples():
        if example.key == key:
            return example
    raise Refused("not_in_gallery", "There is no such template in the gallery.")


def _read(entry: dict[str, str]) -> Example:
    source = (_HERE / entry["file"]).read_text()
    content = {
        "subject": entry["subject"],
        "preheader": entry["preheader"],
        "format": entry["file"].rpartition(".")[2],
        "source": source,
    }
    return Example(entry["key"], entry["name"], entry["description"], entry["category"], content)
