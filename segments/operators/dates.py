"""How dates and moments are compared: in whole days, in UTC, or with a moment where the rule names one."""

from calendar import isleap
from datetime import date, datetime, timedelta
from typing import Any

from segments import values
from segments.conditions import Condition
from segments.operands import Instant
from segments.operators.base import Complement, Empty, Filled, Operator, operators

YEARS_LIMIT = 200
YEAR_OF_DAYS = 366

# --- Dates that the rule names -------------------------------------------------------------------------------------


class Beside(Operator):
    """Before or after a day or a moment. `sign` is for a moment; a day has a first and a last day that fit."""

    takes = values.MomentShape()
    sign: str
    first: int | None = None
    last: int | None = None

    def condition(self, operand: Instant, value: date, now: datetime) -> Condition:
        if isinstance(value, datetime):
            return operand.compares(self.sign, value)
        first, last = (None if shift is None else value + timedelta(days=shift) for shift in (self.first, self.last))
        return operand.days(first, last)


@operators.register
class DateBefore(Beside):
    key, label, sign, last = "date.before", "is before", "<", -1


@operators.register
class DateOnOrBefore(Beside):
    key, label, sign, last = "date.on_or_before", "is on or before", "<=", 0


@operators.register
class DateAfter(Beside):
    key, label, sign, first = "date.after", "is after", ">", 1


@operators.register
class DateOnOrAfter(Beside):
    key, label, sign, first = "date.on_or_after", "is on or after", ">=", 0


@operators.register
class DateOn(Operator):
    key, label, takes = "date.on", "is on", values.DateShape()

    def condition(self, operand: Instant, value: date, now: datetime) -> Condition:
        return operand.days(value, value)


@operators.register
class DateNotOn(Complement):
    key, label, of = "date.not_on", "is not on", DateOn


@operators.register
class DateBetween(Operator):
    key, label, takes = "date.between", "is between", values.DatesShape()

    def condition(self, operand: Instant, value: Any, now: datetime) -> Condition:
        return operand.days(*value)


# --- Dates as seen from today --------------------------------------------------------------------------------------


@operators.register
class DateInLastDays(Operator):
    key, label, takes = "date.in_last_days", "is in the last … days", values.CountShape(least=1)
    phrase = "is in the last {} days"

    def condition(self, operand: Instant, value: int, now: datetime) -> Condition:
        return operand.since(now - timedelta(days=value), now)


@operators.register
class DateInNextDays(Operator):
    key, label, takes = "date.in_next_days", "is in the next … days", values.CountShape(least=1)
    phrase = "is in the next {} days"

    def condition(self, operand: Instant, value: int, now: datetime) -> Condition:
        return operand.since(now, now + timedelta(days=value))


@operators.register
class DateMoreThanDaysAgo(Operator):
    key, label, takes = "date.more_than_days_ago", "is more than … days ago", values.CountShape()
    phrase = "is more than {} days ago"

    def condition(self, operand: Instant, value: int, now: datetime) -> Condition:
        return operand.older(now - timedelta(days=value))


@operators.register
class DateMoreThanDaysAhead(Operator):
    key, label, takes = "date.more_than_days_ahead", "is more than … days ahead", values.CountShape()
    phrase = "is more than {} days ahead"

    def condition(self, operand: Instant, value: int, now: datetime) -> Condition:
        return operand.newer(now + timedelta(days=value))


@operators.register
class DateYearsAgoAtLeast(Operator):
    key, label, takes = "date.years_ago_at_least", "is at least … years ago", values.CountShape(most=YEARS_LIMIT)
    phrase = "is at least {} years ago"

    def condition(self, operand: Instant, value: int, now: datetime) -> Condition:
        return operand.days(None, years_before(now.date(), value))


@operators.register
class DateYearsAgoLessThan(Operator):
    key, label = "date.years_ago_less_than", "is less than … years ago"
    takes = values.CountShape(least=1, most=YEARS_LIMIT)
    phrase = "is less than {} years ago"

    def condition(self, operand: Instant, value: int, now: datetime) -> Condition:
        return operand.days(years_before(now.date(), value) + timedelta(days=1), now.date())


# --- Anniversaries, from the first on; 29 February is kept on the 28th where there is none -------------------------


class Anniversary(Operator):
    """An anniversary falls into the days from `first` to `last`, counted from today."""

    takes: values.Shape = values.CountShape(most=YEAR_OF_DAYS)
    direction = 1

    def condition(self, operand: Instant, value: int | None, now: datetime) -> Condition:
        today = now.date()
        first, last = sorted((today, today + timedelta(days=self.direction * (value or 0))))
        return operand.in_year(days_of_year(first, last)) & operand.days(None, first - timedelta(days=1))


@operators.register
class DateAnniversaryToday(Anniversary):
    key, label, takes = "date.anniversary_today", "has its anniversary today", values.Shape()
    denial = "does not have its anniversary today"


@operators.register
class DateAnniversaryInNextDays(Anniversary):
    key, label = "date.anniversary_in_next_days", "has its anniversary in the next … days"
    phrase = "has its anniversary today or in the next {} days"
    denial = "does not have its anniversary today or in the next {} days"


@operators.register
class DateAnniversaryInLastDays(Anniversary):
    key, label, direction = "date.anniversary_in_last_days", "had its anniversary in the last … days", -1
    phrase = "had its anniversary today or in the last {} days"
    denial = "did not have its anniversary today or in the last {} days"


@operators.register
class DateInMonth(Operator):
    key, label = "date.in_month", "is in month … (1 to 12) of any year"
    takes = values.CountShape(least=1, most=12)
    phrase = "is in month {} of any year"

    def condition(self, operand: Instant, value: int, now: datetime) -> Condition:
        return operand.in_year([f"{value:02}-{day:02}" for day in range(1, 32)])


def years_before(day: date, years: int) -> date:
    """The latest date whose anniversary, `years` later, is on or before `day`."""
    year = day.year - years
    if (day.month, day.day) in ((2, 28), (2, 29)) and not (day.day == 28 and isleap(day.year)):
        return date(year, 3, 1) - timedelta(days=1)
    return day.replace(year=year)


def days_of_year(first: date, last: date) -> list[str]:
    """MM-DD of every date that has an anniversary on one of these days."""
    days = [first + timedelta(days=step) for step in range((last - first).days + 1)]
    found = {f"{day:%m-%d}" for day in days}
    if any((day.month, day.day) == (2, 28) and not isleap(day.year) for day in days):
        found.add("02-29")
    return sorted(found)


@operators.register
class DateFilled(Filled):
    key = "date.is_filled"


@operators.register
class DateEmpty(Empty):
    key = "date.is_empty"
