"""Left sides that are keys of a JSON column: custom attributes, and properties of events.

Values are typed by the catalogue: a stored value of another type counts as empty, so that no cast can fail and no row
is compared as something that it is not.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from segments import conditions
from segments.conditions import Condition
from segments.operands.columns import MATCHED, midnight
from segments.values import VERSION, as_json, version_parts

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

    def matches(self, pattern: str, *, ignoring_case: bool) -> Condition:
        sign = "~*" if ignoring_case else "~"
        return Condition(f"left({self.column}->>%s, {MATCHED}) {sign} %s", (self.key, pattern)) & self.filled()


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

    def since(self, start: datetime, end: datetime) -> Condition:
        return self.days(start.date(), end.date())

    def older(self, start: datetime) -> Condition:
        return self.days(None, start.date() - timedelta(days=1))

    def newer(self, end: datetime) -> Condition:
        return self.days(end.date() + timedelta(days=1), None)

    def compares(self, sign: str, moment: datetime) -> Condition:
        day = moment.astimezone(UTC).date()
        if midnight(day) != moment:  # the day began before the moment, the next begins after it
            sign = {"<": "<=", ">=": ">"}.get(sign, sign)
        return self._compares(sign, day) & self.filled()

    def in_year(self, days: list[str]) -> Condition:
        return Condition(f"substr({self.column}->>%s, 6) = ANY(%s)", (self.key, days)) & self.filled()

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
        start = [self.compares(">=", midnight(first))] if first else []
        end = [self.compares("<", midnight(last) + timedelta(days=1))] if last else []
        return conditions.all_of(start + end)

    def since(self, start: datetime, end: datetime) -> Condition:
        return self.compares(">=", start) & self.compares("<=", end)

    def older(self, start: datetime) -> Condition:
        return self.compares("<", start)

    def newer(self, end: datetime) -> Condition:
        return self.compares(">", end)

    def in_year(self, days: list[str]) -> Condition:
        sql = f"to_char(({self.instant.sql}) AT TIME ZONE 'UTC', 'MM-DD') = ANY(%s)"
        return Condition(sql, (*self.instant.params, days))

    def compares(self, sign: str, moment: datetime) -> Condition:
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

    def counts(self, sign: str, count: int) -> Condition:
        length = f"CASE WHEN jsonb_typeof({self.column}->%s) = 'array' THEN jsonb_array_length({self.column}->%s) END"
        return Condition(f"coalesce({length}, 0) {sign} %s", (self.key, self.key, count), is_certain=True)


class VersionKey(Key):
    """A version such as 2.10.3, compared number by number; 2.10 is 2.10.0, and 2.10-beta comes before 2.10."""

    json_type = "string"

    def __init__(self, column: str, key: str) -> None:
        super().__init__(column, key)
        text = f"{column}->>%s"
        # the same six numbers and mark as values.version_parts makes; CASE guards the cast, AND promises no order
        numbers = f"string_to_array(substring({text} FROM '^v?([0-9.]+)'), '.')::int[]"
        mark = f"CASE WHEN {text} ~ '-' THEN -1 ELSE 0 END"
        parts = f"({numbers} || array_fill(0, ARRAY[6]))[1:6] || ({mark})"
        guard = f"jsonb_typeof({column}->%s) = 'string' AND {text} ~ '{VERSION}'"
        self.parts = Condition(f"CASE WHEN {guard} THEN {parts} END", (key,) * 4)
        self.params: tuple[Any, ...] = self.parts.params

    def filled(self) -> Condition:
        return Condition(f"({self.parts.sql}) IS NOT NULL", self.params, is_certain=True)

    def equals(self, value: str) -> Condition:
        return self.compares("=", value)

    def compares(self, sign: str, value: str) -> Condition:
        return Condition(f"({self.parts.sql}) {sign} %s::int[]", (*self.params, version_parts(value)))

    def between(self, low: str, high: str) -> Condition:
        return self.compares(">=", low) & self.compares("<=", high)


class PlaceKey(Key):
    """An object with any of lat, lon, city, region, country."""

    json_type = "object"

    def filled(self) -> Condition:
        return super().filled() & Condition(f"{self.column}->%s <> '{{}}'", (self.key,))

    def within(self, latitude: float, longitude: float, kilometres: float) -> Condition:
        """By the great circle: distance = 2 r asin(sqrt(haversine)), on a sphere of 6,371 km."""
        lat, lon = (self._degrees(part) for part in ("lat", "lon"))
        haversine = f"power(sind(({lat} - %s) / 2), 2) + cosd({lat}) * cosd(%s) * power(sind(({lon} - %s) / 2), 2)"
        sql = f"2 * 6371 * asin(sqrt(least(1, {haversine}))) <= %s"
        here, there = (self.key,) * 2, (latitude,)
        return Condition(sql, (*here, *there, *here, *there, *here, longitude, kilometres))

    def part_is(self, part: str, values: list[str]) -> Condition:
        asked = [value.lower() for value in values]
        return Condition(f"lower({self.column}->%s->>'{part}') = ANY(%s)", (self.key, asked))

    def _degrees(self, part: str) -> str:
        value = f"{self.column}->%s->'{part}'"
        return f"CASE WHEN jsonb_typeof({value}) = 'number' THEN ({value})::float8 END"
