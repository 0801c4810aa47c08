"""The upsert: known people are updated where something differs, the others added, a range of rows at a time.

Two ranges are written at once, each over a connection of its own, and committed in the file's order. They never mean
the same person: the dry run has left one row for each.
"""

import logging
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import F
from django.db.models.functions import Now
from psycopg import sql
from psycopg.errors import DeadlockDetected, LockNotAvailable

from contacts import consent
from contacts.importing.columns import TEXT_FIELDS, Incoming, Sql
from contacts.importing.erased import leave_out_erased
from contacts.importing.matching import assignments, changes, match
from contacts.importing.staging import tables
from contacts.importing.turns import Stopped, Turns
from contacts.models import ImportJob
from core import failpoints
from core.errors import Refused

logger = logging.getLogger(__name__)
CHUNK = 50_000
WRITERS = 2
ATTEMPTS = 5
ROUND = 5.0  # seconds after which another import gets its turn
ONE_AT_A_TIME = 7_401_001  # the advisory lock under which chunks are written, whatever their import
PATIENCE = "10s"


@dataclass
class Written:
    """What one chunk did."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    consents: int = 0
    late_errors: int = 0


def write(job: ImportJob, incoming: Incoming, *, end: int, deadline: float) -> None:
    """Write the next chunks after `job.rows_done`, one at least; `end` is the last row's number less the header."""
    turns = Turns(job.rows_done, end=end, step=CHUNK, until=min(deadline, time.monotonic() + ROUND))
    # inside a caller's transaction nobody else would see the staged rows
    is_alone = connection.in_atomic_block or job.rows_done + CHUNK >= end
    with one_import_at_a_time():
        try:
            _write_alone(job, incoming, turns) if is_alone else _write_abreast(job, incoming, turns)
        except _Tangled:
            logger.info("import %s: two chunks waited for each other, so the next is written by itself", job.pk)
            job.refresh_from_db()
            _write_chunk(job, incoming, job.rows_done)
    job.refresh_from_db()


@contextmanager
def one_import_at_a_time() -> Iterator[None]:
    """Chunks of two files that name the same people or addresses would wait for each other."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [ONE_AT_A_TIME])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [ONE_AT_A_TIME])


def _write_alone(job: ImportJob, incoming: Incoming, turns: Turns) -> None:
    while (after := turns.take()) is not None:
        _write_chunk(job, incoming, after)
        turns.committed(after)


def _write_abreast(job: ImportJob, incoming: Incoming, turns: Turns) -> None:
    with ThreadPoolExecutor(WRITERS) as pool:
        writers = [pool.submit(_take_turns, job, incoming, turns) for _ in range(WRITERS)]
    for writer in writers:
        writer.result()


def _take_turns(job: ImportJob, incoming: Incoming, turns: Turns) -> None:
    """What one writer does, in a thread and over a connection of its own."""
    try:
        while (after := turns.take()) is not None:
            _write_chunk(job, incoming, after, patience=PATIENCE, wait=partial(turns.wait, after))
            turns.committed(after)
    except Stopped:
        return  # the writer that failed says why
    except OperationalError as error:
        turns.stop()
        if isinstance(error.__cause__, LockNotAvailable | DeadlockDetected):
            raise _Tangled from error
        raise
    except BaseException:
        turns.stop()
        raise
    finally:
        connection.close()


class _Tangled(Exception):
    """A chunk waited too long for a row that someone else is writing, maybe a chunk that waits for its turn."""


def _write_chunk(
    job: ImportJob, incoming: Incoming, after: int, *, patience: str = "0", wait: Callable[[], None] = lambda: None
) -> None:
    """Write the rows of one chunk and count them, all in one transaction that commits after `wait`: exactly once."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with transaction.atomic():
                written = _write(job, incoming, after, patience)
                wait()
                _move_on(job, written, after)
        except IntegrityError:
            # someone added one of these people between our look and our insert: now they are known
            if attempt == ATTEMPTS:
                raise
        else:
            _keep_estimate(after + CHUNK)
            return failpoints.reach("after_import_chunk")


