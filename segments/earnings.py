"""What a segment's members bought and how active they are, beside everyone: from totals (standing.py), not the log."""

from dataclasses import dataclass
from datetime import UTC, timedelta
from decimal import Decimal
from typing import Any, cast

from django.core.cache import cache
from django.utils import timezone

from segments import membership, standing
from segments.comparison import percent
from segments.limits import limited
from segments.models import Segment

LATELY = (30, 90)  # days
AGE = 60  # seconds: figures may be a minute old; half a million members take one second


@dataclass(frozen=True)
class Lately:
    """The last days, today included, in UTC; `active` opened, clicked or bought and were no machine."""

    days: int
    people: int
    spent: Decimal
    orders: int
    buyers: int
    active: int

    @property
    def buyer_percent(self) -> float:
        return percent(self.buyers, self.people)

    @property
    def active_percent(self) -> float:
        return percent(self.active, self.people)


@dataclass(frozen=True)
class Earnings:
    """Of some people: `spent` is what they paid less refunds; a score of 0 is counted in `score`, the mean."""

    people: int
    buyers: int
    orders: int
    spent: Decimal
    score: float
    lately: tuple[Lately, ...]

    @property
    def spent_each(self) -> Decimal:
        return self.spent / self.people if self.people else Decimal(0)

    @property
    def spent_each_order(self) -> Decimal:
        return self.spent / self.orders if self.orders else Decimal(0)

    @property
    def buyer_percent(self) -> float:
        return percent(self.buyers, self.people)


@dataclass(frozen=True)
class Share:
    """Which part of all people they are, and which part of all revenue is theirs."""

    people_percent: float
    spent_percent: float


_TOTALS = """
SELECT count(*) FILTER (WHERE t.purchase_count > 0), coalesce(sum(t.purchase_count), 0), coalesce(sum(t.spent), 0),
    coalesce(sum(power(2, greatest(-900, t.heat - %(age)s))), 0),
    {active}
FROM segments_standing t {members}"""
_DAYS = """
SELECT {sums}
FROM (
    SELECT t.contact_id, {each} FROM segments_spendingday t {members}
    AND t."on" > %(since)s GROUP BY t.contact_id
) people"""
_OF_SEGMENT = "JOIN segments_membership m ON m.contact_id = t.contact_id WHERE m.segment_id = %(segment)s"
_PEOPLE = "SELECT count(*) FROM contacts_contact WHERE erased_at IS NULL"
_MEMBERS = "SELECT count(*) FROM segments_membership WHERE segment_id = %(segment)s"


def of_members(segment: Segment) -> Earnings:
    """Of today's members, whenever they came."""
    key = f"segments.earnings.{segment.pk}.{segment.size}.{segment.refreshed_at}".replace(" ", "T")
    known: Any = cache.get_or_set(key, lambda: _asked(_MEMBERS, _OF_SEGMENT, segment=segment.pk), AGE)
    return cast(Earnings, known)


def of_everyone() -> Earnings:
    known: Any = cache.get_or_set("segments.earnings", lambda: _asked(_PEOPLE, "WHERE true"), AGE)
    return cast(Earnings, known)


def share(some: Earnings, everyone: Earnings) -> Share:
    return Share(percent(some.people, everyone.people), percent(some.spent, everyone.spent))


def _asked(people: str, members: str, **params: Any) -> Earnings:
    now = timezone.now()
    today = now.astimezone(UTC).date()
    params |= {"age": standing.age(now), "since": today - timedelta(days=max(LATELY))}
    for days in LATELY:
        params |= {f"on{days}": today - timedelta(days=days), f"at{days}": now - timedelta(days=days)}
    with limited(membership.COUNT_SECONDS) as cursor:
        cursor.execute(people, params)
        size = cursor.fetchone()[0]
        cursor.execute(_totals(members), params)
        buyers, orders, spent, heat, *active = cursor.fetchone()
        cursor.execute(_days(members), params)
        sums = cursor.fetchone()
    figures = [(*sums[3 * n : 3 * n + 3], active[n]) for n in range(len(LATELY))]
    lately = tuple(Lately(days, size, *found) for days, found in zip(LATELY, figures, strict=True))
    return Earnings(size, buyers, orders, spent, heat / size if size else 0.0, lately)


def _totals(members: str) -> str:
    active = ", ".join(f"count(*) FILTER (WHERE t.last_active_at >= %(at{days})s)" for days in LATELY)
    return _TOTALS.format(active=active, members=members)


def _days(members: str) -> str:
    """Person by person first: who bought on several days is one buyer."""
    each, sums = [], []
    for n in LATELY:
        on = f'FILTER (WHERE t."on" > %(on{n})s)'
        each.append(f"sum(t.spent) {on} AS spent{n}, sum(t.purchase_count) {on} AS orders{n}")
        sums.append(f"coalesce(sum(spent{n}), 0), coalesce(sum(orders{n}), 0), count(*) FILTER (WHERE orders{n} > 0)")
    return _DAYS.format(each=", ".join(each), sums=", ".join(sums), members=members)
