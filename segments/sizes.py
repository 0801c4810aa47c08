"""The size of segments, and its course over time, as people come and go."""

from collections.abc import Mapping
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from segments.models import Segment, SizePoint

QUIET = timedelta(hours=1)  # while nothing changes, a point of the course this often
POINT = "15 minutes"  # what changes within is one point

_MOVED = "FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS moved(segment_id, entered, gone)"
# Two who move several sizes must not wait for each other.
_IN_ORDER = "SELECT FROM segments_segment WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"
_SIZE = f"UPDATE segments_segment s SET size = s.size + entered - gone {_MOVED} WHERE s.id = segment_id"  # noqa: S608
_LENGTHEN = f"""
UPDATE segments_sizepoint p
SET size = s.size, entered_count = p.entered_count + entered, left_count = p.left_count + gone
{_MOVED} JOIN segments_segment s ON s.id = segment_id
WHERE p.id = (
    SELECT newest.id FROM segments_sizepoint newest
    WHERE newest.segment_id = moved.segment_id AND newest.at > now() - interval '{POINT}'
    ORDER BY newest.at DESC LIMIT 1
) RETURNING p.segment_id"""  # noqa: S608
_BEGIN = f"""
INSERT INTO segments_sizepoint (segment_id, size, entered_count, left_count)
SELECT s.id, s.size, entered, gone {_MOVED} JOIN segments_segment s ON s.id = segment_id
WHERE NOT s.id = ANY(%s)"""  # noqa: S608


def note(segment_id: int, *, entered: int, left: int) -> None:
    """A refresh is a point of its own; one that changed nothing only once in a while."""
    points = SizePoint.objects.filter(segment_id=segment_id)
    if entered or left or not points.filter(at__gt=timezone.now() - QUIET).exists():
        size = Segment.objects.values_list("size", flat=True).get(pk=segment_id)
        SizePoint.objects.create(segment_id=segment_id, size=size, entered_count=entered, left_count=left)


def move(changes: Mapping[int, tuple[int, int]]) -> None:
    """How many entered and how many left each segment, on top of the size it had."""
    if not changes:
        return
    moved = [list(changes), *map(list, zip(*changes.values(), strict=True))]
    with connection.cursor() as cursor:
        cursor.execute(_IN_ORDER, [moved[0]])
        cursor.execute(_SIZE, moved)
        cursor.execute(_LENGTHEN, moved)
        cursor.execute(_BEGIN, [*moved, [segment_id for (segment_id,) in cursor.fetchall()]])
