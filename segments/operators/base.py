"""How a rule may ask: one class per comparison, registered under its type and its own key (`number.between`).

A negative operator is the complement of its positive one, by construction: everyone is in exactly one of the two.
"""

from datetime import datetime
from typing import Any

from core.registry import Registry
from segments.conditions import Condition
from segments.operands import Operand
from segments.values import Shape


class Operator:
    """`key` is `<type>.<name>`; `phrase` and `denial` say in a sentence that it holds or doesn't, value at {}."""

    key: str
    label: str
    phrase = ""
    denial = ""
    takes: Shape = Shape()
    asks_emptiness = False

    @property
    def name(self) -> str:
        return self.key.partition(".")[2]

    def parse(self, raw: Any) -> Any:
        """The checked value of a rule; ValueError with a sentence if it won't do."""
        return self.takes.parse(raw)

    def condition(self, operand: Any, value: Any, now: datetime) -> Condition:
        raise NotImplementedError

    def says(self, value: str, holds: bool) -> str:
        phrase = self.phrase or f"{self.label} {{}}"
        denial = self.denial or phrase.replace("is ", "is not ", 1)
        return (phrase if holds else denial).replace("{}", value).strip()


operators: Registry[Operator] = Registry("segment operator")


class Complement(Operator):
    """Everyone whom `of` leaves out."""

    of: type[Operator]

    @property
    def takes(self) -> Shape:  # type: ignore[override]
        return self.of.takes

    def parse(self, raw: Any) -> Any:
        return self.of().parse(raw)

    def condition(self, operand: Any, value: Any, now: datetime) -> Condition:
        return ~self.of().condition(operand, value, now)

    def says(self, value: str, holds: bool) -> str:
        return self.of().says(value, not holds)


class Filled(Operator):
    label = "is filled"
    denial = "is not filled"
    asks_emptiness = True

    def condition(self, operand: Operand, value: Any, now: datetime) -> Condition:
        return operand.filled()


class Empty(Complement):
    label = "is empty"
    asks_emptiness = True
    of = Filled

    def says(self, value: str, holds: bool) -> str:
        return "is empty" if holds else "is not empty"


SIGNS = {
    "=": "equals", "!=": "not_equals", "≠": "not_equals", "<": "less_than", "<=": "at_most", "≤": "at_most",
    ">": "greater_than", ">=": "at_least", "≥": "at_least",
}  # fmt: skip


def of_type(name: str) -> list[Operator]:
    return [operator for key, operator in operators.items() if key.partition(".")[0] == name]


def find(type_name: str, operator: str) -> Operator | None:
    """The operator of a type by its name (`between`) or, for numbers and texts, its sign (`>=`)."""
    return operators.get(f"{type_name}.{SIGNS.get(operator, operator)}")
