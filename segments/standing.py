"""What each person's events add up to: spending, engagement score, subscription tier; kept up from the log.

Each batch of the log is added in one transaction with the cursor's move. Where the log changed after it was read (a
visitor became known, a click was a scanner's, two contacts became one) the people concerned are counted again.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from events import names, stream
from events.stream import START, Position
from segments.models import SpendingDay, Standing

READER = "segments.standing"
PURCHASES = ("purchase", "Order Completed")
REFUNDS = ("refund", "Order Refunded")
SUBSCRIBED = ("subscription.started", "subscription.changed", "Subscription Started", "Subscription Changed")
UNSUBSCRIBED = ("subscription.ended", "Subscription Ended", "Subscription Cancelled")
AMOUNTS = ("revenue", "total", "amount", "value")  # the first that is a number is what was paid
TIERS = ("tier", "plan")
WEIGHTS = {names.OPENED: 1, names.CLICKED: 3} | dict.fromkeys(PURCHASES, 5)
HALF_LIFE = timedelta(days=30)
EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
PATIENCE = timedelta(minutes=5)  # an event that waits longer is worth a word
LARGEST = 10**9  # an amount beyond is a mistake, and would not fit

_AMOUNT = "coalesce({})".format(
    ", ".join(
        f"CASE WHEN jsonb_typeof(properties->'{key}') = 'number' AND abs((properties->>'{key}')::numeric) < {LARGEST}"
        f" THEN (properties->>'{key}')::numeric END"
        for key in AMOUNTS
    )
)
_TIER = "left(coalesce({}, ''), 60)".format(", ".join(f"nullif(properties->>'{key}', '')" for key in TIERS))
# Powers of two have room for acts from 900 half-lives before 2020 to 900 after: for this century, and typos.
_WEIGHED = "weight * power(2, greatest(-900, least(900, extract(epoch FROM occurred_at - %(epoch)s) / %(half_life)s)))"
_ADD = f"""
INSERT INTO segments_standing AS s (
    contact_id, spent, purchase_count, first_purchase_at, last_purchase_at, heat, last_active_at, tier, tier_since)
SELECT contact_id,
    coalesce(sum(CASE WHEN name = ANY(%(refunds)s) THEN -amount ELSE amount END), 0),
    count(*) FILTER (WHERE name = ANY(%(purchases)s)),
    min(occurred_at) FILTER (WHERE name = ANY(%(purchases)s)),
    max(occurred_at) FILTER (WHERE name = ANY(%(purchases)s)),
    ln(sum({_WEIGHED})) / ln(2),
    max(occurred_at) FILTER (WHERE weight IS NOT NULL),
    coalesce((array_agg(tier ORDER BY occurred_at DESC, id DESC) FILTER (WHERE tier IS NOT NULL))[1], ''),
    max(occurred_at) FILTER (WHERE tier IS NOT NULL)
FROM (
    SELECT e.contact_id, e.name, e.occurred_at, e.id, weights.weight,
        CASE WHEN e.name = ANY(%(purchases)s) OR e.name = ANY(%(refunds)s) THEN {_AMOUNT} END AS amount,
        CASE WHEN e.name = ANY(%(unsubscribed)s) THEN '' WHEN e.name = ANY(%(subscribed)s) THEN {_TIER} END AS tier
    FROM events_event e LEFT JOIN unnest(%(weighed)s::text[], %(weights)s::float8[]) AS weights(name, weight)
        ON weights.name = e.name
    WHERE e.name = ANY(%(names)s) AND e.label = 'human' AND e.contact_id IS NOT NULL AND {{which}}
        AND (e.xid, e.id) <= (%(end_xid)s::text::xid8, %(end_id)s)
) acts
GROUP BY contact_id ORDER BY contact_id
ON CONFLICT (contact_id) DO UPDATE SET
    spent = s.spent + excluded.spent,
    purchase_count = s.purchase_count + excluded.purchase_count,
    first_purchase_at = least(s.first_purchase_at, excluded.first_purchase_at),
    last_purchase_at = greatest(s.last_purchase_at, excluded.last_purchase_at),
    heat = CASE WHEN s.heat IS NULL OR excluded.heat IS NULL THEN coalesce(s.heat, excluded.heat)
        ELSE greatest(s.heat, excluded.heat) + ln(1 + power(2, -least(900, abs(s.heat - excluded.heat)))) / ln(2) END,
    last_active_at = greatest(s.last_active_at, excluded.last_active_at),
    tier = CASE WHEN excluded.tier_since >= coalesce(s.tier_since, '-infinity') THEN excluded.tier ELSE s.tier END,
    tier_since = greatest(s.tier_since, excluded.tier_since)"""  # noqa: S608
# The same purchases once more, day by day: people are few who buy twice a day, so this is about as long as they are.
_ADD_DAYS = f"""
INSERT INTO segments_spendingday AS s (contact_id, "on", spent, purchase_count)
SELECT contact_id, (occurred_at AT TIME ZONE 'UTC')::date,
    coalesce(sum(CASE WHEN name = ANY(%(refunds)s) THEN -amount ELSE amount END), 0),
    count(*) FILTER (WHERE name = ANY(%(purchases)s))
