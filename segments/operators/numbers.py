"""How numbers are compared."""

from datetime import datetime

from segments import values
from segments.conditions import Condition
from segments.operands import Number
from segments.operators.base import Complement, Empty, Filled, Operator, operators


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
class NumberNotBetween(Complement):
    key, label, of = "number.not_between", "is not between", NumberBetween


@operators.register
class NumberFilled(Filled):
    key = "number.is_filled"


@operators.register
class NumberEmpty(Empty):
    key = "number.is_empty"
