"""Left sides that are columns of contacts or of a table one step away, and plain facts."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from segments import conditions
from segments.conditions import Condition

MATCHED = 1000  # characters that a regular expression looks at


class Column:
    """A column of contacts, named by us."""

    def __init__(self, sql: str) -> None:
        self.sql = sql

    def shown(self) -> Condition:
        return Condition(f"to_jsonb({self.sql})")


class TextColumn(Column):
    def filled(self) -> Condition:
        return Condition(f"{self.sql} <> ''")

    def equals(self, value: str) -> Condition:
        return Condition(f"{self.sql} = %s", (value,))

    def one_of(self, values: list[str]) -> Condition:
        return Condition(f"{self.sql} = ANY(%s)", (values,))

    def like(self, pattern: str) -> Condition:
        return Condition(f"lower({self.sql}) LIKE lower(%s)", (pattern,))

    def matches(self, pattern: str, *, ignoring_case: bool) -> Condition:
        sign = "~*" if ignoring_case else "~"
        return Condition(f"left({self.sql}, {MATCHED}) {sign} %s", (pattern,)) & self.filled()


class LowerColumn(TextColumn):
    """Stored in lower case (a constraint sees to it), so that its plain index serves every comparison."""

    def equals(self, value: str) -> Condition:
        return super().equals(value.lower())

    def one_of(self, values: list[str]) -> Condition:
        return super().one_of([value.lower() for value in values])

    def like(self, pattern: str) -> Condition:
        return Condition(f"{self.sql} LIKE %s", (pattern.lower(),))


class InstantColumn(Column):
    def filled(self) -> Condition:
        return Condition(f"{self.sql} IS NOT NULL", is_certain=True)

    def days(self, first: date | None, last: date | None) -> Condition:
        ends = []
        if first is not None:
            ends.append(Condition(f"{self.sql} >= %s", (midnight(first),)))
        if last is not None:
            ends.append(Condition(f"{self.sql} < %s", (midnight(last) + timedelta(days=1),)))
        return conditions.all_of(ends)

    def since(self, start: datetime, end: datetime) -> Condition:
        return Condition(f"{self.sql} >= %s AND {self.sql} <= %s", (start, end))

    def older(self, start: datetime) -> Condition:
        return self.compares("<", start)

    def newer(self, end: datetime) -> Condition:
        return self.compares(">", end)

    def compares(self, sign: str, moment: datetime) -> Condition:
        return Condition(f"{self.sql} {sign} %s", (moment,))

    def in_year(self, days: list[str]) -> Condition:
        return Condition(f"to_char({self.sql} AT TIME ZONE 'UTC', 'MM-DD') = ANY(%s)", (days,))


class NumberColumn:
    """A number, also one that is worked out from parameters of its own."""

    def __init__(self, sql: str, params: tuple[Any, ...] = ()) -> None:
        self.sql, self.params = sql, params

    def shown(self) -> Condition:
        return Condition(f"to_jsonb({self.sql})", self.params)

    def filled(self) -> Condition:
        return Condition(f"({self.sql}) IS NOT NULL", self.params, is_certain=True)

    def equals(self, value: float) -> Condition:
        return self.compares("=", value)

    def compares(self, sign: str, value: float) -> Condition:
        return Condition(f"({self.sql}) {sign} %s", (*self.params, exactly(value)))

    def between(self, low: float, high: float) -> Condition:
        return Condition(f"({self.sql}) BETWEEN %s AND %s", (*self.params, exactly(low), exactly(high)))


class TextsColumn(Column):
    def filled(self) -> Condition:
        return Condition(f"{self.sql} <> '{{}}'")

    def has_any(self, values: list[str]) -> Condition:
        return Condition(f"{self.sql} && %s::varchar[]", (values,))

    def has_all(self, values: list[str]) -> Condition:
        return Condition(f"{self.sql} @> %s::varchar[]", (values,))

    def counts(self, sign: str, count: int) -> Condition:
        return Condition(f"cardinality({self.sql}) {sign} %s", (count,))


class Fact:
    """Something that is simply so or not, for everyone; never empty."""

    def __init__(self, condition: Condition) -> None:
        self.condition = condition

    def filled(self) -> Condition:
        return conditions.EVERYONE

    def equals(self, value: bool) -> Condition:
        return self.condition if value else ~self.condition

    def shown(self) -> Condition:
        return Condition(f"to_jsonb({self.condition.sql})", self.condition.params)


def midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC)


def exactly(value: float) -> Decimal:
    """The number that was written, not the binary one next to it."""
    return Decimal(str(value))
