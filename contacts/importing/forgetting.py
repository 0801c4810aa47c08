"""What is kept of imports, and may name somebody who was erased: uploads, previews, files of rows with errors."""

import csv
from io import TextIOWrapper
from tempfile import TemporaryFile
from typing import Any

from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db.models import Value
from django.db.models.functions import Replace

from contacts.importing import errorfile, jobs, staging
from contacts.importing.erased import STAGED, Names, id_column, leave_out
from contacts.importing.files import Dialect
from contacts.models import ImportJob
from team.models import Notice

Status = ImportJob.Status
ERASED = "The file names somebody who was erased since it was uploaded. Export your list afresh and upload that."


def forget(names: Names) -> None:
    """Find them in uploads, previews and error files, and leave nothing; to be done again once open imports ended."""
    for job in ImportJob.objects.order_by("pk") if names else ():
        _forget_shown(job, names)
        _forget_errors(job, names)
        if job.status in (Status.UPLOADED, Status.READY) and job.file:
            _forget_upload(job, names)
        if job.status in STAGED:
            leave_out(job, names)


def forget_shown(names: Names) -> None:
    """At once: the first rows and the first errors that pages show."""
    for job in ImportJob.objects.exclude(sample=[], first_errors=[], header=[]) if names else ():
        _forget_shown(job, names)


def _forget_shown(job: ImportJob, names: Names) -> None:
    changes: dict[str, Any] = {}
    sample = [row for row in job.sample if not names.are_in(row, id_at=id_column(job))]
    errors = [error for error in job.first_errors if not names.are_in([error["value"]], id_at=_value_at(job, error))]
    if len(sample) < len(job.sample):
        changes["sample"] = sample
    if len(errors) < len(job.first_errors):
        changes["first_errors"] = errors
    if names.are_in_name(job.file_name):
        changes["file_name"] = "file"
        told = Notice.objects.filter(text__contains=job.file_name)  # that it was imported, and what became of it
        told.update(text=Replace("text", Value(job.file_name), Value("file")))
    if job.status not in jobs.OPEN and names.are_in(job.header):  # a table without headings: its first row names them
        changes |= {"header": [], "mapping": {}}
    if changes:
        ImportJob.objects.filter(pk=job.pk).update(**changes)


def _value_at(job: ImportJob, error: dict[str, Any]) -> int | None:
    """Where `[error["value"]]` has an id, if it is one."""
    return 0 if job.mapping.get(error["column"]) == "external_id" else None


def _forget_upload(job: ImportJob, names: Names) -> None:
    """An upload that waits for somebody: without rows that were read already it is of no use; else they are enough."""
    rows = staging.rows_in(job.file, Dialect(**job.dialect))
    if not any(names.are_in(row, id_at=id_column(job)) for row in rows):
        return
    if job.status == Status.READY and not names.are_in(job.header):
        job.file.delete(save=False)
        ImportJob.objects.filter(pk=job.pk).update(file="")
    else:
        jobs.fail(job, ERASED)


def _forget_errors(job: ImportJob, names: Names) -> None:
    if not errorfile.exists(job):
        return
    with default_storage.open(errorfile.path(job), "rb") as file, TemporaryFile() as kept:
        if _copy_without(file, kept, names, id_column(job)):
            kept.seek(0)
            errorfile.remove(job)
            default_storage.save(errorfile.path(job), File(kept))


def _copy_without(source: Any, target: Any, names: Names, id_at: int | None) -> bool:
    """Copy the rows that don't name them; whether any did. Two columns of ours stand before the file's own."""
    reader = csv.reader(TextIOWrapper(source, encoding="utf-8", newline=""))
    text = TextIOWrapper(target, encoding="utf-8", newline="", write_through=True)
    writer, left_out = csv.writer(text), False
    for row in reader:
        if names.are_in(row, id_at=None if id_at is None else id_at + 2):
            left_out = True
        else:
            writer.writerow(row)
    text.detach()
    return left_out
