"""How texts are compared."""

from datetime import datetime
from typing import Any

from segments import patterns, values
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
class TextIsAnyCase(Like):
    key, label, pattern = "text.is_any_case", "is (ignoring capital letters)", "*"
    phrase, denial = "is {}, ignoring capital letters", "is not {}, even ignoring capital letters"


class Matches(Operator):
    takes = values.PatternShape()
    ignoring_case: bool

    def parse(self, raw: Any) -> str:
        return patterns.checked(super().parse(raw))

    def condition(self, operand: Text, value: str, now: datetime) -> Condition:
        return operand.matches(value, ignoring_case=self.ignoring_case)


@operators.register
class TextMatches(Matches):
    key, label, ignoring_case = "text.matches", "matches the pattern", False
    denial = "does not match the pattern {}"


@operators.register
class TextNotMatches(Complement):
    key, label, of = "text.not_matches", "does not match the pattern", TextMatches


@operators.register
class TextMatchesAnyCase(Matches):
    key, label, ignoring_case = "text.matches_any_case", "matches the pattern (ignoring capital letters)", True
    phrase = "matches the pattern {}, ignoring capital letters"
    denial = "does not match the pattern {}, even ignoring capital letters"


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