def _keep_estimate(people: int) -> None:
    """Let the planner know of the people written so far.

    It takes a table that was analysed when everyone in it was deleted for empty, however it grows, and would compare
    each row of the next chunk with each contact. Here and not within the chunk: ANALYZE keeps its lock to the end.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples * 10 < %s FROM pg_class WHERE oid = 'contacts_contact'::regclass", [people])
        if cursor.fetchone() == (True,):
            cursor.execute("ANALYZE contacts_contact")


def _write(job: ImportJob, incoming: Incoming, after: int, patience: str) -> Written:
    first = after + 2  # the header is row 1
    here = sql.SQL("r.row_number BETWEEN {} AND {}").format(first, first + CHUNK - 1)
    leave_out_erased(job)
    with connection.cursor() as cursor:
        _prepare(cursor, patience)
        match(cursor, incoming, tag=job.tag, where=here)
        written = Written(late_errors=_note_conflicts(cursor, job))
        written.updated, written.unchanged = _update(cursor, job, incoming, here)
        written.created = _insert(cursor, job, incoming, here)
        if job.grants_consent:
            written.consents = _grant(cursor, job, incoming, here)
    return written


def _prepare(cursor: CursorWrapper, patience: str) -> None:
    cursor.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(patience))
    # A crash of the server may undo the last chunks, and the job's row with them: they are written again. What tells
    # people that the import is done is committed as usual, after all of them.
    cursor.execute("SET LOCAL synchronous_commit = off")
    # A chunk touches few of a million contacts: hashing or scanning all of them for each chunk would cost more
    # than everything else together, and the planner knows too little about a fresh table to see it.
    for setting in ("enable_hashjoin", "enable_mergejoin", "enable_seqscan"):
        cursor.execute(f"SET LOCAL {setting} = off")


def _note_conflicts(cursor: CursorWrapper, job: ImportJob) -> int:
    """Conflicts that arose after the dry run, when someone else changed contacts meanwhile."""
    cursor.execute(
        sql.SQL("INSERT INTO {} SELECT row_number, NULL, NULL, problem FROM matched WHERE problem IS NOT NULL").format(
            tables(job).errors
        )
    )
    return int(cursor.rowcount)


def _update(cursor: CursorWrapper, job: ImportJob, incoming: Incoming, here: Sql) -> tuple[int, int]:
    cursor.execute("SELECT count(*), count(*) FILTER (WHERE is_changed) FROM matched WHERE problem IS NULL")
    known, changed = cursor.fetchone()
    if not changed:
        return 0, int(known)
    statement = sql.SQL(
        "WITH touched AS (UPDATE contacts_contact c SET {values}, updated_at = now()"
        " FROM matched m JOIN ({rows}) i USING (row_number)"
        " WHERE c.id = m.contact_id AND c.erased_at IS NULL AND m.is_changed AND m.problem IS NULL AND {changes}"
        " RETURNING c.id) {noted}"
    ).format(
        values=assignments(incoming, job.tag), rows=incoming.select(where=here), changes=changes(incoming, job.tag),
        noted=_noted(job, "false"),
    )  # fmt: skip
    cursor.execute(statement)
    return int(cursor.rowcount), int(known) - int(cursor.rowcount)


def _noted(job: ImportJob, is_new: str) -> Sql:
    """Says for each of `touched` that this import brought or changed them; counts them by doing so.

    Twice only where two people of the file became one in between.
    """
    return sql.SQL(
        "INSERT INTO contacts_imported (contact_id, job_id, is_new) SELECT id, {}, {} FROM touched"
        " ON CONFLICT (contact_id, job_id) DO UPDATE SET at = EXCLUDED.at"
    ).format(sql.Literal(job.pk), sql.SQL(is_new))


NEVER_NULL = ("first_name", "last_name", "locale", "time_zone")


def _insert(cursor: CursorWrapper, job: ImportJob, incoming: Incoming, here: Sql) -> int:
    values = [
        sql.SQL("coalesce(i.{}, '')" if field in NEVER_NULL else "i.{}").format(sql.Identifier(field))
        for field in TEXT_FIELDS
    ]
    statement = sql.SQL(
        "WITH touched AS (INSERT INTO contacts_contact (uuid, {names}, attributes, tags)"
        " SELECT {uuid}, {values}, i.attributes, {tags} FROM ({rows}) i"
        " WHERE NOT EXISTS (SELECT FROM matched m WHERE m.row_number = i.row_number) RETURNING id) {noted}"
    ).format(
        names=sql.SQL(", ").join(map(sql.Identifier, TEXT_FIELDS)), uuid=_uuid(), values=sql.SQL(", ").join(values),
        tags=_tags_of_new(job.tag), rows=incoming.select(where=here), noted=_noted(job, "true"),
    )  # fmt: skip
    cursor.execute(statement)
    return int(cursor.rowcount)


def _uuid() -> Sql:
    """The time, then a hash of the chunk's secret and the row's number.

    gen_random_uuid() asks the kernel for every row: 3 s a million, as long as writing the row takes. A hashed secret
    is as hard to guess, and the chunk's time in front keeps its entries in neighbouring pages of the index.
    """
    prefix = f"{time.time_ns() // 1_000_000:012x}8{secrets.token_hex(2)[1:]}b"
    secret = secrets.token_hex(16)
    return sql.SQL("({} || substr(md5({} || i.row_number::text), 1, 15))::uuid").format(prefix, secret)


def _tags_of_new(tag: str) -> Sql:
    if not tag:
        return sql.SQL("i.tags").format()
    return sql.SQL("ARRAY(SELECT DISTINCT unnest(i.tags || {}::varchar[]) ORDER BY 1)").format(sql.Literal([tag]))


def _grant(cursor: CursorWrapper, job: ImportJob, incoming: Incoming, here: Sql) -> int:
    """Consent for everyone in the chunk who has not decided yet, found again by the keys they now have."""
    match(cursor, incoming, where=here)
    cursor.execute("SELECT contact_id FROM matched WHERE problem IS NULL")
    ids = [contact_id for (contact_id,) in cursor.fetchall()]
    return consent.grant_many(
        ids, channel=job.consent_channel, topics=job.consent_topics, source=job.consent_source,
        wording=job.consent_wording, by=job.started_by,
    )  # fmt: skip


def _move_on(job: ImportJob, written: Written, after: int) -> None:
    """The job's row says what is done, in the chunk's own transaction: a chunk is never half counted."""
    moved = ImportJob.objects.filter(pk=job.pk, status=ImportJob.Status.IMPORTING, rows_done=after).update(
        rows_done=F("rows_done") + CHUNK,
        created_count=F("created_count") + written.created,
        updated_count=F("updated_count") + written.updated,
        unchanged_count=F("unchanged_count") + written.unchanged,
        consent_count=F("consent_count") + written.consents,
        error_count=F("error_count") + written.late_errors,
        valid_count=F("valid_count") - written.late_errors,
        progressed_at=Now(),
    )
    if not moved:
        raise Refused("not_importing", "This import was cancelled or is being written by someone else.")
