"""How dates and moments are compared: in whole days, in UTC."""

from datetime import datetime, timedelta
from typing import Any

from segments import values
from segments.conditions import Condition
from segments.operands import Instant
from segments.operators.base import Empty, Filled, Operator, operators


class OnDays(Operator):
    takes = values.DateShape()
    first_day: int | None = None
    last_day: int | None = None

    def condition(self, operand: Instant, value: Any, now: datetime) -> Condition:
        first, last = (
            None if shift is None else value + timedelta(days=shift) for shift in (self.first_day, self.last_day)
        )
        return operand.days(first, last)


@operators.register
class DateBefore(OnDays):
    key, label, last_day = "date.before", "is before", -1


@operators.register
class DateAfter(OnDays):
    key, label, first_day = "date.after", "is after", 1


@operators.register
class DateOn(OnDays):
    key, label, first_day, last_day = "date.on", "is on", 0, 0


@operators.register
class DateBetween(Operator):
    key, label, takes = "date.between", "is between", values.DatesShape()

    def condition(self, operand: Instant, value: Any, now: datetime) -> Condition:
        return operand.days(*value)


@operators.register
class DateInLastDays(Operator):
    key, label, takes = "date.in_last_days", "is in the last … days", values.CountShape(least=1)
    phrase = "is in the last {} days"

    def condition(self, operand: Instant, value: int, now: datetime) -> Condition:
        return operand.since(now - timedelta(days=value), now)


@operators.register
class DateMoreThanDaysAgo(Operator):
    key, label, takes = "date.more_than_days_ago", "is more than … days ago", values.CountShape()
    phrase = "is more than {} days ago"

    def condition(self, operand: Instant, value: int, now: datetime) -> Condition:
        return operand.older(now - timedelta(days=value))


@operators.register
class DateFilled(Filled):
    key = "date.is_filled"


@operators.register
class DateEmpty(Empty):
    key = "date.is_empty"
