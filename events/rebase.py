"""Renumbering the log after a dump was restored into another server, whose transaction ids are behind the dump's.

New events would get lower ids than those already read, and be skipped; the newest old ones would wait for the server to
catch up. Only the order among a reader's read and unread events matters, so every event gets a small number: how many
cursors stand before it. That leaves each reader exactly its unread events.
"""

from django.db import connection, transaction

from events.models import Cursor
from events.stream import Position

FIRST = 3  # the lowest transaction id that the server itself gives out


def is_needed() -> bool:
    """Whether the log holds ids that this server has not given out yet."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(xid) >= pg_snapshot_xmax(pg_current_snapshot()) FROM events_event")
        return bool(cursor.fetchone()[0])


def rebase() -> int:
    """Renumber the whole log and every cursor, in one transaction; returns the number of events.

    Refuses nothing and may be run again, but rewrites every row: for after a restore, before anything is sent.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE events_event IN EXCLUSIVE MODE")
        cursors = list(Cursor.objects.select_for_update().all())
        places = sorted({Position(row.xid, row.event_id) for row in cursors})
        cursor.execute(
            "UPDATE events_event SET xid = (%s + ("
            "  SELECT count(*) FROM unnest(%s::bigint[], %s::bigint[]) AS place(xid, id)"
            "  WHERE (place.xid::text::xid8, place.id) < (events_event.xid, events_event.id)))::text::xid8",
            [FIRST, [place.xid for place in places], [place.id for place in places]],
        )
        count = int(cursor.rowcount)
        # A cursor stands behind every event that has as many cursors before it as there are before itself.
        for row in cursors:
            row.xid = FIRST + places.index(Position(row.xid, row.event_id))
            row.event_id = 2**63 - 1
        Cursor.objects.bulk_update(cursors, ["xid", "event_id"])
    return count
