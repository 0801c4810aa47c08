"""Keeping the hourly counts exact: each batch of the log is folded in one transaction with the cursor's move.

A crash between two batches changes nothing; a crash within one undoes its counts and the move together. Only one
process folds at a time (it holds the cursor's lock), so what a batch looked up can't change before it writes.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db import connection

from analytics.models import FirstSeen, LinkRollup, Rollup
from events import names, stream
from events.stream import Position

READER = "analytics.rollup"
ANY = "any"  # beside its own label, every event that is counted once per message counts under this one
# The ledger sees to it that a message is sent once; a million rows that say so again would only cost time.
UNIQUE_NAMES = [names.OPENED, names.CLICKED, names.BOUNCED, names.COMPLAINED, names.UNSUBSCRIBED]

_IN_SPAN = """
    FROM events_event
    WHERE (xid, id) > (%(xid)s::text::xid8, %(id)s) AND (xid, id) <= (%(end_xid)s::text::xid8, %(end_id)s)"""
# Hours since 1970: a hundred thousand of Python's datetimes would take as long as all the counting.
_CELL = "campaign_id, coalesce(variant_id, 0), floor(extract(epoch FROM occurred_at) / 3600)::bigint, name, label"
_PLAIN = f"""
    SELECT {_CELL}, count(*) {_IN_SPAN}
      AND campaign_id IS NOT NULL AND name <> ALL(%(unique)s) AND name <> 'log.relabelled'
    GROUP BY 1, 2, 3, 4, 5"""
_ONCE_PER_MESSAGE = f"""
    SELECT {_CELL}, message_id,
           CASE WHEN name = 'message.clicked' AND properties->>'link' ~ '^[0-9]{{1,18}}$' THEN properties->>'link' END
    {_IN_SPAN} AND name = ANY(%(unique)s) """
_OF_ALL = "AND campaign_id IS NOT NULL ORDER BY events_event.xid, events_event.id"
_RELABELLED = f"SELECT DISTINCT campaign_id {_IN_SPAN} AND name = 'log.relabelled'"
_FORGET_FIRSTS = """
    DELETE FROM analytics_firstseen WHERE message_id IN (
        SELECT message_id FROM events_event WHERE campaign_id = %s AND name <> 'message.sent')"""
# A campaign may have millions of hits, so a recount never takes them out of the database. Naming what it leaves out
# lets it use the index on campaign_id, which has no rows of message.sent.
_HITS = f"""
    CREATE TEMPORARY TABLE hit ON COMMIT DROP AS
    SELECT xid, id, message_id AS message, campaign_id AS campaign, coalesce(variant_id, 0) AS variant,
           date_trunc('hour', occurred_at, 'UTC') AS hour, name, label,
           CASE WHEN name = 'message.clicked' AND properties->>'link' ~ '^[0-9]{{1,18}}$'
                THEN (properties->>'link')::bigint END AS link
    {_IN_SPAN} AND name = ANY(%(unique)s) AND campaign_id = %(campaign)s AND name <> 'message.sent'"""
_FIRSTS = """
    INSERT INTO analytics_firstseen (message_id, name, label)
    SELECT message, name, label FROM hit WHERE message IS NOT NULL GROUP BY 1, 2, 3
    UNION ALL
    SELECT message, 'link:' || link, label FROM hit WHERE message IS NOT NULL AND link IS NOT NULL GROUP BY 1, 2, 3"""
_RECOUNT = """
    INSERT INTO {table} ({columns}, label, count, unique_count)
    WITH ranked AS (
        SELECT *, row_number() OVER (PARTITION BY message, {what} ORDER BY xid, id) AS nth,
               row_number() OVER (PARTITION BY message, {what}, label ORDER BY xid, id) AS nth_so_labelled
        FROM hit WHERE {what} IS NOT NULL)
    SELECT {cell}, label, count(*), count(message) FILTER (WHERE nth_so_labelled = 1) FROM ranked GROUP BY {cell}, label
    UNION ALL
    SELECT {cell}, 'any', count(*), count(message) FILTER (WHERE nth = 1) FROM ranked GROUP BY {cell}"""
_RECOUNT_HOURS = _RECOUNT.format(
    table="analytics_rollup",
    columns="campaign_id, variant_id, hour, name",
    cell="campaign, variant, hour, name",
    what="name",
)
_RECOUNT_LINKS = _RECOUNT.format(
    table="analytics_linkrollup",
    columns="campaign_id, variant_id, link_id",
    cell="campaign, variant, link",
    what="link",
)
_ADD = """
    INSERT INTO {table} AS cell ({columns}, count, unique_count)
    SELECT {values}, count, unique_count
    FROM unnest({arrays}, %s::bigint[], %s::bigint[]) AS new({columns}, count, unique_count)
    ON CONFLICT ({columns}) DO UPDATE
    SET count = cell.count + excluded.count, unique_count = cell.unique_count + excluded.unique_count"""
_ADD_HOURS = _ADD.format(
    table="analytics_rollup",
    columns="campaign_id, variant_id, hour, name, label",
    values="campaign_id, variant_id, to_timestamp(hour * 3600), name, label",
    arrays="%s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::text[]",
)
_ADD_LINKS = _ADD.format(
    table="analytics_linkrollup",
    columns="campaign_id, variant_id, link_id, label",
    values="campaign_id, variant_id, link_id, label",
    arrays="%s::bigint[], %s::bigint[], %s::bigint[], %s::text[]",
)


class Hit(NamedTuple):
    """One event that is counted once per message."""

    campaign: int
    variant: int
    hour: int
    name: str
    label: str
    message: int | None
    link: str | None


def advance(batch: int = 50_000) -> int:
    """Fold the next events into the counts; returns how many there were. Zero: caught up, or someone else is at it."""
    with stream.read_span(READER, batch) as span:
        if span is None:
            return 0
        fold = Fold(span.start, span.end)
        fold.add_plain(fold.select(_PLAIN))
        fold.add_hits(Hit(*row) for row in fold.select(_ONCE_PER_MESSAGE + _OF_ALL))
        fold.write()
        for (campaign,) in fold.select(_RELABELLED):
            _recount(campaign, span.end)
        return span.count


def rebuild(campaign_id: int) -> None:
    """Count the opens, clicks and answers of one campaign again from the log, as far as it has been read."""
    with stream.hold(READER) as position:
        _recount(campaign_id, position)


def start_over() -> None:
    """Forget every count; the log is then read again from its start."""
    with stream.hold(READER), connection.cursor() as cursor:
        for model in (Rollup, LinkRollup, FirstSeen):
            cursor.execute(f"TRUNCATE {model._meta.db_table}")
        stream.replay(READER)


def _recount(campaign_id: int, end: Position) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_FORGET_FIRSTS, [campaign_id])
    Rollup.objects.filter(campaign_id=campaign_id, name__in=UNIQUE_NAMES).delete()
    LinkRollup.objects.filter(campaign_id=campaign_id).delete()
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS hit")  # of another campaign in this transaction
        cursor.execute(_HITS, {**_bounds(stream.START, end), "campaign": campaign_id})
        for statement in (_FIRSTS, _RECOUNT_HOURS, _RECOUNT_LINKS):
            cursor.execute(statement)


def _bounds(start: Position, end: Position) -> dict[str, Any]:
    return {"xid": start.xid, "id": start.id, "end_xid": end.xid, "end_id": end.id, "unique": UNIQUE_NAMES}


@dataclass
class Fold:
    """The counts of one stretch of the log, before they are added to the tables."""

    start: Position
    end: Position
    hours: Counter[tuple] = field(default_factory=Counter)
    unique_hours: Counter[tuple] = field(default_factory=Counter)
    links: Counter[tuple] = field(default_factory=Counter)
    unique_links: Counter[tuple] = field(default_factory=Counter)
    firsts: list[tuple[int, str, str]] = field(default_factory=list)

    def select(self, statement: str) -> list[tuple]:
        with connection.cursor() as cursor:
            cursor.execute(statement, _bounds(self.start, self.end))
            return list(cursor.fetchall())

    def add_plain(self, rows: Iterable[tuple]) -> None:
        for *cell, count in rows:
            self.hours[tuple(cell)] += count
            self.unique_hours[tuple(cell)] += count

    def add_hits(self, hits: Iterable[Hit]) -> None:
        hits = list(hits)
        seen = _labels_seen({hit.message for hit in hits if hit.message is not None})
        for hit in hits:
            cell = hit.campaign, hit.variant, hit.hour, hit.name
            self._count(self.hours, self.unique_hours, cell, hit, seen, hit.name)
            if hit.link is not None:
                link_cell = hit.campaign, hit.variant, int(hit.link)
                self._count(self.links, self.unique_links, link_cell, hit, seen, f"link:{hit.link}")

    def _count(
        self, counts: Counter[tuple], uniques: Counter[tuple], cell: tuple, hit: Hit, seen: "Seen", what: str
    ) -> None:
        counts[*cell, hit.label] += 1
        counts[*cell, ANY] += 1
        if hit.message is None:
            return
        labels = seen[hit.message, what]
        if not labels:
            uniques[*cell, ANY] += 1
        if hit.label not in labels:
            uniques[*cell, hit.label] += 1
            labels.add(hit.label)
            self.firsts.append((hit.message, what, hit.label))

    def write(self) -> None:
        with connection.cursor() as cursor:
            with cursor.copy("COPY analytics_firstseen (message_id, name, label) FROM STDIN") as copy:
                for first in self.firsts:
                    copy.write_row(first)
            for statement, counts, uniques in (
                (_ADD_HOURS, self.hours, self.unique_hours),
                (_ADD_LINKS, self.links, self.unique_links),
            ):
                cells = [(*cell, count, uniques[cell]) for cell, count in counts.items()]
                if cells:
                    cursor.execute(statement, [list(column) for column in zip(*cells, strict=True)])


Seen = defaultdict[tuple[int, str], set[str]]


def _labels_seen(messages: set[Any]) -> Seen:
    """Under which labels each of these messages was seen before, by name (or link)."""
    seen: Seen = defaultdict(set)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT message_id, name, label FROM analytics_firstseen WHERE message_id = ANY(%s)", [list(messages)]
        )
        for message, name, label in cursor.fetchall():
            seen[message, name].add(label)
    return seen
