"""Each message once: what was seen before, in the last SEEN_FOR_DAYS, is left out."""

from collections.abc import Sequence

from django.db import connection, transaction

from core import arrays
from events.tracking.calls import Call

SEEN_FOR_DAYS = 14  # phones that were off for a week send what they kept
FORGET_AT_ONCE = 50_000

# In the order of the keys: two batches with the same messages then wait for each other, never both for both.
_FIRST_SEEN = """
INSERT INTO events_seenmessage (key) SELECT key FROM unnest(%s::uuid[]) AS key ORDER BY key
ON CONFLICT DO NOTHING RETURNING replace(key::text, '-', '')"""
_FORGET = """
DELETE FROM events_seenmessage WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM events_seenmessage WHERE seen_at < now() - make_interval(days => %s) LIMIT %s))"""


def note_all(calls: Sequence[Call]) -> None:
    """Note all of these as seen, in the hope that none was; IntegrityError if one was, or comes twice.

    Nearly always none was, and COPY takes half as long as looking out for conflicts.
    """
    keys = sorted(call.key for call in calls if call.key is not None)
    if keys:
        with (
            connection.wrap_database_errors,
            connection.cursor() as cursor,
            cursor.copy("COPY events_seenmessage (key) FROM STDIN") as copy,
        ):
            copy.write("\n".join(keys) + "\n")


def first_seen(calls: Sequence[Call]) -> list[Call]:
    """The calls that were not seen before, also not twice among themselves; those without an id are all new.

    Notes them as seen in the caller's transaction. Another transaction with the same message is waited for.
    """
    by_key = {call.key: call for call in reversed(calls) if call.key is not None}
    if not by_key:
        return list(calls)
    with connection.cursor() as cursor:
        cursor.execute(_FIRST_SEEN, [arrays.of_texts(by_key)])
        if cursor.rowcount == len(calls):
            return list(calls)
        fresh = {key for (key,) in cursor.fetchall()}
    return [call for call in calls if call.key is None or (call.key in fresh and by_key[call.key] is call)]


def forget_old() -> int:
    """Forget what was seen longer ago than SEEN_FOR_DAYS; returns how many those were."""
    count = 0
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_FORGET, [SEEN_FOR_DAYS, FORGET_AT_ONCE])
            forgotten = int(cursor.rowcount)
        count += forgotten
        if forgotten < FORGET_AT_ONCE:
            return count
