"""The upsert: known people are updated where something differs, the others added, a range of rows at a time."""

import secrets
from dataclasses import dataclass

from django.db import IntegrityError, connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import F
from django.db.models.functions import Now
from psycopg import sql

from contacts import consent
from contacts.importing.columns import TEXT_FIELDS, Incoming, Sql
from contacts.importing.matching import assignments, changes, match
from contacts.importing.staging import tables
from contacts.models import ImportJob
from core.errors import Refused

CHUNK = 50_000
ATTEMPTS = 5
ONE_AT_A_TIME = 7_401_001  # the advisory lock under which chunks are written, whatever their import


@dataclass
class Written:
    """What one chunk did."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    consents: int = 0
    late_errors: int = 0


def write_chunk(job: ImportJob, incoming: Incoming) -> Written:
    """Write the next CHUNK rows after `job.rows_done` and move it on, all in one transaction: exactly once."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with transaction.atomic():
                return _write(job, incoming)
        except IntegrityError:
            # someone added one of these people between our look and our insert: now they are known
            if attempt == ATTEMPTS:
                raise
    raise AssertionError("unreachable")


def _write(job: ImportJob, incoming: Incoming) -> Written:
    first = job.rows_done + 2  # the header is row 1
    last = first + CHUNK - 1
    here = sql.SQL("r.row_number BETWEEN {} AND {}").format(first, last)
    with connection.cursor() as cursor:
        _prepare(cursor)
        match(cursor, incoming, where=here)
        written = Written(late_errors=_note_conflicts(cursor, job))
        written.updated, written.unchanged = _update(cursor, incoming, job.tag, here)
        written.created = _insert(cursor, incoming, job.tag, here)
        if job.grants_consent:
            written.consents = _grant(cursor, job, incoming, here)
    _move_on(job, written)
    return written


def _prepare(cursor: CursorWrapper) -> None:
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ONE_AT_A_TIME])
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


def _update(cursor: CursorWrapper, incoming: Incoming, tag: str, here: Sql) -> tuple[int, int]:
    cursor.execute("SELECT count(*) FROM matched WHERE problem IS NULL")
    (known,) = cursor.fetchone()
    if not known:
        return 0, 0
    cursor.execute(
        sql.SQL(
            "UPDATE contacts_contact c SET {}, updated_at = now() FROM matched m JOIN ({}) i USING (row_number)"
            " WHERE c.id = m.contact_id AND {}"
        ).format(assignments(incoming, tag), incoming.select(where=here), changes(incoming, tag))
    )
    return int(cursor.rowcount), int(known) - int(cursor.rowcount)


# gen_random_uuid() asks the kernel for every row (4 s a million, as much as all the rest of the row). One secret a
# chunk, hashed with the row's number, is as hard to guess; the time in front keeps the index's pages together.
_UUID = sql.SQL(
    """(lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0')
    || '8' || substr(seed.hash, 1, 3) || 'b' || substr(seed.hash, 4, 15))::uuid"""
)
NEVER_NULL = ("first_name", "last_name", "locale", "time_zone")


def _insert(cursor: CursorWrapper, incoming: Incoming, tag: str, here: Sql) -> int:
    values = [
        sql.SQL("coalesce(i.{}, '')" if field in NEVER_NULL else "i.{}").format(sql.Identifier(field))
        for field in TEXT_FIELDS
    ]
    statement = sql.SQL(
        "INSERT INTO contacts_contact (uuid, {names}, attributes, tags)"
        " SELECT {uuid}, {values}, i.attributes, {tags} FROM ({rows}) i"
        " CROSS JOIN LATERAL (SELECT md5({secret} || i.row_number::text) AS hash) seed"
        " WHERE NOT EXISTS (SELECT FROM matched m WHERE m.row_number = i.row_number)"
    ).format(
        names=sql.SQL(", ").join(map(sql.Identifier, TEXT_FIELDS)), uuid=_UUID, values=sql.SQL(", ").join(values),
        tags=_tags_of_new(tag), rows=incoming.select(where=here), secret=sql.Literal(secrets.token_hex(32)),
    )  # fmt: skip
    cursor.execute(statement)
    return int(cursor.rowcount)


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
        ids, channel=job.consent_channel, source=job.consent_source, wording=job.consent_wording, by=job.started_by
    )


def _move_on(job: ImportJob, written: Written) -> None:
    """The job's row says what is done, in the chunk's own transaction: a chunk is never half counted."""
    last_row = ImportJob.objects.filter(pk=job.pk, status=ImportJob.Status.IMPORTING, rows_done=job.rows_done)
    moved = last_row.update(
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
    job.refresh_from_db()
