"""Events of contacts that became somebody else: they belong to who took over."""

from django.db import connection, transaction

from contacts import changes
from events import ingest, names

# Bounces of mail that was on its way, and answers of workers that had begun before the merge.
LATE_DAYS = 7

# A row keeps its place in the log, so no reader sees it twice; `log.joined` tells them that it is another's now.
_MOVED = "SELECT contact_id, array_agg(DISTINCT name) FROM moved GROUP BY contact_id"
_BRING_HOME = f"""
    WITH moved AS (UPDATE events_event SET contact_id = %s WHERE contact_id = %s RETURNING contact_id, name) {_MOVED}
"""  # noqa: S608  our own text
_SWEEP = f"""
    WITH moved AS (
        UPDATE events_event e SET contact_id = g.merged_into_id
        FROM contacts_merge m JOIN contacts_contact g ON g.id = m.merged_id
        WHERE m.merged_at > now() - make_interval(days => %s) AND e.contact_id = m.merged_id
            AND e.occurred_at > now() - make_interval(days => 2 * %s)
        RETURNING e.contact_id, e.name)
    {_MOVED}
"""  # noqa: S608


def bring_home(merged: int, survivor: int) -> None:
    """Give all events of one contact to another."""
    _move(_BRING_HOME, [survivor, merged])


@transaction.atomic
def sweep() -> int:
    """Bring home what was written for merged contacts after their merge, by those who didn't know of it yet.

    Answers for how many contacts there was something.
    """
    return _move(_SWEEP, [LATE_DAYS, LATE_DAYS])


def _move(statement: str, values: list[int]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        moved = cursor.fetchall()
    if moved:
        changes.note([contact for contact, _ in moved])
    return ingest.record_many(
        {"name": names.JOINED, "contact_id": contact, "properties": {"names": sorted(kinds)}}
        for contact, kinds in moved
    )
