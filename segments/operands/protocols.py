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

    def since(self, start: datetime, now: datetime) -> Condition: ...
    def older(self, start: datetime) -> Condition: ...


class Flag(Operand, Protocol):
    def equals(self, value: bool) -> Condition: ...


class Texts(Operand, Protocol):
    def has_any(self, values: list[str]) -> Condition: ...
    def has_all(self, values: list[str]) -> Condition: ...
