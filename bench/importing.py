"""Importing contacts: a file from upload through the dry run to the upsert, beside a bare COPY of the same file.

The limit is COPY of finished rows into a table shaped and indexed as contacts are: what PostgreSQL itself needs to keep
the same people findable. Beside it stand COPY into a text table without keys or indexes, and how near to that one comes
who loads finished rows into a bare table and builds the indexes afterwards, which locks everyone out meanwhile.
"""

import csv
import random
import tempfile
from pathlib import Path

from django.core.files.base import File
from django.db import connection
from django.test import override_settings

from bench import scratch
from bench.result import Result
from contacts.importing import jobs
from contacts.models import ImportJob

HEADER = ["email", "first_name", "last_name", "plan", "city", "score"]
FIRST = ["Ada", "Ben", "Cyd", "Dora", "Emil", "Fay", "Gus", "Hana", "Ivo", "June"]
LAST = ["Miller", "Smith", "Jones", "Garcia", "Brown", "Lopez", "Wilson", "Moore"]
BLOCK = 1024**2


def run(scale: float = 1.0) -> list[Result]:
    count = max(1000, int(1_000_000 * scale))
    with scratch.database(), tempfile.TemporaryDirectory() as directory, override_settings(MEDIA_ROOT=directory):
        path = Path(directory) / "people.csv"
        _write(path, count)
        _copy_as_text(path)  # warms the file cache and the server for all that follow
        bare = scratch.timed(lambda: _copy_as_text(path))
        scratch.settled()
        ours = scratch.timed(lambda: _import(path, count))
        again = scratch.timed(lambda: _import(path, count))
        scratch.settled()
        indexed = scratch.timed(_copy_as_contacts)
        scratch.settled()
        afterwards = scratch.timed(_load_and_index)
        peak = scratch.own_peak_mb()
    return [
        _result(f"import {count:,}, beside a COPY into the same indexes", ours, indexed, peak, "at most 6x"),
        _result("import the same again, beside that COPY", again, indexed, peak, "at most 6x"),
        _result("import, beside a COPY as text without indexes", ours, bare, peak, "none: see the next line"),
        _result("finished rows loaded, then indexed, beside that", afterwards, bare, peak, "none: the floor"),
    ]


def _result(name: str, ours: float, limit: float, peak: float, goal: str) -> Result:
    return Result(name, round(ours, 2), round(limit, 2), "s", round(ours / limit, 2), round(peak), goal)


def _write(path: Path, count: int) -> None:
    chance = random.Random(7)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for number in range(count):
            writer.writerow([
                f"person{number}@example.com", chance.choice(FIRST), f"{chance.choice(LAST)}{chance.randrange(5000)}",
                chance.choice(["free", "pro", "team"]), chance.choice(["Berlin", "Paris", "Rome"]),
                chance.randrange(100),
            ])  # fmt: skip


def _copy_as_text(path: Path) -> None:
    scratch.execute("DROP TABLE IF EXISTS bare")
    scratch.execute(f"CREATE TABLE bare ({', '.join(f'{name} text' for name in HEADER)})")
    with connection.cursor() as cursor, path.open("rb") as file:
        with cursor.copy("COPY bare FROM STDIN WITH (FORMAT csv, HEADER true)") as copy:
            while block := file.read(BLOCK):
                copy.write(block)


def _import(path: Path, count: int) -> None:
    with path.open("rb") as stream:
        job = jobs.upload(File(stream), path.name, by=None)
    jobs.check(job, mapping=job.mapping, goes_on=True)
    while jobs.work(job):
        pass
    job.refresh_from_db()
    assert job.status == ImportJob.Status.DONE, job.problem
    assert job.created_count + job.unchanged_count == count


def _copy_as_contacts() -> None:
    """The finished rows through a binary COPY out and in again, into the same indexes."""
    scratch.execute("CREATE TABLE copied (LIKE contacts_contact INCLUDING ALL)")
    with tempfile.TemporaryFile() as rows, connection.cursor() as cursor:
        with cursor.copy("COPY contacts_contact TO STDOUT WITH (FORMAT binary)") as copy:
            for block in copy:
                rows.write(block)
        rows.seek(0)
        with cursor.copy("COPY copied FROM STDIN WITH (FORMAT binary)") as copy:
            while block := rows.read(BLOCK):
                copy.write(block)


def _load_and_index() -> None:
    """Finished rows into a table without indexes, which are built when all are in: the quickest way there is."""
    scratch.execute("CREATE TABLE loaded (LIKE contacts_contact INCLUDING ALL EXCLUDING INDEXES)")
    scratch.execute("INSERT INTO loaded SELECT * FROM contacts_contact")
    for definition in _index_definitions():
        unique = "UNIQUE " if definition.startswith("CREATE UNIQUE") else ""
        method = definition.split(" USING ", 1)[1].replace("%", "%%")  # an index of some rows may ask by LIKE
        scratch.execute(f"CREATE {unique}INDEX ON loaded USING {method}")


def _index_definitions() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE tablename = 'contacts_contact'")
        return [definition for (definition,) in cursor.fetchall()]
