"""The rows that have errors: the first few for the page, all of them as a file with the reasons beside the cells."""

import csv
from collections.abc import Iterator
from io import TextIOWrapper
from tempfile import TemporaryFile
from typing import Any

from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import connection, transaction
from psycopg import sql

from contacts.importing.staging import column, tables
from contacts.models import ImportJob
from core.tabular import escape_cell

SHOWN = 50
VALUE_LENGTH = 120


def path(job: ImportJob) -> str:
    return f"imports/{job.uuid}-errors.csv"


def first_errors(job: ImportJob) -> list[dict[str, Any]]:
    statement = sql.SQL("SELECT row_number, position, value, problem FROM {} ORDER BY 1, 2 LIMIT {}").format(
        tables(job).errors, SHOWN
    )
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return [
            {
                "row": row, "column": _column_name(job, position), "value": (value or "")[:VALUE_LENGTH],
                "problem": problem,
            }
            for row, position, value, problem in cursor.fetchall()
        ]  # fmt: skip


def write(job: ImportJob) -> None:
    """Keep the file of all rows with errors, so that it outlives the staged rows."""
    remove(job)
    if not job.error_count:
        return
    with TemporaryFile() as file:
        text = TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        writer = csv.writer(text)
        for row in _rows(job):
            writer.writerow([escape_cell(cell) for cell in row])
        text.detach()
        default_storage.save(path(job), File(file))


def remove(job: ImportJob) -> None:
    default_storage.delete(path(job))


def exists(job: ImportJob) -> bool:
    return default_storage.exists(path(job))


def _rows(job: ImportJob) -> Iterator[list[str]]:
    names = tables(job)
    cells = sql.SQL(", ").join(sql.SQL("r.{}").format(column(position)) for position in range(len(job.header)))
    statement = sql.SQL(
        "SELECT e.row_number, e.positions, e.reasons, {} FROM"
        " (SELECT row_number, array_agg(position ORDER BY position) AS positions,"
        " array_agg(problem ORDER BY position) AS reasons FROM {} GROUP BY row_number) e"
        " JOIN {} r USING (row_number) ORDER BY 1"
    ).format(cells, names.errors, names.rows)
    yield ["Row", "Reason", *job.header]
    with transaction.atomic(), connection.connection.cursor(name="error_rows") as cursor:
        cursor.execute(statement)
        for number, positions, reasons, *values in cursor:
            pairs = zip(positions, reasons, strict=True)
            yield [str(number), " ".join(_named(job, *pair) for pair in pairs), *(value or "" for value in values)]


def _named(job: ImportJob, position: int | None, reason: str) -> str:
    name = _column_name(job, position)
    return f"{name}: {reason}" if name else reason


def _column_name(job: ImportJob, position: int | None) -> str:
    return job.header[position] if position is not None and 0 <= position < len(job.header) else ""
