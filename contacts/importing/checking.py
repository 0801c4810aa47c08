"""The dry run: every row's errors and what an import would change. Writes to the job's own tables alone."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from psycopg import sql

from contacts.importing.columns import Column, Incoming, columns_of
from contacts.importing.matching import has_one_unique_key, known, match
from contacts.importing.staging import WHOLE_ROW, tables
from contacts.importing.targets import ADDRESSES, read
from contacts.models import ImportJob

BATCH = 5000
_NO_ADDRESS = "The row has no email, phone or external id. One is needed to know whom it means."


@dataclass
class Counts:
    """`people`: contacts whom the addresses of a suppression list would newly concern."""

    valid: int = 0
    errors: int = 0
    duplicates: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    people: int = 0


def check(job: ImportJob, *, progress: Callable[[int], None]) -> Counts:
    """Check all staged rows anew; `progress` is told how many rows' worth of the work is done."""
    steps = read_texts(job, columns_of(job), progress=progress)
    find_rows_without_address(job, Incoming.of(job), ADDRESSES, _NO_ADDRESS)
    progress(job.row_count * (steps + 1) // (steps + 3))
    _find_replaced(job)
    progress(job.row_count * (steps + 2) // (steps + 3))
    counts = _count(job, Incoming.of(job))
    progress(job.row_count)
    return counts


def read_texts(job: ImportJob, columns: list[Column], *, progress: Callable[[int], None]) -> int:
    """Begin anew, and read the texts that SQL alone does not vouch for; how many columns have such, of steps + 3."""
    _begin(job)
    odd = _odd_columns(job, columns)
    for done, one in enumerate(odd, start=1):
        _read_in_python(job, one)
        progress(job.row_count * done // (len(odd) + 3))
    return len(odd)


@transaction.atomic
def _begin(job: ImportJob) -> None:
    names = tables(job)
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("DROP TABLE IF EXISTS {}, {}").format(names.readings, names.replaced))
        cursor.execute(
            sql.SQL("CREATE UNLOGGED TABLE {} (position int, raw text, value text, problem text)").format(
                names.readings
            )
        )
        # hash: texts may be longer than a btree allows
        cursor.execute(sql.SQL("CREATE INDEX ON {} USING hash (raw)").format(names.readings))
        cursor.execute(sql.SQL("CREATE UNLOGGED TABLE {} (row_number bigint PRIMARY KEY)").format(names.replaced))
        cursor.execute(sql.SQL("DELETE FROM {} WHERE position IS DISTINCT FROM {}").format(names.errors, WHOLE_ROW))


def _odd_columns(job: ImportJob, columns: list[Column]) -> list[Column]:
    """Columns with at least one text that SQL alone does not vouch for; one pass over the rows."""
    tests = [sql.SQL("bool_and({})").format(one.is_plain) for one in columns]
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("SELECT {} FROM {} r").format(sql.SQL(", ").join(tests), tables(job).rows))
        verdicts = cursor.fetchone()
    return [one for one, is_plain in zip(columns, verdicts, strict=True) if is_plain is False]


@transaction.atomic
def _read_in_python(job: ImportJob, one: Column) -> None:
    names = tables(job)
    insert = sql.SQL("INSERT INTO {} SELECT {}, * FROM unnest(%s::text[], %s::text[], %s::text[])").format(
        names.readings, sql.Literal(one.position)
    )
    with connection.cursor() as cursor:
        for texts in _odd_texts(job, one):
            values, problems = zip(*(read(one.target, text) for text in texts), strict=True)
            cursor.execute(insert, [texts, list(values), list(problems)])
        cursor.execute(sql.SQL("ANALYZE {}").format(names.readings))
        cursor.execute(
            sql.SQL(
                "INSERT INTO {} SELECT r.row_number, d.position, r.{}, d.problem FROM {} r"
                " JOIN {} d ON d.position = {} AND d.raw = {} AND d.problem IS NOT NULL"
            ).format(names.errors, sql.Identifier(f"c{one.position}"), names.rows, names.readings,
                     sql.Literal(one.position), one.text)
        )  # fmt: skip


def _odd_texts(job: ImportJob, one: Column) -> Iterator[list[str]]:
    query = sql.SQL("SELECT DISTINCT {} FROM {} r WHERE {} IS NOT NULL AND NOT ({})").format(
        one.text, tables(job).rows, one.text, one.is_plain
    )
    with connection.connection.cursor(name="odd_texts") as cursor:
        cursor.execute(query)
        while rows := cursor.fetchmany(BATCH):
            yield [text for (text,) in rows]


@transaction.atomic
def find_rows_without_address(job: ImportJob, incoming: Incoming, fields: Sequence[str], problem: str) -> None:
    """Note as errors the rows in which all of `fields` are empty."""
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL("INSERT INTO {} SELECT row_number, NULL, NULL, {} FROM ({}) i WHERE coalesce({}) IS NULL").format(
                tables(job).errors, problem, incoming.select(fields), sql.SQL(", ").join(map(sql.Identifier, fields))
            )
        )
        cursor.execute(sql.SQL("ANALYZE {}").format(tables(job).errors))


