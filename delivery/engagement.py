"""Reading the event log back into the ledger: when a message was delivered, first opened and first clicked."""

from collections.abc import Sequence

from django.db import connection

from delivery import outbox
from events import names, stream
from events.models import Event

READER = "delivery.engagement"
_COLUMNS = {names.OPENED: "opened_at", names.CLICKED: "clicked_at"}


def read_events(*, batch: int = 5000) -> int:
    """Take one batch of events into the ledger; returns how many were read. Replaying changes nothing."""
    with stream.read(READER, batch=batch) as events:
        for name, column in _COLUMNS.items():
            _note_first(column, [event for event in events if event.name == name and event.label == Event.Label.HUMAN])
        _deliver([event for event in events if event.name == names.DELIVERED])
        return len(events)


def _note_first(column: str, events: Sequence[Event]) -> None:
    """Keep the earliest moment; a click proves that the message was opened too, whatever its pictures did."""
    if not events:
        return
    also = ", opened_at = least(m.opened_at, e.at)" if column == "clicked_at" else ""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE delivery_message m SET {column} = least(m.{column}, e.at){also}
            FROM (SELECT id, min(at) AS at FROM unnest(%s::bigint[], %s::timestamptz[]) AS u(id, at) GROUP BY id) e
            WHERE m.id = e.id AND (m.{column} IS NULL OR m.{column} > e.at)
            """,  # noqa: S608  a column of ours
            [[event.message_id for event in events], [event.occurred_at for event in events]],
        )


def _deliver(events: Sequence[Event]) -> None:
    """Deliveries of what is recorded as handed over; word of one that is still `sending` waits on its row for that."""
    if not events:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE delivery_message m SET delivered_at = least(m.delivered_at, e.at),
                state = CASE m.state WHEN 'sending' THEN m.state ELSE 'delivered' END,
                reason = CASE m.state WHEN 'sending' THEN m.reason ELSE '' END,
                state_at = CASE m.state WHEN 'sending' THEN m.state_at ELSE statement_timestamp() END
            FROM (SELECT id, min(at) AS at FROM unnest(%s::bigint[], %s::timestamptz[]) AS u(id, at) GROUP BY id) e
            WHERE m.id = e.id AND m.state IN ('sending', 'sent', 'unknown') RETURNING m.run_id
            """,
            [[event.message_id for event in events], [event.occurred_at for event in events]],
        )
        outbox.recount(run_id for (run_id,) in cursor.fetchall())
