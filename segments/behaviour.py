"""Rules about what people did: did or did not, at least, at most or exactly N times, when, and with which properties.

Counted are the events of people; those of link scanners and mail clients' prefetching are left out.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from segments import conditions, operands, operators, values
from segments.conditions import Condition
from segments.operators import Operator
from segments.tree import Node

EVENT_NAME_LIMIT = 120
WHERE_LIMIT = 20
KEYS = {"event", "operator", "times", "within_days", "between", "where"}
VERBS = {
    "did": "did at least once",
    "did_not": "did not do",
    "at_least": "did at least … times",
    "at_most": "did at most … times",
    "exactly": "did exactly … times",
}
COUNTED = ("at_least", "at_most", "exactly")


@dataclass(frozen=True)
class Where:
    """A condition on a property of the event."""

    property: str
    operand: operands.TextKey | operands.NumberKey
    operator: Operator
    value: Any

    def condition(self, now: datetime) -> Condition:
        return self.operator.condition(self.operand, self.value, now)

    def __str__(self) -> str:
        return f"{self.property} {self.operator.says(self.operator.takes.show(self.value), holds=True)}"


@dataclass(frozen=True)
class Behaviour:
    """A question about someone's events. `between` holds whole days in UTC, both ends included."""

    path: str
    event: str
    verb: str
    times: int = 1
    within_days: int | None = None
    between: tuple[date, date] | None = None
    where: tuple[Where, ...] = ()
    children: tuple[Node, ...] = field(default=(), init=False)

    def condition(self, now: datetime) -> Condition:
        if self.verb == "did":
            return self._happened(now)
        if self.verb == "did_not" or (self.verb == "exactly" and self.times == 0):
            return ~self._happened(now)
        if self.verb == "at_most":
            return ~self._counted(">", now)
        return self._counted(">=" if self.verb == "at_least" else "=", now)

    def fact(self, now: datetime) -> Condition:
        events = self._events(now)
        return Condition(f"to_jsonb((SELECT count(*) {events.sql} AND e.contact_id = c.id))", events.params)

    def asks(self) -> str:
        return f"Did “{self.event}” {self._asked()}{self._circumstances()}"

    def sentence(self, fact: Any, holds: bool, held: list[bool]) -> str:
        done = f"Did “{self.event}” {_times(fact)}" if fact else f"Never did “{self.event}”"
        return done + self._circumstances() + ("" if holds else f"; asked is: {self._asked()}")

    def _happened(self, now: datetime) -> Condition:
        events = self._events(now)
        return Condition(f"EXISTS (SELECT 1 {events.sql} AND e.contact_id = c.id)", events.params, is_certain=True)

    def _counted(self, sign: str, now: datetime) -> Condition:
        # EXISTS over the grouped events: a hash join for a whole audience, one index look-up for a single person
        events = self._events(now)
        grouped = f"SELECT e.contact_id {events.sql} GROUP BY e.contact_id HAVING count(*) {sign} %s"  # noqa: S608
        sql = f"EXISTS (SELECT 1 FROM ({grouped}) counted WHERE counted.contact_id = c.id)"  # noqa: S608
        return Condition(sql, (*events.params, self.times), is_certain=True)

    def _events(self, now: datetime) -> Condition:
        parts = [Condition("e.name = %s", (self.event,)), Condition("e.label = 'human'")]
        if self.within_days is not None:
            parts.append(Condition("e.occurred_at >= %s", (now - timedelta(days=self.within_days),)))
        if self.between is not None:
            parts.append(operands.InstantColumn("e.occurred_at").days(*self.between))
        matching = conditions.all_of(parts + [condition.condition(now) for condition in self.where])
        return Condition(f"FROM events_event e WHERE {matching.sql}", matching.params)

    def _asked(self) -> str:
        words = {"did": "at least once", "did_not": "not at all"}
        return words.get(self.verb) or f"{self.verb.replace('_', ' ')} {_times(self.times)}"

    def _circumstances(self) -> str:
        when = f" in the last {self.within_days:,} days" if self.within_days is not None else ""
        if self.between:
            when = f" between {values.DatesShape().show(self.between)}"
        return f"{when} where {' and '.join(map(str, self.where))}" if self.where else when


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def parse(raw: dict[str, Any], path: str) -> Behaviour:
    """A checked behaviour rule; ValueError with a sentence otherwise."""
    unknown = raw.keys() - KEYS
    if unknown:
        raise ValueError(f"A rule about events has no {values.quoted(unknown)}.")
    verb = raw.get("operator", "did")
    if not isinstance(verb, str) or verb not in VERBS:
        raise ValueError(f"Choose how often it happened: {', '.join(VERBS)}.")
    return Behaviour(path, _event(raw), verb, _asked_times(raw, verb), *_window(raw), _wheres(raw.get("where") or []))


def _event(raw: dict[str, Any]) -> str:
    name = values.text(raw["event"])
    if len(name) > EVENT_NAME_LIMIT:
        raise ValueError(f"The name of an event has at most {EVENT_NAME_LIMIT} characters.")
    return name


def _asked_times(raw: dict[str, Any], verb: str) -> int:
    if verb not in COUNTED:
        return 1
    return values.CountShape(least=1 if verb == "at_least" else 0).parse(raw.get("times"))


def _window(raw: dict[str, Any]) -> tuple[int | None, tuple[date, date] | None]:
    days, between = raw.get("within_days"), raw.get("between")
    if days not in (None, "") and between:
        raise ValueError("Ask either for the last days or for a time between two dates, not for both.")
    within = None if days in (None, "") else values.CountShape(least=1).parse(days)
    return within, values.DatesShape().parse(between) if between else None


def _wheres(raw: Any) -> tuple[Where, ...]:
    if not isinstance(raw, list) or len(raw) > WHERE_LIMIT:
        raise ValueError(f"Conditions on properties are a list of at most {WHERE_LIMIT}.")
    return tuple(_where(item) for item in raw)


def _where(raw: Any) -> Where:
    """`type` is text or number; without it the value tells."""
    if not isinstance(raw, dict) or raw.keys() - {"property", "operator", "value", "type"}:
        raise ValueError("A condition on a property has property, operator, value and, if you like, type.")
    key, value = values.text(raw.get("property")), raw.get("value")
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    type_name = raw.get("type") or ("number" if is_number or _is_pair_of_numbers(value) else "text")
    if type_name not in ("text", "number"):
        raise ValueError("A property is compared as text or as number.")
    name = raw.get("operator", "equals")
    operator = operators.find(type_name, name) if isinstance(name, str) else None
    if operator is None:
        known = ", ".join(operator.name for operator in operators.of_type(type_name))
        raise ValueError(f"A property of type {type_name} can be compared by: {known}.")
    place = operands.NumberKey if type_name == "number" else operands.TextKey
    return Where(key, place("e.properties", key), operator, operator.takes.parse(value))


def _is_pair_of_numbers(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(item, int | float) for item in value)


def describe() -> dict[str, Any]:
    """What the form and the API's clients must know to build such a rule."""
    return {
        "verbs": [{"key": key, "label": label, "counts": key in COUNTED} for key, label in VERBS.items()],
        "property_types": {
            type_name: [operators_as_json(operator) for operator in operators.of_type(type_name)]
            for type_name in ("text", "number")
        },
    }


def operators_as_json(operator: Operator) -> dict[str, str]:
    return {"key": operator.name, "label": operator.label, "input": operator.takes.input}
