"""An import from upload to done: the only writer of its status, resumable at any moment by its row.

    uploaded -> checking -> ready -> importing -> done
    ready -> checking (other mapping), uploaded (read with another encoding or delimiter)
    any open one -> failed, cancelled

`work` may be called by any number of workers at any time: one of them does the work, the others return at once.
"""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core.files.base import File
from django.db import DatabaseError, connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone
from psycopg import Error as DriverError

from contacts.consent import topic_called
from contacts.importing import checking, errorfile, files, staging, targets, writing
from contacts.importing.columns import Incoming, columns_of, new_attributes
from contacts.importing.files import BadFile, Dialect
from contacts.models import AttributeDefinition, ImportJob
from core.errors import Refused
from team import notices
from team.models import Notice, User

logger = logging.getLogger(__name__)
Status = ImportJob.Status
MOVES = {
    Status.UPLOADED: {Status.UPLOADED, Status.CHECKING, Status.FAILED, Status.CANCELLED},
    Status.CHECKING: {Status.READY, Status.FAILED, Status.CANCELLED},
    Status.READY: {Status.UPLOADED, Status.CHECKING, Status.IMPORTING, Status.FAILED, Status.CANCELLED},
    Status.IMPORTING: {Status.DONE, Status.FAILED, Status.CANCELLED},
}
OPEN = (Status.UPLOADED, Status.CHECKING, Status.READY, Status.IMPORTING)
AT_WORK = (Status.CHECKING, Status.IMPORTING)
SAMPLE_ROWS = 20
STALLED_AFTER = timedelta(seconds=60)
FORGOTTEN_AFTER = timedelta(days=30)
LOCK_CLASS = 7_401_002  # advisory locks (class, job id): held by the worker that is at work on the job


def upload(file: File, name: str, *, by: User | None) -> ImportJob:
    """Keep the file and read its first rows; raises Refused when it is no table that can be read."""
    job = ImportJob(file_name=_shown_name(name), file_bytes=file.size, started_by=by)
    try:
        dialect = files.detect(file)
        job.file_hash = files.sha256(file)
        _read_head(job, file, dialect)
    except BadFile as error:
        raise Refused("bad_file", str(error)) from error
    job.mapping = targets.guess(job.header, job.sample)
    file.seek(0)
    job.file.save("upload", file, save=False)
    job.save()
    return job


def _shown_name(name: str) -> str:
    return (
        "".join(letter for letter in name.replace("\\", "/").rsplit("/", 1)[-1] if letter.isprintable())[-200:]
        or "file"
    )


def _read_head(job: ImportJob, file: File, dialect: Dialect) -> None:
    job.dialect = dialect.as_json()
    rows = staging.rows_in(file, dialect)
    job.header = staging.check_header(next(rows, []))
    job.sample = [row for row, _ in zip((row for row in rows if any(row)), range(SAMPLE_ROWS), strict=False)]
    if not job.sample:
        raise BadFile("The file has a header and no rows below it.")


def reread(job: ImportJob, *, encoding: str, delimiter: str) -> None:
    """Read the file with another encoding or delimiter than was guessed; what a dry run has shown is void then."""
    if job.status not in (Status.UPLOADED, Status.READY):
        raise _not_now(job)
    dialect = Dialect(**job.dialect | {"encoding": encoding, "delimiter": delimiter})
    try:
        staging.require_upload(job)
        files.verify_bytes(job.file, dialect)
        _read_head(job, job.file, dialect)
    except BadFile as error:
        raise Refused("bad_file", f"The file cannot be read that way. {error}") from error
    read = {name: getattr(job, name) for name in ("dialect", "header", "sample")}
    with transaction.atomic():
        _move(job, Status.UPLOADED, **read, mapping=targets.guess(job.header, job.sample), row_count=0)
        staging.drop(job)


@dataclass(frozen=True, slots=True)
class Consent:
    """What everyone in a file agreed to, and where. Topic "" is the channel as a whole."""

    source: str
    wording: str = ""
    channel: str = "email"
    topics: Sequence[str] = ("",)


_CONSENT = (
    "grants_consent", "consent_channel", "consent_topics", "consent_source", "consent_wording",
)  # fmt: skip


def earlier(job: ImportJob) -> ImportJob | None:
    """A finished import of the very same file, if there is one."""
    same = ImportJob.objects.filter(file_hash=job.file_hash, status=Status.DONE).exclude(pk=job.pk)
    return same.order_by("-finished_at").first()


