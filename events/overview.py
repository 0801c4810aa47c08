"""What is known about the events there are: names, how many on which day from which source, the properties seen.

Kept up from the log by a reader of its own, so that the console shows it without counting ten million events. Of
properties a sample is looked at, for names and kinds; no value is kept.
"""

from django.db import connection
from django.db.backends.utils import CursorWrapper

from events import stream

READER = "events.overview"
SAMPLE = 50  # events of each name in a batch whose properties are looked at
MOST_NAMES, MOST_PROPERTIES = 2_000, 200  # of all, and of one name: what programs make up beyond is counted, not listed

_SPAN = "(xid, id) > (%s::text::xid8, %s) AND (xid, id) <= (%s::text::xid8, %s)"

_NAMES = f"""
INSERT INTO events_eventname AS known (name, count, first_seen_at, last_seen_at)
SELECT name, count(*), min(occurred_at), max(occurred_at) FROM events_event
WHERE {_SPAN} AND name NOT LIKE 'log.%%' AND (
    (SELECT count(*) FROM events_eventname) < %s OR name IN (SELECT name FROM events_eventname))
GROUP BY name
ON CONFLICT (name) DO UPDATE SET count = known.count + EXCLUDED.count,
    first_seen_at = least(known.first_seen_at, EXCLUDED.first_seen_at),
    last_seen_at = greatest(known.last_seen_at, EXCLUDED.last_seen_at)"""  # noqa: S608
_DAYS = f"""
INSERT INTO events_eventday AS known (name, day, source_id, count)
SELECT name, (occurred_at AT TIME ZONE 'UTC')::date, coalesce(source_id, 0), count(*) FROM events_event
WHERE {_SPAN} AND name IN (SELECT name FROM events_eventname) GROUP BY 1, 2, 3
ON CONFLICT (name, day, source_id) DO UPDATE SET count = known.count + EXCLUDED.count"""  # noqa: S608
_PROPERTIES = f"""
WITH numbered AS (
    SELECT name, occurred_at, properties, row_number() OVER (PARTITION BY name) AS number FROM events_event
    WHERE {_SPAN} AND properties <> '{{}}' AND name IN (SELECT name FROM events_eventname)
), seen AS (
    SELECT name, left(pair.key, 120) AS key, jsonb_typeof(pair.value) AS kind, count(*) AS count,
        max(occurred_at) AS last_seen_at
    FROM numbered, jsonb_each(properties) AS pair WHERE number <= %s GROUP BY 1, 2, 3
)
INSERT INTO events_eventproperty AS known (name, key, kind, count, last_seen_at)
SELECT name, key, kind, count, last_seen_at FROM seen
WHERE (SELECT count(*) FROM events_eventproperty AS listed WHERE listed.name = seen.name) < %s
   OR (name, key, kind) IN (SELECT name, key, kind FROM events_eventproperty)
ON CONFLICT (name, key, kind) DO UPDATE SET count = known.count + EXCLUDED.count,
    last_seen_at = greatest(known.last_seen_at, EXCLUDED.last_seen_at)"""  # noqa: S608


def advance(batch: int = 50_000) -> bool:
    """Take in the next batch of the log; False when there is nothing new."""
    with stream.read_span(READER, batch) as span:
        if span is None:
            return False
        with connection.cursor() as cursor:
            _fold(cursor, span)
    return True


def _fold(cursor: CursorWrapper, span: stream.Span) -> None:
    cursor.execute(_NAMES, [*span.params, MOST_NAMES])
    cursor.execute(_DAYS, span.params)
    cursor.execute(_PROPERTIES, [*span.params, SAMPLE, MOST_PROPERTIES])
