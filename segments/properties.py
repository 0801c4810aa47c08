"""Conditions on the properties of an event, typed by the rule because the log has no catalogue of them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from segments import operands, operators, values
from segments.conditions import Condition
from segments.operators import Operator

LIMIT = 20
TYPES: dict[str, Callable[[str, str], Any]] = {
    "text": operands.TextKey,
    "number": operands.NumberKey,
    "boolean": operands.FlagKey,
    "date": operands.InstantKey,
    "list": operands.TextsKey,
    "version": operands.VersionKey,
}


@dataclass(frozen=True)
class Where:
    """A condition on one property of the event `e`."""

    property: str
    operand: Any
    operator: Operator
    value: Any

    def condition(self, now: datetime) -> Condition:
        return self.operator.condition(self.operand, self.value, now)

    def __str__(self) -> str:
        return f"{self.property} {self.operator.says(self.operator.takes.show(self.value), holds=True)}"


def parse_all(raw: Any) -> tuple[Where, ...]:
    if not isinstance(raw, list) or len(raw) > LIMIT:
        raise ValueError(f"Conditions on properties are a list of at most {LIMIT}.")
    return tuple(parse(item) for item in raw)


def parse(raw: Any) -> Where:
    """`type` is one of TYPES; without it the value tells."""
    if not isinstance(raw, dict) or raw.keys() - {"property", "operator", "value", "type"}:
        raise ValueError("A condition on a property has property, operator, value and, if you like, type.")
    key, value = values.text(raw.get("property")), raw.get("value")
    type_name = raw.get("type") or _type_of(value)
    if not isinstance(type_name, str) or type_name not in TYPES:
        raise ValueError(f"A property is compared as text or as number, or as one of: {', '.join(TYPES)}.")
    operator = _operator(type_name, raw.get("operator", "is" if type_name == "boolean" else "equals"))
    return Where(key, TYPES[type_name]("e.properties", key), operator, operator.parse(value))


def _operator(type_name: str, name: Any) -> Operator:
    operator = operators.find(type_name, name) if isinstance(name, str) else None
    if operator is None:
        known = ", ".join(operator.name for operator in operators.of_type(type_name))
        raise ValueError(f"A property of type {type_name} can be compared by: {known}.")
    return operator


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    is_pair = isinstance(value, list) and len(value) == 2 and all(isinstance(item, int | float) for item in value)
    return "number" if is_pair or isinstance(value, int | float) else "text"
