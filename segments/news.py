"""What has happened since the last look, as groups: these people, for the segments on which it bears."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from functools import cached_property
from typing import Any

from django.db import connection

from contacts import changes
from events import stream
from events.stream import Span
from segments import dependencies, membership
from segments.dependencies import ANY_ATTRIBUTE, EVENTS, UNNOTED
from segments.models import Segment

BATCH = 6_000  # people, or events, in one transaction: three whole notes of a bulk change
GROUPS = 12  # more than these cost more in statements than they save in questions
READER = "segments.matching"
ENTERED, LEFT = "segment.entered", "segment.left"

Groups = dict[frozenset[int], set[int]]

# Who did something that some segment asks about; the events of entering and leaving tell which segment it was.
_DID = """
SELECT name, array_agg(DISTINCT contact_id), NULL::bigint FROM events_event
WHERE (xid, id) > (%s::text::xid8, %s) AND (xid, id) <= (%s::text::xid8, %s)
    AND contact_id IS NOT NULL AND label = 'human' AND (%s OR name = ANY(%s)) GROUP BY name
UNION ALL
SELECT '', array_agg(DISTINCT contact_id), s.id FROM events_event e
JOIN segments_segment s ON s.uuid::text = e.properties->>'segment'
WHERE (xid, e.id) > (%s::text::xid8, %s) AND (xid, e.id) <= (%s::text::xid8, %s)
    AND contact_id IS NOT NULL AND e.name = ANY(%s) GROUP BY s.id"""
_RECHECKS = """
DELETE FROM segments_recheck WHERE id IN (
    SELECT id FROM (
        SELECT id, cardinality(contact_ids) AS size, sum(cardinality(contact_ids)) OVER (ORDER BY id) AS total
        FROM (SELECT * FROM segments_recheck WHERE segment_id = ANY(%s) ORDER BY id LIMIT 200) oldest
    ) counted WHERE total - size < %s
) RETURNING segment_id, contact_ids"""


class Followed:
    """Which segments depend on what.

    Made after the news were taken: a segment that is not among them yet commits its dependencies before it asks its
    question, and so it asks after all of these changes.
    """

    @cached_property
    def by_key(self) -> dict[str, set[int]]:
        found: dict[str, set[int]] = defaultdict(set)
        rows = Segment.objects.filter(kind=Segment.Kind.DYNAMIC).values_list("pk", "depends_on")
        for pk, keys in rows:
            for key in keys:
                found[key].add(pk)
        return found

    def concerned(self, keys: Collection[str]) -> frozenset[int]:
        wanted = {UNNOTED, *keys}
        if any(key.startswith("attribute:") for key in keys):
            wanted.add(ANY_ATTRIBUTE)
        if any(key.startswith("event:") for key in keys):
            wanted.add(EVENTS)
        return frozenset().union(*(self.by_key.get(key, ()) for key in wanted))

    @property
    def events(self) -> list[str]:
        return [key.removeprefix("event:") for key in self.by_key if key.startswith("event:")]

    @property
    def asks_any_event(self) -> bool:
        return EVENTS in self.by_key


def changed() -> Groups | None:
    """From the notes of triggers; None when there are none. A note about everyone makes segments stale at once."""
    notes = changes.take(BATCH)
    if not notes:
        return None
    followed, groups = Followed(), _groups()
    for note in notes:
        segments = followed.concerned(note.keys)
        if note.contact_ids is None:
            _make_stale(segments)
        elif segments:
            groups[segments].update(note.contact_ids)
    return _merged(groups)


def happened() -> Groups | None:
    """From the log; None when there is nothing new in it."""
    with stream.read_span(READER, BATCH) as span:
        return None if span is None else _merged(_of_events(span))


def _of_events(span: Span) -> Groups:
    followed, groups = Followed(), _groups()
    params: list[Any] = [*span.params, followed.asks_any_event, followed.events, *span.params, [ENTERED, LEFT]]
    with connection.cursor() as cursor:
        cursor.execute(_DID, params)
        for name, ids, source in cursor.fetchall():
            key = dependencies.event_key(name) if source is None else dependencies.segment_key(source)
            if segments := followed.concerned([key]):
                groups[segments].update(ids)
    return groups


def postponed() -> Groups | None:
    """People put aside for one segment, unless that is being refreshed right now."""
    free = membership.try_locks(_waiting())
    with connection.cursor() as cursor:
        cursor.execute(_RECHECKS, [free, BATCH])
        groups = _groups()
        for segment, ids in cursor.fetchall():
            groups[frozenset([segment])].update(ids)
    return dict(groups) or None


def _waiting() -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT segment_id FROM segments_recheck")
        return [row[0] for row in cursor.fetchall()]


def _make_stale(segments: Iterable[int]) -> None:
    for pk in sorted(segments):
        membership.make_stale(pk)


def _groups() -> defaultdict[frozenset[int], set[int]]:
    return defaultdict(set)


def _merged(groups: Groups) -> Groups:
    """Many small groups become one: asking a few segments too many costs less than a statement for each."""
    if len(groups) <= GROUPS:
        return dict(groups)
    return {frozenset().union(*groups): set().union(*groups.values())}