def is_repeat(job: ImportJob, of: ImportJob) -> bool:
    """Whether the job would do exactly what an earlier one has done: same file, mapping, tag and consent."""
    told = ("file_hash", "tag", *_CONSENT)
    same_words = all(getattr(job, name) == getattr(of, name) for name in told)
    return same_words and {k: v for k, v in job.mapping.items() if v} == {k: v for k, v in of.mapping.items() if v}


def check(
    job: ImportJob,
    *,
    mapping: dict[str, str],
    tag: str = "",
    consent: Consent | None = None,
    goes_on: bool = False,
) -> None:
    """Take the mapping and begin the dry run; `consent` is what everyone in the file agreed to, None records none.

    With `goes_on` the import follows by itself, as a program wants that cannot look at the dry run.
    """
    _say_consent(job, consent)
    job.mapping, job.tag = {name: spec for name, spec in mapping.items() if name in job.header}, tag.strip()[:60]
    try:
        columns_of(job)
    except BadFile as error:
        raise Refused("bad_mapping", str(error)) from error
    chosen = ("mapping", "tag", *_CONSENT)
    _move(
        job,
        Status.CHECKING,
        rows_done=0,
        problem="",
        is_unattended=goes_on,
        **{name: getattr(job, name) for name in chosen},
    )


def _say_consent(job: ImportJob, consent: Consent | None) -> None:
    said = consent or Consent(source="")
    job.grants_consent = consent is not None
    job.consent_source, job.consent_wording = said.source.strip()[:200], said.wording.strip()
    job.consent_channel, job.consent_topics = said.channel, sorted(set(said.topics))
    if consent is None:
        return
    if not job.consent_source:
        raise Refused("source_missing", "Say where the people in this file gave their consent, or record none.")
    if not job.consent_topics:
        raise Refused("topics_missing", "Say what they agreed to: email as a whole, or some of the topics.")
    for topic in job.consent_topics:
        topic_called(topic)


@transaction.atomic
def confirm(job: ImportJob) -> None:
    """Import what the dry run has shown. New attributes enter the catalogue now, and the mapping names them."""
    try:
        new = new_attributes(job)
    except BadFile as error:
        raise Refused("bad_mapping", str(error)) from error
    mapping = dict(job.mapping)
    for name, definition in new:
        mapping[name] = targets.ATTRIBUTE + definition.key
        AttributeDefinition.objects.get_or_create(
            key=definition.key, defaults={"label": definition.label, "type": definition.type}
        )
    none_yet = dict.fromkeys(("rows_done", "created_count", "updated_count", "unchanged_count", "consent_count"), 0)
    _move(job, Status.IMPORTING, mapping=mapping, **none_yet)


def cancel(job: ImportJob) -> None:
    """Stop; chunks already written stay, and are counted."""
    _move(job, Status.CANCELLED, finished_at=timezone.now())
    _clean_up(job)


def _move(job: ImportJob, to: str, **changes: Any) -> None:
    """Compare and set: the status moves only from a status that allows it, and only if nobody moved it meanwhile."""
    sources = [old for old, targets_ in MOVES.items() if to in targets_]
    moved = ImportJob.objects.filter(pk=job.pk, status__in=sources).update(status=to, progressed_at=Now(), **changes)
    job.refresh_from_db()
    if not moved:
        raise _not_now(job)


def _not_now(job: ImportJob) -> Refused:
    return Refused("wrong_status", f"This import is “{job.get_status_display()}”; that is not possible now.")


def work(job: ImportJob, *, seconds: float = 60.0) -> bool:
    """Do the job's next work, for about `seconds`; True if there is more to do."""
    with _alone(job) as is_alone:
        try:
            return is_alone and _work_or_fail(job, time.monotonic() + seconds)
        except (Refused, ImportJob.DoesNotExist):
            logger.info("import %s was cancelled or removed while at work", job.pk)
            _clean_up(job)
    return False


def _work_or_fail(job: ImportJob, deadline: float) -> bool:
    job.refresh_from_db()
    try:
        return _work(job, deadline)
    except BadFile as error:
        fail(job, str(error))
    except OSError:
        logger.exception("import %s stopped", job.pk)
        fail(job, "The uploaded file could not be read from storage.")
    except (DatabaseError, DriverError):  # the driver's own where rows are copied or read by a cursor on the server
        logger.exception("import %s stopped", job.pk)
        fail(job, "The database refused the import. Nothing of the part at hand was written; try again.")
    return False


