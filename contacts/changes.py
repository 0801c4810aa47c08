"""Which contacts changed, and in what: taken from the queue that triggers fill (migration 0011).

Triggers, because people are written by imports, merges, the API and plain SQL alike, and a change that nobody noted
would leave segments wrong without a sign. They fire once for each statement and write one row for thousands of ids.

Keys name what changed: a column of contacts (`email`, `tags`), `attribute:<key>`, or `attributes` where a bulk change
was not compared key by key; `consent`, `suppression`, `company`, `preference`; `event:<name>` where events already in
the log changed; and PERSON where someone came or went, which bears on every question about people.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

from contacts.models import Change

PERSON = "person"
ATTRIBUTES = "attributes"
LOOK_AHEAD = 2_000  # rows that one batch may hold: many small changes at once

_TAKE = """
DELETE FROM contacts_change WHERE id IN (
    SELECT id FROM (
        SELECT id, size, sum(size) OVER (ORDER BY id) AS total
        FROM (SELECT id, size FROM contacts_change ORDER BY id LIMIT %s) oldest
    ) counted WHERE total - size < %s
) RETURNING keys, contact_ids"""


@dataclass(frozen=True)
class Note:
    """`contact_ids` is None where everyone may have changed."""

    keys: frozenset[str]
    contact_ids: list[int] | None


def note(contact_ids: Sequence[int], key: str = PERSON) -> None:
    """For what no trigger sees: events that became somebody else's, a merge that is over."""
    Change.objects.create(keys=[key], contact_ids=list(contact_ids), size=len(contact_ids))


def take(limit: int) -> list[Note]:
    """The oldest notes, of about `limit` contacts; they are gone when the caller's transaction ends well.

    One reader at a time, whoever calls this sees to it (segments.matching).
    """
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, [LOOK_AHEAD, limit])
        return [Note(frozenset(keys), ids) for keys, ids in cursor.fetchall()]
