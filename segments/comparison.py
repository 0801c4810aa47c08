"""Several segments side by side: how many, who bought and for how much, how they respond, and whom they share."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.utils import timezone

from events import names
from segments import insight, membership
from segments.limits import limited
from segments.models import Segment

LIMIT = 10
RESPONSES = (names.MESSAGE_SENT, names.OPENED, names.CLICKED)


@dataclass(frozen=True)
class Figures:
    """Of today's members; `sent`, `opened` and `clicked` are people in the last days, machines left out."""

    segment: Segment
    size: int = 0
    buyers: int = 0
    spent: Decimal = Decimal(0)
    sent: int = 0
    opened: int = 0
    clicked: int = 0

    @property
    def spent_each(self) -> Decimal:
        return self.spent / self.size if self.size else Decimal(0)

    @property
    def buyer_percent(self) -> float:
        return percent(self.buyers, self.size)

    @property
    def open_percent(self) -> float:
        return percent(self.opened, self.sent)

    @property
    def click_percent(self) -> float:
        return percent(self.clicked, self.sent)


@dataclass(frozen=True)
class Shared:
    """How many of the row's segment are in the column's as well."""

    size: int
    percent: float
    is_same: bool


def percent(part: int | Decimal, whole: int | Decimal) -> float:
    """0 of nothing; a negative whole (more refunds than purchases) has no shares."""
    return float(100 * part / whole) if whole > 0 else 0.0


def figures(segments: list[Segment], days: int = insight.GROWTH_DAYS) -> list[Figures]:
    spending, responses = _spending(segments), _responses(segments, days)
    return [
        Figures(segment, *spending.get(segment.pk, (0, 0, Decimal(0))), *responses.get(segment.pk, (0, 0, 0)))
        for segment in segments
    ]


def matrix(segments: list[Segment], sizes: dict[int, int]) -> list[tuple[Segment, list[Shared]]]:
    """One row for each segment, one cell for each segment; shares are of the row's segment."""
    common = {(pair.first.pk, pair.second.pk): pair.size for pair in insight.overlaps(segments)}
    return [(row, [_shared(row, column, sizes, common) for column in segments]) for row in segments]


def _shared(row: Segment, column: Segment, sizes: dict[int, int], common: dict[tuple[int, int], int]) -> Shared:
    low, high = sorted((row.pk, column.pk))
    size = sizes[row.pk] if row == column else common[low, high]
    return Shared(size, percent(size, sizes[row.pk]), row == column)


def _spending(segments: list[Segment]) -> dict[int, tuple[int, int, Decimal]]:
    with limited(membership.COUNT_SECONDS) as cursor:
        cursor.execute(
            "SELECT m.segment_id, count(*), count(*) FILTER (WHERE s.purchase_count > 0), coalesce(sum(s.spent), 0)"
            " FROM segments_membership m LEFT JOIN segments_standing s ON s.contact_id = m.contact_id"
            " WHERE m.segment_id = ANY(%s) GROUP BY m.segment_id",
            [[segment.pk for segment in segments]],
        )
        return {pk: (size, buyers, spent) for pk, size, buyers, spent in cursor.fetchall()}


def _responses(segments: list[Segment], days: int) -> dict[int, tuple[int, ...]]:
    with limited(membership.COUNT_SECONDS) as cursor:
        cursor.execute(
            "SELECT m.segment_id, e.name, count(DISTINCT e.contact_id) FROM events_event e"
            " JOIN segments_membership m ON m.contact_id = e.contact_id AND m.segment_id = ANY(%s)"
            " WHERE e.name = ANY(%s) AND e.label = 'human' AND e.occurred_at >= %s GROUP BY m.segment_id, e.name",
            [[segment.pk for segment in segments], list(RESPONSES), timezone.now() - timedelta(days=days)],
        )
        found = {(pk, name): people for pk, name, people in cursor.fetchall()}
    return {segment.pk: tuple(found.get((segment.pk, name), 0) for name in RESPONSES) for segment in segments}