@transaction.atomic
def _find_replaced(job: ImportJob) -> None:
    """Of several rows about one person the last wins: the earlier ones are noted as replaced."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '128MB'")
        for field in ADDRESSES:
            incoming = Incoming.of(job)  # anew for each: a row replaced by its external id replaces nobody by its email
            if incoming.has(field):
                replace_repeats(cursor, job, _keys(incoming, field), sql.Identifier(field))
        cursor.execute(sql.SQL("ANALYZE {}").format(tables(job).replaced))


def _keys(incoming: Incoming, field: str) -> sql.Composed:
    """The rows that `field` tells apart; phone numbers only those that have nothing else."""
    if field != "phone":
        return incoming.select((field,))
    return sql.SQL("SELECT * FROM ({}) a WHERE external_id IS NULL AND email IS NULL").format(
        incoming.select(ADDRESSES)
    )


def replace_repeats(cursor: CursorWrapper, job: ImportJob, keys: sql.Composed, field: sql.Identifier) -> None:
    """Note all but the last of the rows of `keys` with the same `field` as replaced."""
    if not _may_repeat(cursor, keys, field):
        return
    cursor.execute(
        sql.SQL(
            "INSERT INTO {} SELECT row_number FROM (SELECT k.row_number, max(k.row_number) OVER (PARTITION BY {f})"
            " AS last FROM ({}) k WHERE {f} IS NOT NULL) r WHERE row_number < last ON CONFLICT DO NOTHING"
        ).format(tables(job).replaced, keys, f=field)
    )


def _may_repeat(cursor: CursorWrapper, keys: sql.Composed, field: sql.Identifier) -> bool:
    """Most files repeat nobody: sorting 64-bit hashes says so in a quarter of the time, and errs only towards yes."""
    cursor.execute(
        sql.SQL(
            "SELECT EXISTS (SELECT FROM (SELECT hash, lag(hash) OVER (ORDER BY hash) AS before FROM"
            " (SELECT hashtextextended({f}, 0) AS hash FROM ({}) k WHERE {f} IS NOT NULL) h) s WHERE hash = before)"
        ).format(keys, f=field)
    )
    return bool(cursor.fetchone() == (True,))


@transaction.atomic
def _count(job: ImportJob, incoming: Incoming) -> Counts:
    names, counts = tables(job), Counts()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '128MB'")
        if has_one_unique_key(incoming):
            found = sql.SQL("({}) m").format(known(incoming, tag=job.tag))
        else:
            found = _find_conflicts(cursor, job, incoming)
        changed, met = _changed(cursor, found)
        counts.errors = count_of(cursor, sql.SQL("SELECT count(DISTINCT row_number) FROM {}").format(names.errors))
        counts.duplicates = count_of(cursor, sql.SQL("SELECT count(*) FROM {}").format(names.replaced))
    counts.valid = job.row_count - counts.errors - counts.duplicates
    counts.updated, counts.unchanged, counts.created = changed, met - changed, counts.valid - met
    return counts


def _changed(cursor: CursorWrapper, found: sql.Composed) -> tuple[int, int]:
    """Of the rows that mean someone known, how many would change them; and how many there are."""
    cursor.execute(sql.SQL("SELECT count(*) FILTER (WHERE is_changed), count(*) FROM {}").format(found))
    changed, met = cursor.fetchone()
    return int(changed), int(met)


@transaction.atomic
def is_all_known(job: ImportJob, incoming: Incoming) -> bool:
    """Whether writing would change nothing, told in one pass; False too where only writing can tell."""
    if job.grants_consent or not has_one_unique_key(incoming):
        return False
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '128MB'")
        return _changed(cursor, sql.SQL("({}) m").format(known(incoming, tag=job.tag))) == (0, job.valid_count)


def _find_conflicts(cursor: CursorWrapper, job: ImportJob, incoming: Incoming) -> sql.Composed:
    """Note rows that mean two people as errors, and earlier rows about one person as replaced; the others remain."""
    names = tables(job)
    match(cursor, incoming, tag=job.tag)
    cursor.execute(
        sql.SQL("INSERT INTO {} SELECT row_number, NULL, NULL, problem FROM matched WHERE problem IS NOT NULL").format(
            names.errors
        )
    )
    cursor.execute(
        sql.SQL(
            "INSERT INTO {} SELECT row_number FROM (SELECT row_number, max(row_number) OVER"
            " (PARTITION BY contact_id) AS last FROM matched WHERE problem IS NULL) m WHERE row_number < last"
        ).format(names.replaced)
    )
    return sql.SQL(
        "matched m WHERE problem IS NULL AND NOT EXISTS (SELECT FROM {} r WHERE r.row_number = m.row_number)"
    ).format(names.replaced)


def count_of(cursor: CursorWrapper, statement: sql.Composed) -> int:
    """The one number that a statement answers."""
    cursor.execute(statement)
    row: Any = cursor.fetchone()
    return int(row[0])
