"""How a rule may ask: one class per comparison, registered under its type and its own key (`number.between`).

A negative operator is the complement of its positive one, by construction: everyone is in exactly one of the two.
"""

from datetime import datetime, timedelta
from typing import Any

from core.registry import Registry
from segments import values
from segments.conditions import Condition
from segments.operands import Flag, Instant, Number, Operand, Text, Texts
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


# --- Text ----------------------------------------------------------------------------------------------------------


@operators.register
class TextEquals(Operator):
    key, label, takes = "text.equals", "is", values.TextShape()

    def condition(self, operand: Text, value: str, now: datetime) -> Condition:
        return operand.equals(value)


@operators.register
class TextNotEquals(Complement):
    key, label, of = "text.not_equals", "is not", TextEquals


class Like(Operator):
    """Ignores case; the person's %, _ and backslash mean themselves."""

    takes = values.TextShape()
    pattern: str

    def condition(self, operand: Text, value: str, now: datetime) -> Condition:
        plain = value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return operand.like(self.pattern.replace("*", plain))


@operators.register
class TextContains(Like):
    key, label, denial, pattern = "text.contains", "contains", "does not contain {}", "%*%"


@operators.register
class TextNotContains(Complement):
    key, label, of = "text.not_contains", "does not contain", TextContains


@operators.register
class TextStartsWith(Like):
    key, label, denial, pattern = "text.starts_with", "starts with", "does not start with {}", "*%"


@operators.register
class TextEndsWith(Like):
    key, label, denial, pattern = "text.ends_with", "ends with", "does not end with {}", "%*"


@operators.register
class TextOneOf(Operator):
    key, label, takes = "text.one_of", "is one of", values.TextsShape()

    def condition(self, operand: Text, value: list[str], now: datetime) -> Condition:
        return operand.one_of(value)


@operators.register
class TextNoneOf(Complement):
    key, label, of = "text.none_of", "is none of", TextOneOf


@operators.register
class TextFilled(Filled):
    key = "text.is_filled"


@operators.register
class TextEmpty(Empty):
    key = "text.is_empty"


# --- Numbers -------------------------------------------------------------------------------------------------------


@operators.register
class NumberEquals(Operator):
    key, label, takes = "number.equals", "=", values.NumberShape()
    phrase = "is equal to {}"

    def condition(self, operand: Number, value: float, now: datetime) -> Condition:
        return operand.equals(value)


@operators.register
class NumberNotEquals(Complement):
    key, label, of = "number.not_equals", "≠", NumberEquals


class Compares(Operator):
    takes = values.NumberShape()
    sign: str

    def condition(self, operand: Number, value: float, now: datetime) -> Condition:
        return operand.compares(self.sign, value)


@operators.register
class NumberLess(Compares):
    key, label, sign, phrase = "number.less_than", "<", "<", "is less than {}"


@operators.register
class NumberAtMost(Compares):
    key, label, sign, phrase = "number.at_most", "≤", "<=", "is at most {}"


@operators.register
class NumberGreater(Compares):
    key, label, sign, phrase = "number.greater_than", ">", ">", "is greater than {}"


@operators.register
class NumberAtLeast(Compares):
    key, label, sign, phrase = "number.at_least", "≥", ">=", "is at least {}"


@operators.register
class NumberBetween(Operator):
    key, label, takes = "number.between", "is between", values.NumbersShape()

    def condition(self, operand: Number, value: tuple[float, float], now: datetime) -> Condition:
        return operand.between(*value)


@operators.register
class NumberFilled(Filled):
    key = "number.is_filled"


@operators.register
class NumberEmpty(Empty):
    key = "number.is_empty"


# --- Dates and moments: whole days, in UTC -------------------------------------------------------------------------


class OnDays(Operator):
    takes = values.DateShape()
    first_day: int | None = None
    last_day: int | None = None

    def condition(self, operand: Instant, value: Any, now: datetime) -> Condition:
        first, last = (
            None if shift is None else value + timedelta(days=shift) for shift in (self.first_day, self.last_day)
        )
        return operand.days(first, last)


@operators.register
class DateBefore(OnDays):
    key, label, last_day = "date.before", "is before", -1


@operators.register
class DateAfter(OnDays):
    key, label, first_day = "date.after", "is after", 1


