"""When the events that a rule counts happened: the last days or hours, before that, or between two dates."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from segments import conditions, operands, values
from segments.conditions import Condition

KEYS = frozenset({"within_days", "within_hours", "before_days", "between"})
HOURS_LIMIT = 24 * 366
_occurred = operands.InstantColumn("e.occurred_at")


@dataclass(frozen=True)
class Window:
    """`within` and `before` are distances from now; `between` holds whole days in UTC, both ends included."""

    within: timedelta | None = None
    before: timedelta | None = None
    between: tuple[date, date] | None = None

    @property
    def edges(self) -> tuple[timedelta, ...]:
        """Distances from now at which an event comes in or drops out while nothing else happens."""
        return tuple(edge for edge in (self.within, self.before) if edge is not None)

    def condition(self, now: datetime) -> Condition:
        parts = []
        if self.within is not None:
            parts.append(Condition("e.occurred_at >= %s", (now - self.within,)))
        if self.before is not None:
            parts.append(Condition("e.occurred_at < %s", (now - self.before,)))
        if self.between is not None:
            parts.append(_occurred.days(*self.between))
        return conditions.all_of(parts)

    def __str__(self) -> str:
        if self.between:
            return f" between {values.DatesShape().show(self.between)}"
        if self.before is None:
            return f" in the last {_distance(self.within)}" if self.within else ""
        since = f" and at most {_distance(self.within)} ago" if self.within else ""
        return f" more than {_distance(self.before)} ago{since}"


def parse(raw: dict[str, Any]) -> Window:
    """The window of a rule about events; ValueError with a sentence otherwise."""
    within, before = _within(raw), _days(raw, "before_days")
    between = raw.get("between")
    if between and (within is not None or before is not None):
        raise ValueError("Ask either for the last days or for a time between two dates, not for both.")
    if within is not None and before is not None and before >= within:
        raise ValueError("“More than … days ago” must be fewer days than “in the last … days”.")
    return Window(within, before, values.DatesShape().parse(between) if between else None)


def _within(raw: dict[str, Any]) -> timedelta | None:
    days, hours = _days(raw, "within_days"), raw.get("within_hours")
    if hours in (None, ""):
        return days
    if days is not None:
        raise ValueError("Ask either for the last days or for the last hours, not for both.")
    return timedelta(hours=values.CountShape(least=1, most=HOURS_LIMIT).parse(hours))


def _days(raw: dict[str, Any], key: str) -> timedelta | None:
    days = raw.get(key)
    return None if days in (None, "") else timedelta(days=values.CountShape(least=1).parse(days))


def _distance(span: timedelta | None) -> str:
    assert span is not None  # noqa: S101  both callers looked
    hours = int(span.total_seconds()) // 3600
    return f"{hours:,} hours" if hours % 24 else f"{hours // 24:,} days"
