"""A file's addresses onto the suppression list: every row is checked first, then each chunk is one statement."""

import time
from collections.abc import Callable

from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from psycopg import sql

from contacts.channels import channels
from contacts.importing import checking, staging
from contacts.importing.checking import Counts
from contacts.importing.columns import Column, Incoming, Sql, columns_read_by_python, some_are_left_out
from contacts.importing.files import BadFile
from contacts.importing.staging import tables
from contacts.importing.targets import FIELDS
from contacts.importing.writing import one_import_at_a_time
from contacts.models import ImportJob, Suppression
from contacts.suppression import hash_sql
from core import failpoints
from core.errors import Refused

CHUNK = 50_000
_NO_ADDRESS = "The row has no address."


def field_of(job: ImportJob) -> str:
    """Which field of a contact the channel's addresses are."""
    return channels[job.suppresses_channel].address_field


def column_of(job: ImportJob) -> Column:
    """The one column that was chosen; raises BadFile where that is none or several."""
    names = [name for name in job.header if job.mapping.get(name) == field_of(job)]
    if len(names) != 1:
        raise BadFile("Choose the one column that has the addresses.")
    return Column(job.header.index(names[0]), names[0], FIELDS[field_of(job)])


def require_reason(job: ImportJob) -> None:
    if job.suppresses_reason not in Suppression.Reason.values:
        raise Refused("unknown_reason", f"Use one of these reasons: {', '.join(Suppression.Reason.values)}.")


def check(job: ImportJob, *, progress: Callable[[int], None]) -> Counts:
    """The dry run: writes to the job's own tables alone."""
    one, field = column_of(job), field_of(job)
    steps = checking.read_texts(job, [one], progress=progress)
    checking.find_rows_without_address(job, _incoming(job), (field,), _NO_ADDRESS)
    progress(job.row_count * (steps + 1) // (steps + 3))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '128MB'")
        checking.replace_repeats(cursor, job, _incoming(job).select((field,)), sql.Identifier(field))
    progress(job.row_count * (steps + 2) // (steps + 3))
    counts = _count(job)
    progress(job.row_count)
    return counts


def _incoming(job: ImportJob) -> Incoming:
    return Incoming(tables(job), [column_of(job)], columns_read_by_python(job), some_are_left_out(job))


@transaction.atomic
def _count(job: ImportJob) -> Counts:
    names, counts = tables(job), Counts()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '128MB'")
        counts.errors = checking.count_of(
            cursor, sql.SQL("SELECT count(DISTINCT row_number) FROM {}").format(names.errors)
        )
        counts.duplicates = checking.count_of(cursor, sql.SQL("SELECT count(*) FROM {}").format(names.replaced))
        cursor.execute(
            sql.SQL(
                "SELECT count(*) FILTER (WHERE s.id IS NULL),"
                " count(*) FILTER (WHERE s.id IS NULL AND EXISTS (SELECT FROM contacts_contact c WHERE c.{f} = i.{f}))"
                " FROM ({rows}) i LEFT JOIN contacts_suppression s ON s.channel = {channel} AND s.address_hash = {hash}"
            ).format(f=sql.Identifier(field_of(job)), rows=_incoming(job).select((field_of(job),)),
                     channel=job.suppresses_channel, hash=_hash(job))
        )  # fmt: skip
        counts.created, counts.people = cursor.fetchone()
    counts.valid = job.row_count - counts.errors - counts.duplicates
    counts.unchanged = counts.valid - counts.created
    return counts


def _hash(job: ImportJob) -> Sql:
    return sql.SQL(hash_sql("i.{}")).format(sql.Identifier(field_of(job)))


def write(job: ImportJob, *, deadline: float) -> bool:
    """Write the next chunks, one at least, until the deadline; whether more are left."""
    end, incoming = staging.last_row(job), _incoming(job)
    while job.rows_done < end:
        with one_import_at_a_time():
            _write_chunk(job, incoming)
        job.refresh_from_db()
        failpoints.reach("after_import_chunk")
        if time.monotonic() > deadline:
            return True
    return False


@transaction.atomic
def _write_chunk(job: ImportJob, incoming: Incoming) -> None:
    """The rows after `rows_done`, counted in the same transaction: a chunk is written exactly once.

    In the order of addresses, as everyone adds them, so that nobody waits for each other.
    """
    field = field_of(job)
    here = sql.SQL("r.row_number BETWEEN {} AND {}").format(job.rows_done + 1, job.rows_done + CHUNK)
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                "INSERT INTO contacts_suppression (channel, address, address_hash, reason, detail, created_by_id)"
                " SELECT {channel}, i.{field}, {hash}, {reason}, {detail}, {by} FROM ({rows}) i"
                ' ORDER BY i.{field} COLLATE "C" ON CONFLICT DO NOTHING'
            ).format(
                channel=job.suppresses_channel, field=sql.Identifier(field), hash=_hash(job),
                reason=job.suppresses_reason, detail=job.suppresses_detail, by=job.started_by_id,
                rows=incoming.select((field,), where=here),
            )
        )  # fmt: skip
        added = int(cursor.rowcount)
    moved = ImportJob.objects.filter(pk=job.pk, status=ImportJob.Status.IMPORTING, rows_done=job.rows_done).update(
        rows_done=F("rows_done") + CHUNK, created_count=F("created_count") + added, progressed_at=Now()
    )
    if not moved:
        raise Refused("not_importing", "This import was cancelled or is being written by someone else.")
