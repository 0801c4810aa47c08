"""What a file can be a list of, contacts or addresses to suppress: how its columns are chosen, its rows checked and
written, and what is said of it in the end."""

import time
from collections.abc import Callable

from django.db import connection
from django.db.models import F
from django.db.models.functions import Now

from contacts.importing import checking, staging, suppressing, targets, writing
from contacts.importing.checking import Counts
from contacts.importing.columns import Incoming, columns_of, new_attributes
from contacts.models import AttributeDefinition, ImportJob

Progress = Callable[[int], None]


class Kind:
    """One kind of list. `job` always is of that kind."""

    may_lack_header = False

    def guess(self, job: ImportJob) -> dict[str, str]:
        """A mapping to begin with."""
        raise NotImplementedError

    def require_mapping(self, job: ImportJob) -> None:
        """Raises BadFile for a mapping that makes no sense."""
        raise NotImplementedError

    def new_attributes(self, job: ImportJob) -> list[tuple[str, AttributeDefinition]]:
        return []

    def check(self, job: ImportJob, progress: Progress) -> Counts:
        raise NotImplementedError

    def write(self, job: ImportJob, deadline: float) -> bool:
        """Write what comes next; whether more is left."""
        raise NotImplementedError

    def told(self, job: ImportJob) -> str:
        """What a finished import has done."""
        raise NotImplementedError


class Contacts(Kind):
    def guess(self, job: ImportJob) -> dict[str, str]:
        return targets.guess(job.header, job.sample)

    def require_mapping(self, job: ImportJob) -> None:
        columns_of(job)

    def new_attributes(self, job: ImportJob) -> list[tuple[str, AttributeDefinition]]:
        return new_attributes(job)

    def check(self, job: ImportJob, progress: Progress) -> Counts:
        return checking.check(job, progress=progress)

    def write(self, job: ImportJob, deadline: float) -> bool:
        incoming, end = Incoming.of(job), staging.last_row(job) - 1
        if job.rows_done == 0 and earlier(job) and checking.is_all_known(job, incoming):
            _move_to_end(job, end)  # the same file again: a look is enough
        while job.rows_done < end:
            writing.write(job, incoming, end=end, deadline=deadline)
            if time.monotonic() > deadline:
                return True
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE contacts_contact")  # lists and segments plan by it; 0.3 s at a million
        return False

    def told(self, job: ImportJob) -> str:
        return f"{job.created_count:,} new, {job.updated_count:,} updated contacts"


class Suppressions(Kind):
    may_lack_header = True  # such lists often are addresses alone

    def guess(self, job: ImportJob) -> dict[str, str]:
        wanted = suppressing.field_of(job)
        return {name: spec for name, spec in targets.guess(job.header, job.sample).items() if spec == wanted}

    def require_mapping(self, job: ImportJob) -> None:
        suppressing.require_reason(job)
        suppressing.column_of(job)

    def check(self, job: ImportJob, progress: Progress) -> Counts:
        return suppressing.check(job, progress=progress)

    def write(self, job: ImportJob, deadline: float) -> bool:
        return suppressing.write(job, deadline=deadline)

    def told(self, job: ImportJob) -> str:
        return f"{job.created_count:,} new addresses on the suppression list"


_KINDS = {ImportJob.Kind.CONTACTS: Contacts(), ImportJob.Kind.SUPPRESSIONS: Suppressions()}


def of(job: ImportJob) -> Kind:
    return _KINDS[ImportJob.Kind(job.kind)]


def earlier(job: ImportJob) -> ImportJob | None:
    """A finished import of the very same file for the same purpose, if there is one."""
    same = ImportJob.objects.filter(file_hash=job.file_hash, kind=job.kind, status=ImportJob.Status.DONE)
    return same.exclude(pk=job.pk).order_by("-finished_at").first()


def _move_to_end(job: ImportJob, end: int) -> None:
    open_ones = ImportJob.objects.filter(pk=job.pk, status=ImportJob.Status.IMPORTING, rows_done=0)
    open_ones.update(rows_done=end, unchanged_count=F("valid_count"), progressed_at=Now())
    job.refresh_from_db()
