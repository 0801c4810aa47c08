"""`manage.py import_contacts FILE`: the same import as in the console, in this process."""

import argparse
import time
from pathlib import Path
from typing import Any

from django.core.files.base import File
from django.core.management.base import BaseCommand, CommandError

from contacts.importing import jobs, targets
from contacts.importing.errorfile import path as error_path
from contacts.models import ImportJob
from core.errors import Refused


class Command(BaseCommand):
    help = "Import contacts from a CSV (also .gz) or XLSX file, after a dry run over every row."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        fields = ", ".join(targets.FIELDS)
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--map", action="append", default=[], metavar="COLUMN=TARGET", dest="pairs",
            help=f"TARGET is one of {fields}, attribute:KEY, new:TYPE, or empty to leave the column out. "
            "Columns not named are guessed.",
        )  # fmt: skip
        parser.add_argument("--new-attributes", action="store_true", help="Unknown columns become new attributes.")
        parser.add_argument("--tag", default="", help="Put this tag on everyone in the file.")
        parser.add_argument("--consent-source", default="", help="Record consent, given here, e.g. a form.")
        parser.add_argument(
            "--consent-topic", action="append", default=[], metavar="KEY", dest="topics",
            help="A topic that they agreed to; may be repeated. Without any: email as a whole.",
        )  # fmt: skip
        parser.add_argument("--consent-wording", default="", help="What people agreed to.")
        parser.add_argument("--dry-run", action="store_true", help="Only check; write nothing.")
        parser.add_argument("--force", action="store_true", help="Import even what was imported before.")

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            self._import(options)
        except Refused as error:
            raise CommandError(error.message) from error
        except OSError as error:
            raise CommandError(f"{options['file']}: {error.strerror or error}") from error

    def _import(self, options: dict[str, Any]) -> None:
        job = self._checked(options)
        before = jobs.earlier(job)
        if options["dry_run"] or job.status == ImportJob.Status.FAILED:
            return self._end(job, written=False)
        if before and jobs.is_repeat(job, before) and not options["force"]:
            jobs.forget(job)
            self.stdout.write(
                f"This file was imported the same way on {before.finished_at:%Y-%m-%d %H:%M}. Use --force."
            )
            return None
        jobs.confirm(job)
        while job.status in jobs.AT_WORK:
            if not jobs.work(job, seconds=1):
                time.sleep(0.2)  # done, or a worker has taken it on meanwhile
            self._show_progress(job)
        return self._end(job, written=True)

    def _checked(self, options: dict[str, Any]) -> ImportJob:
        with options["file"].open("rb") as stream:
            job = jobs.upload(File(stream), options["file"].name, by=None)
        source, wording = options["consent_source"], options["consent_wording"]
        try:
            jobs.check(
                job, mapping=_mapping(job, options), tag=options["tag"],
                consent=jobs.Consent(source, wording, topics=options["topics"] or [""]) if source else None,
            )  # fmt: skip
        except Refused:
            jobs.forget(job)
            raise
        jobs.work(job)
        job.refresh_from_db()
        return job

    def _show_progress(self, job: ImportJob) -> None:
        job.refresh_from_db()
        done = min(job.rows_done, job.row_count)
        self.stdout.write(f"\r{done:,} of {job.row_count:,} rows", ending="")
        self.stdout.flush()

    def _end(self, job: ImportJob, *, written: bool) -> None:
        job.refresh_from_db()
        if job.status == ImportJob.Status.FAILED:
            raise CommandError(job.problem)
        self.stdout.write(
            f"\n{job.row_count:,} rows: {job.created_count:,} new, {job.updated_count:,} updated, "
            f"{job.unchanged_count:,} unchanged, {job.duplicate_count:,} replaced by a later row, "
            f"{job.error_count:,} with errors" + ("" if written else " (dry run, nothing written)")
        )
        for error in job.first_errors[:10]:
            self.stderr.write(f"row {error['row']}, {error['column'] or 'whole row'}: {error['problem']}")
        if not written:
            jobs.cancel(job)
        if job.error_count:
            raise CommandError(f"{job.error_count:,} rows have errors; all of them: {error_path(job)} in MEDIA_ROOT")


def _mapping(job: ImportJob, options: dict[str, Any]) -> dict[str, str]:
    mapping = {
        name: "" if spec.startswith(targets.NEW) and not options["new_attributes"] else spec
        for name, spec in job.mapping.items()
    }
    for pair in options["pairs"]:
        name, equals, spec = pair.rpartition("=")
        if not equals or name not in job.header:
            raise Refused(
                "unknown_column", f"--map {pair}: the file has no such column. It has: {', '.join(job.header)}"
            )
        mapping[name] = spec
    return mapping
