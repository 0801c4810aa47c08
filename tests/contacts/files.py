"""Files for tests of imports, and the whole way of one from upload to done."""

import csv
import gzip
import io
from typing import Any

from django.core.files.base import ContentFile
from openpyxl import Workbook

from contacts.importing import jobs
from contacts.models import ImportJob


def csv_bytes(*rows: list[Any], encoding: str = "utf-8", delimiter: str = ",") -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue().encode(encoding)


def xlsx_bytes(*rows: list[Any]) -> bytes:
    workbook = Workbook()
    for row in rows:
        workbook.active.append(row)
    content = io.BytesIO()
    workbook.save(content)
    return content.getvalue()


def gzip_bytes(content: bytes) -> bytes:
    return gzip.compress(content)


def uploaded(content: bytes, name: str = "people.csv") -> ImportJob:
    return jobs.upload(ContentFile(content), name, by=None)


def checked(content: bytes, name: str = "people.csv", **told: Any) -> ImportJob:
    job = uploaded(content, name)
    jobs.check(job, mapping=told.pop("mapping", job.mapping), **told)
    jobs.work(job)
    job.refresh_from_db()
    return job


def imported(content: bytes, name: str = "people.csv", **told: Any) -> ImportJob:
    job = checked(content, name, **told)
    jobs.confirm(job)
    while jobs.work(job):
        pass
    job.refresh_from_db()
    return job


def problems(job: ImportJob) -> list[tuple[int, str, str]]:
    return [(error["row"], error["column"], error["problem"]) for error in job.first_errors]


def counts(job: ImportJob) -> dict[str, int]:
    names = ("created", "updated", "unchanged", "duplicate", "error")
    return {name: getattr(job, f"{name}_count") for name in names}