@contextmanager
def _alone(job: ImportJob) -> Iterator[bool]:
    """Whether we are the only worker on the job; the lock is the session's, so a killed worker frees it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK_CLASS, job.pk % 2**31])
        (is_alone,) = cursor.fetchone()
    try:
        yield is_alone
    finally:
        if is_alone:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK_CLASS, job.pk % 2**31])


def _work(job: ImportJob, deadline: float) -> bool:
    if job.status == Status.CHECKING:
        _ensure_staged(job)
        _check(job)
    if job.status == Status.IMPORTING:
        _ensure_staged(job)
        incoming, end = Incoming.of(job), staging.last_row(job) - 1
        if job.rows_done == 0 and earlier(job) and checking.is_all_known(job, incoming):
            _move_to_end(job, end)  # the same file again: a look is enough
        while job.rows_done < end:
            writing.write(job, incoming, end=end, deadline=deadline)
            if time.monotonic() > deadline:
                return True
        _finish(job)
    return False


def _move_to_end(job: ImportJob, end: int) -> None:
    open_ones = ImportJob.objects.filter(pk=job.pk, status=Status.IMPORTING, rows_done=0)
    open_ones.update(rows_done=end, unchanged_count=F("valid_count"), progressed_at=Now())
    job.refresh_from_db()


def _ensure_staged(job: ImportJob) -> None:
    if job.row_count and staging.is_complete(job):
        return
    is_importing = job.status == Status.IMPORTING
    count = staging.stage(job)
    ImportJob.objects.filter(pk=job.pk).update(row_count=count, progressed_at=Now())
    job.row_count = count
    if is_importing:  # the staged rows were lost in a crash of the database: find the errors in them again
        checking.check(job, progress=lambda _: None)


def _check(job: ImportJob) -> None:
    def progress(done: int) -> None:
        ImportJob.objects.filter(pk=job.pk).update(rows_done=done, progressed_at=Now())

    counts = checking.check(job, progress=progress)
    job.error_count = counts.errors
    errorfile.write(job)
    _move(
        job, Status.READY, valid_count=counts.valid, error_count=counts.errors, duplicate_count=counts.duplicates,
        created_count=counts.created, updated_count=counts.updated, unchanged_count=counts.unchanged,
        first_errors=errorfile.first_errors(job),
    )  # fmt: skip
    if job.is_unattended and job.valid_count:
        confirm(job)
    elif job.is_unattended:
        fail(job, "No row of the file can be imported; each has errors.")


def _finish(job: ImportJob) -> None:
    errorfile.write(job)
    first = errorfile.first_errors(job)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE contacts_contact")  # lists and segments plan by it; 0.3 s at a million
    _move(job, Status.DONE, rows_done=F("row_count"), finished_at=timezone.now(), first_errors=first)
    _clean_up(job)
    errors = f", {job.error_count:,} rows had errors" if job.error_count else ""
    notices.tell(
        f"Import of {job.file_name}: {job.created_count:,} new, {job.updated_count:,} updated contacts{errors}.",
        level=Notice.Level.WARNING if job.error_count else Notice.Level.INFO,
        user=job.started_by,
    )


def fail(job: ImportJob, problem: str) -> None:
    """End it for good, and tell whoever uploaded it why."""
    _move(job, Status.FAILED, problem=problem, finished_at=timezone.now())
    _clean_up(job)
    notices.tell(f"Import of {job.file_name} failed: {problem}", level=Notice.Level.ERROR, user=job.started_by)


def _clean_up(job: ImportJob) -> None:
    """The people's data is in contacts now, or nowhere: neither the upload nor its rows are kept."""
    staging.drop(job)
    job.file.delete(save=False)
    ImportJob.objects.filter(pk=job.pk).update(file="", sample=[])


def forget(job: ImportJob) -> None:
    """Remove the job with all that is kept of its file; contacts stay."""
    staging.drop(job)
    errorfile.remove(job)
    if job.file:
        job.file.delete(save=False)
    job.delete()


def stalled() -> list[int]:
    """Jobs at work that nobody has moved for a while: their worker is gone, or the wake-up was lost."""
    before = timezone.now() - STALLED_AFTER
    return list(ImportJob.objects.filter(status__in=AT_WORK, progressed_at__lt=before).values_list("pk", flat=True))


def forget_old() -> int:
    """Uploads never confirmed, and error files, go after FORGOTTEN_AFTER: they are copies of personal data.

    What a worker left that was killed between its last move and its cleaning up goes at once.
    """
    for job in ImportJob.objects.exclude(status__in=OPEN).exclude(file=""):
        _clean_up(job)
    before = timezone.now() - FORGOTTEN_AFTER
    unfinished = ImportJob.objects.filter(status__in=(Status.UPLOADED, Status.READY), updated_at__lt=before)
    count = 0
    for job in unfinished:
        cancel(job)
        count += 1
    finished = ImportJob.objects.filter(finished_at__lt=before).exclude(first_errors=[])
    for job in finished:
        errorfile.remove(job)
    finished.update(first_errors=[])
    return count
