"""Rules about figures over someone's events: total, average, smallest or largest of a property, first and last time."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from segments import happenings, operators, values
from segments.conditions import Condition
from segments.happenings import Happening
from segments.operands import InstantColumn, NumberColumn, OrZero, Within
from segments.operators import Operator
from segments.tree import Node, show_fact

# CASE guards the cast: a property that is no number counts as absent.
_NUMBER = "CASE WHEN jsonb_typeof(e.properties->%s) = 'number' THEN (e.properties->>%s)::numeric END"


@dataclass(frozen=True)
class Kind:
    """`words` stand before the property, or before the event where there is none."""

    label: str
    words: str
    function: str
    type: str


KINDS = {
    "sum": Kind("the total of a property", "total of", "sum", "number"),
    "average": Kind("the average of a property", "average of", "avg", "number"),
    "smallest": Kind("the smallest value of a property", "smallest", "min", "number"),
    "largest": Kind("the largest value of a property", "largest", "max", "number"),
    "first_time": Kind("the first time", "first time someone", "min", "date"),
    "last_time": Kind("the last time", "last time someone", "max", "date"),
}


@dataclass(frozen=True)
class Measured:
    """A figure over someone's events, compared as a field of that type is.

    The total of no events is 0; every other figure of no events is empty, and a comparison with it doesn't hold.
    """

    path: str
    happening: Happening
    kind: Kind
    of: str
    operator: Operator
    value: Any
    children: tuple[Node, ...] = field(default=(), init=False)

    def condition(self, now: datetime) -> Condition:
        return self.operator.condition(self._operand(now), self.value, now)

    def drift(self, since: datetime, until: datetime) -> Condition | None:
        """By the window's edges, unless the comparison itself depends on the moment."""
        operand = self._operand(until)
        asked = (self.operator.condition(operand, self.value, moment) for moment in (since, until))
        return self.happening.crossing(since, until) if len(set(asked)) == 1 else None

    def fact(self, now: datetime) -> Condition:
        figure = self._figure
        of_person = self.happening.of_person(f"to_jsonb({figure.sql})", now)
        return Condition(of_person.sql, figure.params + of_person.params)

    def asks(self) -> str:
        return f"{self._label} {self._says(holds=True)}"

    def sentence(self, fact: Any, holds: bool, held: list[bool]) -> str:
        shown = show_fact(0 if fact is None and self.kind.function == "sum" else fact, {})
        return f"{self._label} is {shown}, which {self._says(holds)}"

    @property
    def _figure(self) -> Condition:
        if self.kind.type == "date":
            return Condition(f"{self.kind.function}(e.occurred_at)")
        return Condition(f"{self.kind.function}({_NUMBER})", (self.of, self.of))

    def _operand(self, now: datetime) -> Any:
        def grouped(condition: Condition) -> Condition:
            return self.happening.grouped(condition, now)

        if self.kind.type == "date":
            return Within(InstantColumn(self._figure.sql), grouped)
        step = OrZero if self.kind.function == "sum" else Within
        return step(NumberColumn(self._figure.sql, self._figure.params), grouped)

    @property
    def _label(self) -> str:
        what = f"{self.kind.words} {self.of} when someone" if self.of else self.kind.words
        return f"{what[:1].upper()}{what[1:]} {self.happening}{self.happening.circumstances}"

    def _says(self, holds: bool) -> str:
        return self.operator.says(self.operator.takes.show(self.value), holds)


def parse(raw: dict[str, Any], path: str) -> Measured:
    """`property` names the property of a number, `is` the comparison; ValueError with a sentence otherwise."""
    kind = KINDS[raw["operator"]]
    expected = {"operator", "is", "value"} | ({"property"} if kind.type == "number" else set())
    unknown = raw.keys() - happenings.keys() - expected
    if unknown:
        raise ValueError(f"A rule about {kind.label} has no {values.quoted(unknown)}.")
    operator, happening = _comparison(kind, raw.get("is")), happenings.parse(raw)
    property_name = values.text(raw.get("property")) if kind.type == "number" else ""
    return Measured(path, happening, kind, property_name, operator, operator.parse(raw.get("value")))


def _comparison(kind: Kind, name: Any) -> Operator:
    operator = operators.find(kind.type, name) if isinstance(name, str) else None
    if operator is None:
        known = ", ".join(operator.name for operator in operators.of_type(kind.type))
        raise ValueError(f"Compare {kind.label} by “is”: {known}.")
    return operator


def describe() -> list[dict[str, Any]]:
    return [
        {
            "key": key, "label": kind.label, "counts": False,
            "compares": kind.type, "takes_property": kind.type == "number",
        }
        for key, kind in KINDS.items()
    ]  # fmt: skip
