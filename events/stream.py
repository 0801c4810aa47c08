"""Reading the event log in commit order, each reader with a cursor of its own.

Ids are handed out before transactions commit, so "everything above the last id I saw" loses events. Every row carries
the id of the transaction that wrote it (`xid`), and a reader takes only rows below `pg_snapshot_xmin`: every
transaction below that has ended, so no row can still appear behind the cursor. A long transaction anywhere on the
server holds the readers up for as long as it lives; it never makes them lose anything.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from events.models import Cursor, Event

_FIELDS = [field.attname for field in Event._meta.concrete_fields]
_PROPERTIES = _FIELDS.index("properties")
# The row comparison and the order are a prefix of every partition's primary key: a merge append of index scans.
_NEXT = """
    FROM events_event
    WHERE (xid, id) > (%s::text::xid8, %s) AND xid < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY events_event.xid, events_event.id LIMIT %s"""
_NEXT_EVENTS = f"SELECT xid::text::bigint AS commit_xid, {', '.join(_FIELDS)} {_NEXT}"
_NEXT_SPAN = f"""
    SELECT xid::text::bigint, id, count(*) OVER () FROM (SELECT xid, id {_NEXT}) AS batch
    ORDER BY batch.xid DESC, batch.id DESC LIMIT 1"""  # noqa: S608


@dataclass(frozen=True, order=True)
class Position:
    """A place in the log: after this event, before the next."""

    xid: int = 0
    id: int = 0


START = Position()


@dataclass(frozen=True)
class Span:
    """The events after `start` up to and including `end`, for readers that do their work in SQL.

    FROM events_event WHERE (xid, id) > (%s::text::xid8, %s) AND (xid, id) <= (%s::text::xid8, %s)
    """

    start: Position
    end: Position
    count: int

    @property
    def params(self) -> list[int]:
        return [self.start.xid, self.start.id, self.end.xid, self.end.id]


@contextmanager
def read(reader: str, batch: int = 5000) -> Iterator[list[Event]]:
    """The next events for `reader`, oldest commit first; the cursor moves in the transaction of the block.

    with stream.read("delivery.messages") as events:
        ...

    If the block raises, neither its work nor the move is kept and the same events come again. Empty when there is
    nothing new, and when another process is reading as `reader` right now.
    """
    with _cursor_of(reader) as position:
        rows = [] if position is None else _next_rows(position, batch)
        yield [_event(row) for row in rows]
        if rows:
            _move(reader, Position(rows[-1][0], rows[-1][1 + _FIELDS.index("id")]))


@contextmanager
def read_span(reader: str, batch: int = 50_000) -> Iterator[Span | None]:
    """As `read`, but gives only the bounds of the batch; None when there is nothing to do."""
    with _cursor_of(reader) as position:
        span = None if position is None else _next_span(position, batch)
        yield span
        if span is not None:
            _move(reader, span.end)


@contextmanager
def hold(reader: str) -> Iterator[Position]:
    """Wait until nobody reads as `reader` and keep it so for the block: for work on what the reader has built."""
    with _cursor_of(reader, skip_locked=False) as position:
        assert position is not None  # noqa: S101  # waiting always ends with the row
        yield position


def replay(reader: str, *, to: Position = START) -> None:
    """Put the cursor of `reader` back (or anywhere): what follows `to` will be read again."""
    _make(reader)
    _move(reader, to)


def position_of(reader: str) -> Position:
    row = Cursor.objects.filter(reader=reader).values_list("xid", "event_id").first()
    return Position(*row) if row else START


def oldest_unread(reader: str) -> datetime | None:
    """When the next event for `reader` was received; None when it has caught up."""
    rows = _next_rows(position_of(reader), 1)
    return _event(rows[0]).received_at if rows else None


@contextmanager
def _cursor_of(reader: str, *, skip_locked: bool = True) -> Iterator[Position | None]:
    """Lock the cursor for one transaction; None if someone else holds it and must be skipped."""
    _make(reader)
    with transaction.atomic():
        row = (
            Cursor.objects.select_for_update(skip_locked=skip_locked)
            .filter(reader=reader)
            .values_list("xid", "event_id")
            .first()
        )
        yield Position(*row) if row else None


def _make(reader: str) -> None:
    # Outside the reading transaction, so that the very first readers don't wait for each other's batch.
    if not Cursor.objects.filter(reader=reader).exists():
        Cursor.objects.bulk_create([Cursor(reader=reader)], ignore_conflicts=True)


def _move(reader: str, to: Position) -> None:
    Cursor(reader=reader, xid=to.xid, event_id=to.id).save(force_update=True)


def _next_rows(after: Position, batch: int) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(_NEXT_EVENTS, [after.xid, after.id, batch])
        return list(cursor.fetchall())


def _next_span(after: Position, batch: int) -> Span | None:
    with connection.cursor() as cursor:
        cursor.execute(_NEXT_SPAN, [after.xid, after.id, batch])
        row = cursor.fetchone()
    return Span(after, Position(row[0], row[1]), row[2]) if row else None


def _event(row: tuple) -> Event:
    _xid, *values = row
    values[_PROPERTIES] = json.loads(values[_PROPERTIES])  # Django's connections leave jsonb to the fields
    return Event.from_db(connection.alias, _FIELDS, values)
