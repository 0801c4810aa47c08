"""The moves of a ledger row: which state may follow which, and the few statements that make them.

Every statement here is a compare-and-set over a batch: it names the state that it expects, and a row that another
process has moved meanwhile is left as it is. All times are the database's, so a worker's wrong clock can't matter.
"""

import json
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection

from core import arrays, failpoints, prepared
from delivery.models import Message
from events import names

State = Message.State

MOVES: dict[str, tuple[str, ...]] = {
    State.PLANNED: (State.QUEUED, State.SKIPPED, State.CANCELLED),
    State.QUEUED: (State.SENDING, State.PLANNED, State.SKIPPED, State.FAILED, State.CANCELLED),
    State.SENDING: (State.SENT, State.DELIVERED, State.FAILED, State.PLANNED, State.UNKNOWN),
    State.UNKNOWN: (State.SENT, State.DELIVERED, State.FAILED, State.PLANNED),
    State.SENT: (State.DELIVERED, State.FAILED),
    State.DELIVERED: (State.FAILED,),
    State.FAILED: (),
    State.SKIPPED: (),
    State.CANCELLED: (),
}
OPEN = (State.PLANNED, State.QUEUED, State.SENDING)

MAX_DEATHS = 3  # a row that was in the hands of this many dying workers is set aside, or it would kill them all
MAX_ATTEMPTS = 6
RETRY_BASE = timedelta(seconds=30)
RETRY_CAP = timedelta(hours=4)

# A worker's claim and its record of an answer need not wait for the disk. Should the database server itself crash in
# that moment, the row is found as it was before: `planned`, and the worker's next step finds nothing to take; or
# `sending`, and it becomes `unknown`. Neither loses or repeats a message. Only `sending` has to be on disk first.
# It is said in the statement itself, which then is a transaction of its own: one round trip instead of four.
_LAZILY = "lazily AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))"
_AS_USUAL = "lazily AS MATERIALIZED (SELECT 1)"

# `(state = …) IS TRUE`, in statements that name their rows by id: without it the server takes the index of leased rows
# for the shorter way, as its statistics hardly ever see one, and reads all that other workers hold.


class Claimed(NamedTuple):
    """A row in this worker's hands. `due_at` as the database wrote it: only it ever reads that."""

    id: int
    contact_id: int
    variant_id: int
    attempt: int
    due_at: str
    data: dict[str, Any] | None = None


class Ending(NamedTuple):
    """How an attempt ended: the state to move to, and why."""

    id: int
    state: str
    reason: str = ""
    detail: str = ""
    provider_id: str = ""


def claim(run_id: int, *, worker: str, after: Claimed | None = None, limit: int) -> list[Claimed]:
    """Take up to `limit` due rows, the longest due first; nobody else gets them while the lease lasts.

    `after`, the last row of an earlier claim, lets a worker step over the index entries that its own claims left
    behind: without it every claim scans all the dead ones first, and claiming slows down as a run goes on.
    """
    statement = f"""
        WITH {_LAZILY}, due AS MATERIALIZED (
            SELECT id FROM delivery_message
            WHERE run_id = %s AND state = 'planned' AND due_at <= statement_timestamp() AND (due_at, id) > (%s, %s)
            ORDER BY due_at, id LIMIT %s FOR UPDATE SKIP LOCKED),
        claimed AS (
            UPDATE delivery_message m
            SET state = 'queued', attempt = m.attempt + 1, worker = %s, state_at = statement_timestamp(),
                lease_until = statement_timestamp() + make_interval(secs => %s)
            FROM due, lazily WHERE m.id = due.id
            RETURNING m.id, m.contact_id, m.variant_id, m.attempt, m.due_at, m.data)
        SELECT id, contact_id, variant_id, attempt, due_at::text, data FROM claimed ORDER BY claimed.due_at, id
    """  # noqa: S608  our own SQL
    position = (after.due_at, after.id) if after else ("-infinity", 0)
    failpoints.reach("before_claim_commit")
    with connection.cursor() as cursor:
        cursor.execute(statement, [run_id, *position, limit, worker, settings.LEASE_SECONDS])
        rows = cursor.fetchall()
    if rows:
        failpoints.reach("after_claim_commit")
    return [Claimed._make((*row[:-1], json.loads(row[-1]) if row[-1] else None)) for row in rows]


