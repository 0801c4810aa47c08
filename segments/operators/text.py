"""How texts are compared."""

from datetime import datetime

from segments import values
from segments.conditions import Condition
from segments.operands import Text
from segments.operators.base import Complement, Empty, Filled, Operator, operators


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
