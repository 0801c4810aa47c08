"""What operators may ask of the left side of a rule, type by type."""

from datetime import date, datetime
from typing import Protocol

from segments.conditions import Condition


class Operand(Protocol):
    def filled(self) -> Condition: ...

    def shown(self) -> Condition:
        """The person's value as jsonb, for the explanation."""
        ...


class Text(Operand, Protocol):
    def equals(self, value: str) -> Condition: ...
    def one_of(self, values: list[str]) -> Condition: ...
    def like(self, pattern: str) -> Condition:
        """`pattern` as LIKE has it, ignoring case."""
        ...

    def matches(self, pattern: str, *, ignoring_case: bool) -> Condition:
        """A regular expression that values.PatternShape let through, on the first MATCHED characters."""
        ...


class Number(Operand, Protocol):
    def equals(self, value: float) -> Condition: ...
    def compares(self, sign: str, value: float) -> Condition:
        """`sign` is one of our own < <= > >=."""
        ...

    def between(self, low: float, high: float) -> Condition: ...


class Instant(Operand, Protocol):
    def days(self, first: date | None, last: date | None) -> Condition:
        """On one of these days, both ends included; None is open."""
        ...

    def since(self, start: datetime, end: datetime) -> Condition: ...
    def older(self, start: datetime) -> Condition: ...
    def newer(self, end: datetime) -> Condition: ...
    def compares(self, sign: str, moment: datetime) -> Condition:
        """`sign` is one of our own < <= > >=; a day counts as its first moment."""
        ...

    def in_year(self, days: list[str]) -> Condition:
        """In any year on one of these days of it, as MM-DD."""
        ...


class Flag(Operand, Protocol):
    def equals(self, value: bool) -> Condition: ...


class Texts(Operand, Protocol):
    def has_any(self, values: list[str]) -> Condition: ...
    def has_all(self, values: list[str]) -> Condition: ...
    def counts(self, sign: str, count: int) -> Condition: ...


class Place(Operand, Protocol):
    def within(self, latitude: float, longitude: float, kilometres: float) -> Condition: ...
    def part_is(self, part: str, values: list[str]) -> Condition:
        """`part` is one of our own: country, region, city. Ignores case."""
        ...


class Changing:
    """A left side that time alone changes: it has a value only at a moment."""

    def at(self, now: datetime) -> Operand:
        raise NotImplementedError