def begin_sending(ids: Sequence[int], *, worker: str, account_id: int) -> set[int]:
    """Commit `sending` for rows that this worker still holds and whose campaign still sends; returns their ids.

    This commit comes before any byte goes to the provider: a row found `planned` or `queued` was never handed over.
    """
    statement = """
        UPDATE delivery_message m
        SET state = 'sending', account_id = %s::bigint, state_at = statement_timestamp(),
            lease_until = statement_timestamp() + make_interval(secs => %s::float8)
        FROM delivery_run r, campaigns_campaign k
        WHERE m.id = ANY(%s::bigint[]) AND (m.state = 'queued') IS TRUE AND m.worker = %s
            AND r.id = m.run_id AND k.id = r.campaign_id AND k.status = 'sending'
        RETURNING m.id
    """
    with prepared.cursor() as cursor:
        cursor.execute(statement, [account_id, settings.LEASE_SECONDS, arrays.of_numbers(ids), worker])
        return {row[0] for row in cursor.fetchall()}


def give_back(
    ids: Collection[int], *, worker: str, expected: str, wait: timedelta = timedelta(0), reason: str = ""
) -> int:
    """Plan those rows again, still in the state `expected`, that were certainly not accepted; returns how many.

    Their attempt is unspent. From `unknown` only under the lock of a run that still sends.
    """
    if not ids:
        return 0
    statement = """
        UPDATE delivery_message
        SET state = 'planned', attempt = attempt - 1, lease_until = NULL, worker = '', reason = %s, detail = '',
            due_at = statement_timestamp() + make_interval(secs => %s), state_at = statement_timestamp()
        WHERE id = ANY(%s) AND (state = %s) IS TRUE AND worker = %s
    """
    with connection.cursor() as cursor:
        cursor.execute(statement, [reason, wait.total_seconds(), list(ids), expected, worker])
        return int(cursor.rowcount)


def settle(endings: Sequence[Ending], *, expected: Sequence[str], worker: str = "") -> None:
    """Record how attempts ended, with their events, in one transaction."""
    for old in expected:
        bad = {ending.state for ending in endings} - set(MOVES[old])
        if bad:
            raise ValueError(f"No move from {old} to {', '.join(sorted(bad))}")
    if not endings:
        return
    texts = zip(*((e.state, e.reason, e.detail[:2000], e.provider_id[:200]) for e in endings), strict=True)
    columns = [arrays.of_numbers(ending.id for ending in endings), *map(arrays.of_texts, texts)]
    waits = [RETRY_CAP.total_seconds(), RETRY_BASE.total_seconds()]
    failpoints.reach("before_result_commit")
    with prepared.cursor() as cursor:
        statement = _SETTLE.format(lazily=_LAZILY if worker else _AS_USUAL)
        cursor.execute(statement, [*columns, *waits, list(expected), worker, worker, *_EVENT_NAMES])
    failpoints.reach("after_result_commit")


# Waits are numbered from attempt 1: 30 s, 1 min, 2 min ... 4 h, each anywhere between nothing and that (full jitter),
# so that what failed together does not come back together. The events are written by the same statement: taking the
# rows out and handing them to events.ingest, the one writer otherwise, costs 25 microseconds a message, a ninth of all.
_EVENT_NAMES = [names.MESSAGE_SENT, names.BOUNCED, names.FAILED]
_SETTLE = """
    WITH {lazily}, ending AS (
        SELECT e.* FROM lazily, unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[])
            AS e(id, state, reason, detail, provider_id)),
    moved AS (
        UPDATE delivery_message m
        SET state = CASE WHEN m.delivered_at IS NOT NULL AND e.state IN ('sent', 'unknown') THEN 'delivered'
                ELSE e.state END,
            reason = CASE WHEN m.delivered_at IS NOT NULL AND e.state = 'unknown' THEN '' ELSE e.reason END,
            detail = e.detail, provider_id = e.provider_id,
            lease_until = NULL, state_at = statement_timestamp(),
            sent_at = CASE WHEN e.state = 'sent' THEN statement_timestamp() ELSE m.sent_at END,
            due_at = CASE WHEN e.state = 'planned'
                THEN statement_timestamp()
                    + random() * make_interval(secs => least(%s::float8, %s::float8 * 2 ^ (m.attempt - 1)))
                ELSE m.due_at END
        FROM ending e, delivery_run r
        WHERE m.id = e.id AND r.id = m.run_id
            AND (m.state = ANY(%s::text[])) IS TRUE AND (%s::text = '' OR m.worker = %s::text)
        RETURNING m.id, m.contact_id, r.campaign_id, m.variant_id, e.state, e.reason)
    INSERT INTO events_event (name, occurred_at, contact_id, campaign_id, variant_id, message_id, properties)
    SELECT CASE WHEN state = 'sent' THEN %s::text WHEN reason = 'bounced' THEN %s::text ELSE %s::text END,
        statement_timestamp(), contact_id, campaign_id, variant_id, id,
        CASE reason WHEN '' THEN '{{}}'::jsonb ELSE jsonb_build_object('reason', reason) END
    FROM moved WHERE state IN ('sent', 'failed')
"""


