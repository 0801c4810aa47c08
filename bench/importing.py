"""Importing contacts: a file from upload through the dry run to the upsert, beside a bare COPY of the same file.

Two limits: COPY into a plain text table without any index, which no import that checks rows and can find them again
will reach, and COPY of finished rows into a table shaped and indexed as contacts are, which is what PostgreSQL itself
needs to keep the same data findable.
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
        peak = scratch.own_peak_mb()
    return [
        _result(f"import {count:,}, beside a bare COPY of the file as text", ours, bare, peak, "at most 6x"),
        _result(
            "import, beside a COPY of finished rows into the indexes", ours, indexed, peak, "no goal: what they cost"
        ),
        _result("import the same again, beside a bare COPY as text", again, bare, peak, "at most 6x"),
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
