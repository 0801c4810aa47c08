"""Events of contacts that became somebody else: they belong to who took over."""

from datetime import timedelta

from django.db import connection

# Bounces of mail that was on its way, and answers of workers that had begun before the merge.
LATE = timedelta(days=7)

# The position of a row in the log stays, so no reader sees it twice; `contact.merged` tells them to look again.
_BRING_HOME = "UPDATE events_event SET contact_id = %s WHERE contact_id = %s"
_SWEEP = """
    UPDATE events_event e SET contact_id = g.merged_into_id
    FROM contacts_merge m JOIN contacts_contact g ON g.id = m.merged_id
    WHERE m.merged_at > now() - %s AND e.contact_id = m.merged_id AND e.occurred_at > now() - 2 * %s
"""


def bring_home(merged: int, survivor: int) -> int:
    """Give all events of one contact to another; how many those were."""
    with connection.cursor() as cursor:
        cursor.execute(_BRING_HOME, [survivor, merged])
        return int(cursor.rowcount)


def sweep() -> int:
    """Bring home what was written for merged contacts after their merge, by those who didn't know of it yet."""
    with connection.cursor() as cursor:
        cursor.execute(_SWEEP, [LATE, LATE])
        return int(cursor.rowcount)