def reap() -> tuple[int, int]:
    """Take rows from dead workers: (returned to be sent, become unknown).

    A row that was only being prepared is sent again; one whose provider call had begun may have been accepted, so it
    becomes `unknown` and is never resent by itself.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE delivery_message
            SET state = CASE WHEN death_count + 1 >= %s THEN 'failed' ELSE 'planned' END,
                reason = CASE WHEN death_count + 1 >= %s THEN 'quarantined' ELSE '' END,
                detail = CASE WHEN death_count + 1 >= %s THEN 'Workers ended three times while preparing it.'
                    ELSE '' END,
                death_count = death_count + 1, attempt = attempt - 1,  -- it was never handed over
                lease_until = NULL, worker = '', state_at = statement_timestamp()
            WHERE state = 'queued' AND lease_until < statement_timestamp()
            """,
            [MAX_DEATHS] * 3,
        )
        returned = cursor.rowcount
        cursor.execute(
            """
            UPDATE delivery_message
            SET state = CASE WHEN delivered_at IS NULL THEN 'unknown' ELSE 'delivered' END,
                reason = CASE WHEN delivered_at IS NULL THEN 'worker_died' ELSE '' END,
                detail = 'The worker ended before the provider''s answer was recorded.',
                lease_until = NULL, state_at = statement_timestamp()
            WHERE state = 'sending' AND lease_until < statement_timestamp()
            """
        )
        return returned, cursor.rowcount


def cancel_rest(run_id: int, *, limit: int = 20_000) -> int:
    """Cancel up to `limit` rows that nobody has begun to send; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH rest AS (SELECT id FROM delivery_message WHERE run_id = %s AND state = 'planned'
                          LIMIT %s FOR UPDATE SKIP LOCKED)
            UPDATE delivery_message m SET state = 'cancelled', reason = 'campaign_cancelled',
                state_at = statement_timestamp()
            FROM rest WHERE m.id = rest.id
            """,
            [run_id, limit],
        )
        return int(cursor.rowcount)


def is_quiet(run_id: int) -> bool:
    """Whether no row of the run can move by itself any more. Both questions are answered by small partial indexes."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT NOT EXISTS (SELECT 1 FROM delivery_message WHERE run_id = %s AND state = 'planned')
               AND NOT EXISTS (SELECT 1 FROM delivery_message
                               WHERE run_id = %s AND state IN ('queued', 'sending') AND lease_until IS NOT NULL)
            """,
            [run_id, run_id],
        )
        return bool(cursor.fetchone()[0])


def counts(run_id: int) -> dict[str, int]:
    """Rows of a run by "state|reason"."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT state || '|' || reason, count(*) FROM delivery_message WHERE run_id = %s GROUP BY 1", [run_id]
        )
        return dict(cursor.fetchall())


def defer(rows: Sequence[tuple[int, str, object]], *, worker: str) -> None:
    """Return rows (id, reason, due_at) that the gate wants asked again later, with their attempt unspent."""
    if not rows:
        return
    ids, reasons, moments = zip(*rows, strict=True)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE delivery_message m
            SET state = 'planned', attempt = m.attempt - 1, lease_until = NULL, worker = '', reason = d.reason,
                due_at = greatest(d.due_at, statement_timestamp()), state_at = statement_timestamp()
            FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[]) AS d(id, reason, due_at)
            WHERE m.id = d.id AND (m.state = 'queued') IS TRUE AND m.worker = %s
            """,
            [list(ids), list(reasons), list(moments), worker],
        )
