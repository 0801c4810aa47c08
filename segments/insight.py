"""What a segment has been doing: its growth, how its members respond, and how segments overlap."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from events import names
from segments import membership
from segments.limits import limited
from segments.models import Segment

GROWTH_DAYS = 90
ENGAGEMENT = (names.MESSAGE_SENT, names.OPENED, names.CLICKED, names.UNSUBSCRIBED, names.BOUNCED, names.COMPLAINED)
FINE_POINTS_DAYS = 3


@dataclass(frozen=True)
class Overlap:
    """How many people are in both."""

    first: Segment
    second: Segment
    size: int


def growth(segment: Segment, days: int = GROWTH_DAYS) -> list[dict[str, Any]]:
    """Size by day, as of each day's last refresh; by hour while the segment is younger than three days."""
    unit = "hour" if segment.created_at > timezone.now() - timedelta(days=FINE_POINTS_DAYS) else "day"
    with limited(membership.COUNT_SECONDS) as cursor:
        cursor.execute(
            "SELECT DISTINCT ON (bucket) bucket, size,"
            " sum(entered_count) OVER (PARTITION BY bucket), sum(left_count) OVER (PARTITION BY bucket)"
            " FROM (SELECT date_trunc(%s, at) AS bucket, * FROM segments_sizepoint"
            " WHERE segment_id = %s AND at > %s) points ORDER BY bucket, at DESC",
            [unit, segment.pk, timezone.now() - timedelta(days=days)],
        )
        rows = cursor.fetchall()
    return [{"at": at, "size": size, "entered": int(came), "left": int(gone)} for at, size, came, gone in rows]


def engagement(segment: Segment, days: int = GROWTH_DAYS) -> dict[str, dict[str, int]]:
    """What today's members did with any message in the last days: events, and people who did it at least once.

    Machines' opens and clicks are left out. The messages may have come to them through other segments.
    """
    with limited(membership.COUNT_SECONDS) as cursor:
        cursor.execute(
            "SELECT e.name, count(*), count(DISTINCT e.contact_id) FROM events_event e"
            " JOIN segments_membership m ON m.contact_id = e.contact_id AND m.segment_id = %s"
            " WHERE e.name = ANY(%s) AND e.label = 'human' AND e.occurred_at >= %s GROUP BY e.name",
            [segment.pk, list(ENGAGEMENT), timezone.now() - timedelta(days=days)],
        )
        found = {name: {"events": events, "people": people} for name, events, people in cursor.fetchall()}
    return {name: found.get(name, {"events": 0, "people": 0}) for name in ENGAGEMENT}


def overlaps(segments: list[Segment]) -> list[Overlap]:
    """Each pair of them and how many are in both, as of their last refresh."""
    by_id = {segment.pk: segment for segment in segments}
    with limited(membership.COUNT_SECONDS) as cursor:
        cursor.execute(
            "SELECT a.segment_id, b.segment_id, count(*) FROM segments_membership a"
            " JOIN segments_membership b ON b.contact_id = a.contact_id AND b.segment_id > a.segment_id"
            " WHERE a.segment_id = ANY(%s) AND b.segment_id = ANY(%s) GROUP BY 1, 2",
            [list(by_id), list(by_id)],
        )
        sizes = {(first, second): size for first, second, size in cursor.fetchall()}
    pairs = [(first, second) for first in sorted(by_id) for second in sorted(by_id) if first < second]
    return [Overlap(by_id[first], by_id[second], sizes.get((first, second), 0)) for first, second in pairs]
