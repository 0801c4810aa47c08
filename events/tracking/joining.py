"""Visitors and people: which visitor is who, and what a visitor did before that was known becomes theirs.

The batch that says who a visitor is takes over their history at once (`link`). What it could not see yet, because it
was being written at the same moment, and what was too much for one request, a reader of the log joins soon after
(`join_late`). Events that change hands this way keep their place in the log; a `log.joined` event tells its readers.
"""

from collections.abc import Mapping

from django.db import connection

from core import arrays
from events import ingest, names, stream

AT_ONCE = 5_000  # events of one visitor, or a few, in one statement

_LINK = """
INSERT INTO contacts_identity (kind, value, contact_id)
SELECT 'anonymous', value, contact_id FROM unnest(%s::text[], %s::bigint[]) AS new(value, contact_id) ORDER BY value
ON CONFLICT DO NOTHING RETURNING value"""

_JOIN = """
WITH visitor AS (
    SELECT * FROM unnest(%s::varchar[], %s::bigint[]) AS visitor(anonymous_id, contact_id)
), unknown AS (
    SELECT event.xid, event.id, event.occurred_at, visitor.contact_id
    FROM visitor JOIN events_event AS event
        ON event.anonymous_id = visitor.anonymous_id COLLATE "C" AND event.contact_id IS NULL
    LIMIT %s
), joined AS (
    UPDATE events_event AS event SET contact_id = unknown.contact_id FROM unknown
    WHERE (event.xid, event.id, event.occurred_at) = (unknown.xid, unknown.id, unknown.occurred_at)
    RETURNING event.contact_id, event.anonymous_id, event.name
)
SELECT contact_id, anonymous_id, array_agg(DISTINCT name) FROM joined GROUP BY contact_id, anonymous_id"""

# Both kinds of late ones: written while their visitor was being linked, and more than were joined at once.
_LATE = """
SELECT DISTINCT identity.value, identity.contact_id
FROM events_event AS event JOIN contacts_identity AS identity
    ON identity.kind = 'anonymous' AND identity.value = event.anonymous_id
WHERE (event.xid, event.id) > (%s::text::xid8, %s) AND (event.xid, event.id) <= (%s::text::xid8, %s)
  AND event.anonymous_id IS NOT NULL AND (event.contact_id IS NULL OR event.name = 'log.joined')"""


def link(visitors: Mapping[str, int]) -> bool:
    """From now on these anonymous ids mean these contacts, and so does all they did; in the caller's transaction.

    False if somebody else linked one of them meanwhile, to whomever: then the caller looks again.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LINK, [arrays.of_texts(visitors), arrays.of_numbers(visitors.values())])
        linked = {value for (value,) in cursor.fetchall()}
    if len(linked) < len(visitors):
        return False
    join(visitors)
    return True


def join(visitors: Mapping[str, int]) -> None:
    """Give what these visitors did to the contacts they are, AT_ONCE of it at most, and say so in the log."""
    with connection.cursor() as cursor:
        cursor.execute(_JOIN, [arrays.of_texts(visitors), arrays.of_numbers(visitors.values()), AT_ONCE])
        joined = cursor.fetchall()
    ingest.record_many(
        {"name": names.JOINED, "contact_id": contact, "anonymous_id": visitor, "properties": {"names": sorted(kinds)}}
        for contact, visitor, kinds in joined
    )


def join_late(batch: int = 50_000) -> bool:
    """Join what the next batch of the log shows to be left over; False when there is nothing new to look at."""
    with stream.read_span("events.joining", batch) as span, connection.cursor() as cursor:
        if span is None:
            return False
        cursor.execute(_LATE, span.params)
        if visitors := dict(cursor.fetchall()):
            join(visitors)
    return True