FROM (
    SELECT e.contact_id, e.occurred_at, e.name, {_AMOUNT} AS amount FROM events_event e
    WHERE (e.name = ANY(%(purchases)s) OR e.name = ANY(%(refunds)s)) AND e.label = 'human'
        AND e.contact_id IS NOT NULL AND {{which}} AND (e.xid, e.id) <= (%(end_xid)s::text::xid8, %(end_id)s)
) acts
GROUP BY 1, 2 ORDER BY 1, 2
ON CONFLICT (contact_id, "on") DO UPDATE SET
    spent = s.spent + excluded.spent, purchase_count = s.purchase_count + excluded.purchase_count"""  # noqa: S608
_NEW = "(e.xid, e.id) > (%(xid)s::text::xid8, %(id)s)"
_OF_PEOPLE = "e.contact_id = ANY(%(people)s)"
# Whoever's events changed hands or label behind the cursor; a label that was revised has a reason.
_CHANGED = """
WITH told AS (
    SELECT name, contact_id, campaign_id FROM events_event
    WHERE (xid, id) > (%s::text::xid8, %s) AND (xid, id) <= (%s::text::xid8, %s)
      AND name IN ('log.joined', 'log.relabelled')
)
SELECT contact_id FROM told WHERE name = 'log.joined' AND contact_id IS NOT NULL
UNION
SELECT e.contact_id FROM events_event e JOIN told ON told.name = 'log.relabelled' AND e.campaign_id = told.campaign_id
WHERE e.name IN ('message.opened', 'message.clicked') AND e.label_reason <> '' AND e.contact_id IS NOT NULL"""


@dataclass(frozen=True)
class Behind:
    """Events received `since` are not added up yet; `has_begun` says whether any are."""

    since: datetime
    has_begun: bool


def advance(batch: int = 50_000) -> int:
    """Add the next events; returns how many there were. Zero: caught up, or someone else is at it."""
    with stream.read_span(READER, batch) as span:
        if span is None:
            return 0
        _add(_NEW, span.end, xid=span.start.xid, id=span.start.id)
        with connection.cursor() as cursor:
            cursor.execute(_CHANGED, span.params)
            changed = [contact for (contact,) in cursor.fetchall()]
        _count_again(changed, span.end)
        return span.count


def recount(people: Iterable[int]) -> None:
    """Count these contacts again, as far as the log has been read."""
    with stream.hold(READER) as position:
        _count_again(list(people), position)


def forget(people: Iterable[int]) -> None:
    """Nothing that their events add up to stays."""
    ids = list(people)
    Standing.objects.filter(contact__in=ids).delete()
    SpendingDay.objects.filter(contact__in=ids).delete()


def catch_up(seconds: float) -> bool:
    """Batch after batch until nothing is left, then True, or until the time is up."""
    ends = time.monotonic() + seconds
    while advance():
        if time.monotonic() > ends:
            return False
    return True


def behind() -> Behind | None:
    """How far the totals are behind the log; None when they are as good as up to date."""
    waiting = stream.oldest_unread(READER)
    if waiting is None or waiting > timezone.now() - PATIENCE:
        return None
    return Behind(since=waiting, has_begun=stream.position_of(READER) > START)


def age(now: datetime) -> float:
    """Half-lives from EPOCH to the beginning of that day in UTC: a score changes by itself once a day."""
    return (now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - EPOCH) / HALF_LIFE


def _count_again(people: list[int], end: Position) -> None:
    if people:
        forget(people)
        _add(_OF_PEOPLE, end, people=people)


def _add(which: str, end: Position, **params: Any) -> None:
    every: dict[str, Any] = {
        "purchases": list(PURCHASES), "refunds": list(REFUNDS), "subscribed": list(SUBSCRIBED),
        "unsubscribed": list(UNSUBSCRIBED), "weighed": list(WEIGHTS), "weights": list(WEIGHTS.values()),
        "names": [*WEIGHTS, *REFUNDS, *SUBSCRIBED, *UNSUBSCRIBED], "epoch": EPOCH,
        "half_life": HALF_LIFE.total_seconds(), "end_xid": end.xid, "end_id": end.id,
    }  # fmt: skip
    with connection.cursor() as cursor:
        for sql in (_ADD, _ADD_DAYS):
            cursor.execute(sql.replace("{which}", which), every | params)
