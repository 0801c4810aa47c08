"""Entering and leaving a segment become events themselves, a bounded number at a time."""

from django.db import connection, transaction

from core import failpoints
from segments.news import ENTERED, LEFT

BATCH = 20_000

# Past events.ingest: these are ids that the database has, and a refresh may move six hundred thousand of them. Nothing
# is said any more about those who were erased meanwhile.
_DRAIN = """
WITH taken AS (
    DELETE FROM segments_transition WHERE id IN (
        SELECT id FROM (
            SELECT id, cardinality(contact_ids) AS size, sum(cardinality(contact_ids)) OVER (ORDER BY id) AS total
            FROM (SELECT id, contact_ids FROM segments_transition ORDER BY id LIMIT 500 FOR UPDATE SKIP LOCKED) oldest
        ) counted WHERE total - size < %s
    ) RETURNING id, segment_id, is_entry, contact_ids, at
), told AS (
    INSERT INTO events_event (name, contact_id, occurred_at, properties)
    SELECT CASE WHEN is_entry THEN %s ELSE %s END, contact_id, at, jsonb_build_object('segment', s.uuid)
    FROM taken JOIN segments_segment s ON s.id = segment_id CROSS JOIN unnest(contact_ids) contact_id
    WHERE NOT EXISTS (SELECT FROM contacts_contact c WHERE c.id = contact_id AND c.erased_at IS NOT NULL)
    ORDER BY taken.id
)
SELECT count(*) FROM taken"""


def drain() -> bool:
    """Write the oldest transitions to the log; False when there are none."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_DRAIN, [BATCH, ENTERED, LEFT])
        count = cursor.fetchone()[0]
        failpoints.reach("before_drain_commit")
    return bool(count)
