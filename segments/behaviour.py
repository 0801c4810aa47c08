"""Rules about what people did: did or did not, at least, at most or exactly N times (measures.py has totals)."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from segments import happenings, measures, operators, origins, properties, values
from segments.conditions import Condition
from segments.happenings import NOUNS, Happening
from segments.measures import Measured
from segments.operators import Operator
from segments.tree import Node

VERBS = {
    "did": "did at least once",
    "did_not": "did not do",
    "at_least": "did at least … times",
    "at_most": "did at most … times",
    "exactly": "did exactly … times",
}
COUNTED = ("at_least", "at_most", "exactly")


@dataclass(frozen=True)
class Behaviour:
    """How often someone did it."""

    path: str
    happening: Happening
    verb: str
    times: int = 1
    children: tuple[Node, ...] = field(default=(), init=False)

    def condition(self, now: datetime) -> Condition:
        if self.verb == "did":
            return self._happened(now)
        if self.verb == "did_not" or (self.verb == "exactly" and self.times == 0):
            return ~self._happened(now)
        if self.verb == "at_most":
            return ~self._counted(">", now)
        return self._counted(">=" if self.verb == "at_least" else "=", now)

    def drift(self, since: datetime, until: datetime) -> Condition | None:
        return self.happening.crossing(since, until)

    def fact(self, now: datetime) -> Condition:
        count = self.happening.of_person(self.happening.count, now)
        return Condition(f"to_jsonb({count.sql})", count.params)

    def asks(self) -> str:
        asked = f"{self.happening} {self._asked()}{self.happening.circumstances}"
        return asked[:1].upper() + asked[1:]

    def sentence(self, fact: Any, holds: bool, held: list[bool]) -> str:
        done = f"{self.happening} {_times(fact)}" if fact else f"never {self.happening}"
        said = done + self.happening.circumstances + ("" if holds else f"; asked is: {self._asked()}")
        return said[:1].upper() + said[1:]

    def _happened(self, now: datetime) -> Condition:
        events = self.happening.source(now)
        return Condition(f"EXISTS (SELECT 1 {events.sql} AND e.contact_id = c.id)", events.params, is_certain=True)

    def _counted(self, sign: str, now: datetime) -> Condition:
        return self.happening.grouped(Condition(f"{self.happening.count} {sign} %s", (self.times,)), now)

    def _asked(self) -> str:
        words = {"did": "at least once", "did_not": "not at all"}
        return words.get(self.verb) or f"{self.verb.replace('_', ' ')} {_times(self.times)}"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def parse(raw: dict[str, Any], path: str) -> Behaviour | Measured:
    """A checked rule about events; ValueError with a sentence otherwise."""
    verb = raw.get("operator", "did")
    if isinstance(verb, str) and verb in measures.KINDS:
        return measures.parse(raw, path)
    if not isinstance(verb, str) or verb not in VERBS:
        raise ValueError(f"Choose how often it happened: {', '.join([*VERBS, *measures.KINDS])}.")
    unknown = raw.keys() - happenings.keys() - {"operator", "times"}
    if unknown:
        raise ValueError(f"A rule about events has no {values.quoted(unknown)}.")
    return Behaviour(path, happenings.parse(raw), verb, _asked_times(raw, verb))


def _asked_times(raw: dict[str, Any], verb: str) -> int:
    if verb not in COUNTED:
        return 1
    return values.CountShape(least=1 if verb == "at_least" else 0).parse(raw.get("times"))


def describe() -> dict[str, Any]:
    """What the form and the API's clients must know to build such a rule."""
    counts = [{"key": key, "label": label, "counts": key in COUNTED} for key, label in VERBS.items()]
    return {
        "verbs": counts + measures.describe(),
        "property_types": _by_type(list(properties.TYPES)),
        "comparisons": _by_type(["number", "date"]),
        "messages": [{"value": name, "label": noun} for name, noun in NOUNS.items()],
        "origins": [_source_as_json(source) for source in origins.sources.values()],
    }


def _by_type(types: list[str]) -> dict[str, list[dict[str, str]]]:
    return {name: [operators_as_json(operator) for operator in operators.of_type(name)] for name in types}


def _source_as_json(source: origins.Source) -> dict[str, Any]:
    choices = [{"value": value, "label": label} for value, label in source.choices()]
    return {"key": source.key, "label": source.label, "choices": choices}


def operators_as_json(operator: Operator) -> dict[str, str]:
    return {"key": operator.name, "label": operator.label, "input": operator.takes.input}
