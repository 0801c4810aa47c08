"""Left sides that are keys of a JSON column: custom attributes, and properties of events.

Values are typed by the catalogue: a stored value of another type counts as empty, so that no cast can fail and no row
is compared as something that it is not.
"""

from datetime import date, datetime, timedelta
from typing import Any

from segments import conditions
from segments.conditions import Condition
from segments.operands.columns import midnight
from segments.values import as_json

INDEXED_LIST = 8  # up to here a list of values is a union of index look-ups; beyond, one pass with a hash table


class Key:
    """A key of a JSON column. Equality is containment, which the index on the column answers."""

    json_type = ""

    def __init__(self, column: str, key: str) -> None:
        self.column, self.key = column, key

    def shown(self) -> Condition:
        return Condition(f"{self.column}->%s", (self.key,))

    def filled(self) -> Condition:
        return Condition(f"jsonb_typeof({self.column}->%s) = '{self.json_type}'", (self.key,))

    def equals(self, value: Any) -> Condition:
        return self.contains({self.key: value})

    def contains(self, part: Any) -> Condition:
        return Condition(f"{self.column} @> %s::jsonb", (as_json(part),))


class TextKey(Key):
    json_type = "string"

    def filled(self) -> Condition:
        return super().filled() & Condition(f"{self.column}->>%s <> ''", (self.key,))

    def one_of(self, values: list[str]) -> Condition:
        if len(values) <= INDEXED_LIST:
            return conditions.any_of(self.equals(value) for value in values)
        return super().filled() & Condition(f"{self.column}->>%s = ANY(%s)", (self.key, values))

    def like(self, pattern: str) -> Condition:
        return super().filled() & Condition(f"lower({self.column}->>%s) LIKE lower(%s)", (self.key, pattern))


class NumberKey(Key):
    json_type = "number"

    def compares(self, sign: str, value: float) -> Condition:
        # jsonb orders any two values, so unlike a cast this cannot fail, and it is faster than ->> and a cast
        return Condition(f"{self.column}->%s {sign} %s::jsonb", (self.key, as_json(value))) & self.filled()

    def between(self, low: float, high: float) -> Condition:
        # nothing but a number stands between two numbers in jsonb's order, so the type needs no check
        return Condition(f"{self.column}->%s BETWEEN %s::jsonb AND %s::jsonb", (self.key, as_json(low), as_json(high)))


class FlagKey(Key):
    json_type = "boolean"


class DateKey(Key):
    """A date kept as ISO text (2026-05-31), whose alphabetical order is its order in time."""

    json_type = "string"
    looks_right = r"^\d{4}-\d\d-\d\d$"

    def filled(self) -> Condition:
        return Condition(f"{self.column}->>%s ~ '{self.looks_right}'", (self.key,))

    def days(self, first: date | None, last: date | None) -> Condition:
        return conditions.all_of(
            [self._compares(sign, day) for sign, day in ((">=", first), ("<=", last)) if day] + [self.filled()]
        )

    def since(self, start: datetime, now: datetime) -> Condition:
        return self.days(start.date(), now.date())

    def older(self, start: datetime) -> Condition:
        return self.days(None, start.date() - timedelta(days=1))

    def _compares(self, sign: str, day: date) -> Condition:
        return Condition(f'({self.column}->>%s) COLLATE "C" {sign} %s', (self.key, day.isoformat()))


class InstantKey(Key):
    """A moment kept as ISO text, with or without an offset (without: UTC)."""

    json_type = "string"

    def __init__(self, column: str, key: str) -> None:
        super().__init__(column, key)
        # CASE guards the cast: AND promises no order. The pattern keeps words out that are dates to PostgreSQL (now).
        sql = (
            f"CASE WHEN {column}->>%s ~ '^\\d{{4}}-\\d\\d-\\d\\d' AND pg_input_is_valid({column}->>%s, 'timestamptz')"
            f" THEN ({column}->>%s)::timestamptz END"
        )
        self.instant = Condition(sql, (key, key, key))

    def filled(self) -> Condition:
        return Condition(f"({self.instant.sql}) IS NOT NULL", self.instant.params, is_certain=True)

    def days(self, first: date | None, last: date | None) -> Condition:
        start = [self._compares(">=", midnight(first))] if first else []
        end = [self._compares("<", midnight(last) + timedelta(days=1))] if last else []
        return conditions.all_of(start + end)

    def since(self, start: datetime, now: datetime) -> Condition:
        return self._compares(">=", start) & self._compares("<=", now)

    def older(self, start: datetime) -> Condition:
        return self._compares("<", start)

    def _compares(self, sign: str, moment: datetime) -> Condition:
        return Condition(f"({self.instant.sql}) {sign} %s", (*self.instant.params, moment))


class TextsKey(Key):
    json_type = "array"

    def filled(self) -> Condition:
        return super().filled() & Condition(f"{self.column}->%s <> '[]'", (self.key,))

    def has_any(self, values: list[str]) -> Condition:
        if len(values) <= INDEXED_LIST:
            return conditions.any_of(self.equals([value]) for value in values)
        return super().filled() & Condition(f"{self.column}->%s ?| %s::text[]", (self.key, values))

    def has_all(self, values: list[str]) -> Condition:
        return self.equals(values)
