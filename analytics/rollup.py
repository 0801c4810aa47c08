"""Keeping the hourly counts exact: each batch of the log is folded in SQL, in one transaction with the cursor's move.

A crash between two batches changes nothing; a crash within one undoes its counts and the move together.
"""

from django.db import connection

from analytics.models import FirstSeen, LinkRollup, Rollup
from events import names, stream
from events.stream import Position

READER = "analytics.rollup"
ANY = "any"  # beside its own label, every event that is counted once per message counts under this one
# The ledger sees to it that a message is sent once; a million rows that say so again would only cost time.
UNIQUE_NAMES = [names.OPENED, names.CLICKED, names.BOUNCED, names.COMPLAINED, names.UNSUBSCRIBED]

# Each event once under its own label and once under "any". With a campaign, only what a new label can change: that
# also lets the index on campaign_id be used, which leaves message.sent out.
_EVENTS = """
    WITH events AS MATERIALIZED (
        SELECT xid, id, name, campaign_id, coalesce(variant_id, 0) AS variant_id, message_id,
               date_trunc('hour', occurred_at, 'UTC') AS hour, kind.label,
               CASE WHEN name = 'message.clicked' AND properties->>'link' ~ '^[0-9]{{1,18}}$'
                    THEN (properties->>'link')::bigint END AS link_id
        FROM events_event CROSS JOIN LATERAL (VALUES (events_event.label), ('any')) AS kind(label)
        WHERE (xid, id) > (%(xid)s::text::xid8, %(id)s) AND (xid, id) <= (%(end_xid)s::text::xid8, %(end_id)s)
          AND {which} AND name <> 'log.relabelled' AND (kind.label <> 'any' OR name = ANY(%(unique)s))
    )"""
_OF_ALL = _EVENTS.format(which="campaign_id IS NOT NULL")
_OF_CAMPAIGN = _EVENTS.format(which="campaign_id = %(campaign)s AND name <> 'message.sent'")
# Whoever gets to write the row of FirstSeen was the first of its kind, and counts as unique in its own hour.
_FOLD_HOURS = """, firsts AS (
        INSERT INTO analytics_firstseen (message_id, name, label)
        SELECT DISTINCT message_id, name, label FROM events WHERE message_id IS NOT NULL AND name = ANY(%(unique)s)
        ON CONFLICT DO NOTHING RETURNING message_id, name, label
    ), first_events AS (
        SELECT DISTINCT ON (message_id, name, label) id, label
        FROM events JOIN firsts USING (message_id, name, label) ORDER BY message_id, name, label, xid, id
    )
    INSERT INTO analytics_rollup AS cell (campaign_id, variant_id, hour, name, label, count, unique_count)
    SELECT campaign_id, variant_id, hour, name, label, count(*),
           count(*) FILTER (WHERE first_events.id IS NOT NULL OR name <> ALL(%(unique)s))
    FROM events LEFT JOIN first_events USING (id, label)
    GROUP BY campaign_id, variant_id, hour, name, label
    ON CONFLICT (campaign_id, variant_id, hour, name, label) DO UPDATE
    SET count = cell.count + excluded.count, unique_count = cell.unique_count + excluded.unique_count"""
_FOLD_LINKS = """, clicks AS (
        SELECT *, 'link:' || link_id AS link_name FROM events WHERE link_id IS NOT NULL
    ), firsts AS (
        INSERT INTO analytics_firstseen (message_id, name, label)
        SELECT DISTINCT message_id, link_name, label FROM clicks WHERE message_id IS NOT NULL
        ON CONFLICT DO NOTHING RETURNING message_id, name AS link_name, label
    ), first_clicks AS (
        SELECT DISTINCT ON (message_id, link_name, label) id, label
        FROM clicks JOIN firsts USING (message_id, link_name, label) ORDER BY message_id, link_name, label, xid, id
    )
    INSERT INTO analytics_linkrollup AS cell (campaign_id, variant_id, link_id, label, count, unique_count)
    SELECT campaign_id, variant_id, link_id, label, count(*), count(first_clicks.id)
    FROM clicks LEFT JOIN first_clicks USING (id, label)
    GROUP BY campaign_id, variant_id, link_id, label
    ON CONFLICT (campaign_id, variant_id, link_id, label) DO UPDATE
    SET count = cell.count + excluded.count, unique_count = cell.unique_count + excluded.unique_count"""
_RELABELLED = """
    SELECT DISTINCT campaign_id FROM events_event
    WHERE (xid, id) > (%s::text::xid8, %s) AND (xid, id) <= (%s::text::xid8, %s) AND name = 'log.relabelled'"""
_FORGET_FIRSTS = """
    DELETE FROM analytics_firstseen WHERE message_id IN (
        SELECT message_id FROM events_event WHERE campaign_id = %s AND name <> 'message.sent')"""


def advance(batch: int = 50_000) -> int:
    """Fold the next events into the counts; returns how many there were. Zero: caught up, or someone else is at it."""
    with stream.read_span(READER, batch) as span:
        if span is None:
            return 0
        _fold(_OF_ALL, span.start, span.end)
        with connection.cursor() as cursor:
            cursor.execute(_RELABELLED, span.params)
            relabelled = [campaign for (campaign,) in cursor.fetchall()]
        for campaign in relabelled:
            _recount(campaign, span.end)
        return span.count


def rebuild(campaign_id: int) -> None:
    """Count the opens, clicks and answers of one campaign again from the log, as far as it has been read."""
    with stream.hold(READER) as position:
        _recount(campaign_id, position)


def start_over() -> None:
    """Forget every count; the log is then read again from its start (ten million events: some tens of seconds)."""
    with stream.hold(READER), connection.cursor() as cursor:
        for model in (Rollup, LinkRollup, FirstSeen):
            cursor.execute(f"TRUNCATE {model._meta.db_table}")
        stream.replay(READER)


def _recount(campaign_id: int, end: Position) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_FORGET_FIRSTS, [campaign_id])
    Rollup.objects.filter(campaign_id=campaign_id).exclude(name=names.MESSAGE_SENT).delete()
    LinkRollup.objects.filter(campaign_id=campaign_id).delete()
    _fold(_OF_CAMPAIGN, stream.START, end, campaign=campaign_id)


def _fold(events: str, start: Position, end: Position, campaign: int | None = None) -> None:
    params = {
        "xid": start.xid, "id": start.id, "end_xid": end.xid, "end_id": end.id,
        "unique": UNIQUE_NAMES, "campaign": campaign,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(events + _FOLD_HOURS, params)
        cursor.execute(events + _FOLD_LINKS, params)