@operators.register
class DateOn(OnDays):
    key, label, first_day, last_day = "date.on", "is on", 0, 0


@operators.register
class DateBetween(Operator):
    key, label, takes = "date.between", "is between", values.DatesShape()

    def condition(self, operand: Instant, value: Any, now: datetime) -> Condition:
        return operand.days(*value)


@operators.register
class DateInLastDays(Operator):
    key, label, takes = "date.in_last_days", "is in the last … days", values.CountShape(least=1)
    phrase = "is in the last {} days"

    def condition(self, operand: Instant, value: int, now: datetime) -> Condition:
        return operand.since(now - timedelta(days=value), now)


@operators.register
class DateMoreThanDaysAgo(Operator):
    key, label, takes = "date.more_than_days_ago", "is more than … days ago", values.CountShape()
    phrase = "is more than {} days ago"

    def condition(self, operand: Instant, value: int, now: datetime) -> Condition:
        return operand.older(now - timedelta(days=value))


@operators.register
class DateFilled(Filled):
    key = "date.is_filled"


@operators.register
class DateEmpty(Empty):
    key = "date.is_empty"


# --- Yes or no, choices --------------------------------------------------------------------------------------------


@operators.register
class FlagIs(Operator):
    key, label, takes = "boolean.is", "is", values.FlagShape()

    def condition(self, operand: Flag, value: bool, now: datetime) -> Condition:
        return operand.equals(value)


@operators.register
class FlagFilled(Filled):
    key = "boolean.is_filled"


@operators.register
class FlagEmpty(Empty):
    key = "boolean.is_empty"


@operators.register
class ChoiceEquals(Operator):
    key, label, takes = "choice.equals", "is", values.ChoiceShape()

    def condition(self, operand: Text, value: str, now: datetime) -> Condition:
        return operand.equals(value)


@operators.register
class ChoiceNotEquals(Complement):
    key, label, of = "choice.not_equals", "is not", ChoiceEquals


# --- Lists ---------------------------------------------------------------------------------------------------------


@operators.register
class ListHas(Operator):
    key, label, denial, takes = "list.has", "has", "does not have {}", values.TextShape()

    def condition(self, operand: Texts, value: str, now: datetime) -> Condition:
        return operand.has_all([value])


@operators.register
class ListHasNot(Complement):
    key, label, of = "list.has_not", "does not have", ListHas


@operators.register
class ListHasAny(Operator):
    key, label, denial = "list.has_any", "has any of", "has none of {}"
    takes = values.TextsShape()

    def condition(self, operand: Texts, value: list[str], now: datetime) -> Condition:
        return operand.has_any(value)


@operators.register
class ListHasAll(Operator):
    key, label, denial = "list.has_all", "has all of", "does not have all of {}"
    takes = values.TextsShape()

    def condition(self, operand: Texts, value: list[str], now: datetime) -> Condition:
        return operand.has_all(value)


@operators.register
class ListHasNone(Complement):
    key, label, of = "list.has_none", "has none of", ListHasAny


@operators.register
class ListFilled(Filled):
    key = "list.is_filled"


@operators.register
class ListEmpty(Empty):
    key = "list.is_empty"


# --- Segments ------------------------------------------------------------------------------------------------------


@operators.register
class SegmentIn(Operator):
    key, label, takes = "segment.in", "is a member of", values.ChoiceShape()

    def condition(self, operand: Text, value: str, now: datetime) -> Condition:
        return operand.equals(value)


@operators.register
class SegmentNotIn(Complement):
    key, label, of = "segment.not_in", "is not a member of", SegmentIn


SIGNS = {
    "=": "equals", "!=": "not_equals", "≠": "not_equals", "<": "less_than", "<=": "at_most", "≤": "at_most",
    ">": "greater_than", ">=": "at_least", "≥": "at_least",
}  # fmt: skip


def of_type(name: str) -> list[Operator]:
    return [operator for key, operator in operators.items() if key.partition(".")[0] == name]


def find(type_name: str, operator: str) -> Operator | None:
    """The operator of a type by its name (`between`) or, for numbers and texts, its sign (`>=`)."""
    return operators.get(f"{type_name}.{SIGNS.get(operator, operator)}")
