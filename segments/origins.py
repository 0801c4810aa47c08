"""Where a message's event may come from: campaigns, templates. Those apps stand above and register themselves here."""

from dataclasses import dataclass
from typing import Any

from core.registry import Registry
from segments import values
from segments.conditions import Condition

CHOICES_SHOWN = 500


@dataclass(frozen=True)
class Origin:
    """One campaign or template: `condition` picks its events among those of `e`."""

    label: str
    name: str
    condition: Condition

    def __str__(self) -> str:
        return f" of the {self.label} “{self.name}”"


class Source:
    """A kind of origin; `key` is the key of the rule that names one by its UUID, `label` says it in a sentence."""

    key: str
    label: str

    def find(self, uuid: str) -> Origin | None:
        raise NotImplementedError

    def choices(self) -> list[tuple[str, str]]:
        """UUID and name of the newest, at most CHOICES_SHOWN."""
        raise NotImplementedError


sources: Registry[Source] = Registry("source of messages")


def parse(raw: dict[str, Any]) -> tuple[Origin, ...]:
    """The origins that a rule names; ValueError for one that isn't there."""
    return tuple(_find(source, raw[key]) for key, source in sources.items() if raw.get(key))


def _find(source: Source, raw: Any) -> Origin:
    found = source.find(values.text(raw))
    if found is None:
        raise ValueError(f"There is no {source.label} {values.quoted([raw])}. Choose one from the list.")
    return found
