"""How yes-or-no answers, choices, lists and memberships are compared."""

from datetime import datetime

from segments import values
from segments.conditions import Condition
from segments.operands import Flag, Text, Texts
from segments.operators.base import Complement, Empty, Filled, Operator, operators


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


class ListCounts(Operator):
    takes = values.CountShape(most=values.LIST_LIMIT)
    sign: str

    def condition(self, operand: Texts, value: int, now: datetime) -> Condition:
        return operand.counts(self.sign, value)


@operators.register
class ListHasAtLeast(ListCounts):
    key, label, sign = "list.has_at_least", "has at least … values", ">="
    phrase, denial = "has at least {} values", "has fewer than {} values"


@operators.register
class ListHasAtMost(ListCounts):
    key, label, sign = "list.has_at_most", "has at most … values", "<="
    phrase, denial = "has at most {} values", "has more than {} values"


@operators.register
class ListFilled(Filled):
    key = "list.is_filled"


@operators.register
class ListEmpty(Empty):
    key = "list.is_empty"


@operators.register
class SegmentIn(Operator):
    key, label, takes = "segment.in", "is a member of", values.ChoiceShape()

    def condition(self, operand: Text, value: str, now: datetime) -> Condition:
        return operand.equals(value)


@operators.register
class SegmentNotIn(Complement):
    key, label, of = "segment.not_in", "is not a member of", SegmentIn
