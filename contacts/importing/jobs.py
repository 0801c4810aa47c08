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
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import chain
from typing import Any

from django.core.files.base import File
from django.db import DatabaseError, connection, transaction
from django.db.models import F
from django.db.models.functions import Coalesce, Now
from django.utils import timezone
from psycopg import Error as DriverError

from contacts.channels import channels
from contacts.consent import topic_called
from contacts.importing import errorfile, files, kinds, staging, targets
from contacts.importing.files import BadFile, Dialect
from contacts.importing.kinds import earlier as earlier  # asked about a job, like everything here
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


def upload(
    file: File, name: str, *, by: User | None, kind: str = ImportJob.Kind.CONTACTS, channel: str = "email"
) -> ImportJob:
    """Keep the file and read its first rows; raises Refused when it is no table that can be read."""
    job = ImportJob(
        kind=kind, suppresses_channel=channel, file_name=_shown_name(name), file_bytes=file.size, started_by=by
    )
    try:
        dialect = files.detect(file)
        job.file_hash = files.sha256(file)
        _read_head(job, file, dialect)
    except BadFile as error:
        raise Refused("bad_file", str(error)) from error
    job.mapping = kinds.of(job).guess(job)
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
    rows = staging.rows_in(file, dialect)
    first = next(rows, [])
    if kinds.of(job).may_lack_header and targets.has_address(first):
        dialect, rows, first = replace(dialect, has_header=False), chain([first], rows), _numbered(first)
    job.dialect, job.header = dialect.as_json(), staging.check_header(first)
    job.sample = [row for row, _ in zip((row for row in rows if any(row)), range(SAMPLE_ROWS), strict=False)]
    if not job.sample:
        raise BadFile("The file has a header and no rows below it.")


def _numbered(row: list[str]) -> list[str]:
    """Names for the columns of a file that has none."""
    return [f"Column {number}" for number in range(1, len(row) + 1)]


def reread(job: ImportJob, *, encoding: str, delimiter: str) -> None:
    """Read the file with another encoding or delimiter than was guessed; what a dry run has shown is void then."""
    if job.status not in (Status.UPLOADED, Status.READY):
        raise _not_now(job)
    dialect = Dialect(**job.dialect | {"encoding": encoding, "delimiter": delimiter, "has_header": True})
    try:
        staging.require_upload(job)
        files.verify_bytes(job.file, dialect)
        _read_head(job, job.file, dialect)
    except BadFile as error:
        raise Refused("bad_file", f"The file cannot be read that way. {error}") from error
    read = {name: getattr(job, name) for name in ("dialect", "header", "sample")}
    with transaction.atomic():
        _move(job, Status.UPLOADED, **read, mapping=kinds.of(job).guess(job), row_count=0)
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


def is_repeat(job: ImportJob, of: ImportJob) -> bool:
    """Whether the job would do exactly what an earlier one has done: same file, mapping, tag and consent."""
    told = ("kind", "file_hash", "tag", *_CONSENT)
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
    job.tag = tag.strip()[:60]
    if job.tag and targets.split_tags(job.tag) != [job.tag]:
        raise Refused("bad_tag", f"“{job.tag}”: {targets.TAG_RULE}")
    _begin_check(job, mapping, goes_on, ("tag", *_CONSENT))


def check_addresses(
    job: ImportJob, *, column: str, channel: str, reason: str, detail: str = "", goes_on: bool = False
) -> None:
    """Begin the dry run of a suppression list: `column` has the addresses, the rest is said of each of them."""
    if channel not in channels:
        raise Refused("unknown_channel", f"There is no channel {channel!r}. Use one of: {', '.join(channels)}.")
    said = detail.strip() or f"From the list {job.file_name}"
    job.suppresses_channel, job.suppresses_reason, job.suppresses_detail = channel, reason, said[:500]
    chosen = ("suppresses_channel", "suppresses_reason", "suppresses_detail")
    _begin_check(job, {column: channels[channel].address_field}, goes_on, chosen)


def _begin_check(job: ImportJob, mapping: dict[str, str], goes_on: bool, chosen: Sequence[str]) -> None:
    job.mapping = {name: spec for name, spec in mapping.items() if name in job.header}
    try:
        kinds.of(job).require_mapping(job)
    except BadFile as error:
        raise Refused("bad_mapping", str(error)) from error
    said = {name: getattr(job, name) for name in ("mapping", *chosen)}
    _move(job, Status.CHECKING, rows_done=0, problem="", is_unattended=goes_on, **said)


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
        new = kinds.of(job).new_attributes(job)
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
        if kinds.of(job).write(job, deadline):
            return True
        _finish(job)
    return False


def _ensure_staged(job: ImportJob) -> None:
    if job.row_count and staging.is_complete(job):
        return
    is_importing = job.status == Status.IMPORTING
    count = staging.stage(job)
    ImportJob.objects.filter(pk=job.pk).update(row_count=count, progressed_at=Now())
    job.row_count = count
    if is_importing:  # the staged rows were lost in a crash of the database: find the errors in them again
        kinds.of(job).check(job, lambda _: None)


def _check(job: ImportJob) -> None:
    def progress(done: int) -> None:
        ImportJob.objects.filter(pk=job.pk).update(rows_done=done, progressed_at=Now())

    counts = kinds.of(job).check(job, progress)
    job.error_count = counts.errors
    errorfile.write(job)
    _move(
        job, Status.READY, valid_count=counts.valid, error_count=counts.errors, duplicate_count=counts.duplicates,
        created_count=counts.created, updated_count=counts.updated, unchanged_count=counts.unchanged,
        people_count=counts.people,
        first_errors=errorfile.first_errors(job),
    )  # fmt: skip
    if job.is_unattended and job.valid_count:
        confirm(job)
    elif job.is_unattended:
        fail(job, "No row of the file can be imported; each has errors.")


def _finish(job: ImportJob) -> None:
    errorfile.write(job)
    first = errorfile.first_errors(job)
    _move(job, Status.DONE, rows_done=F("row_count"), finished_at=timezone.now(), first_errors=first)
    _clean_up(job)
    errors = f", {job.error_count:,} rows had errors" if job.error_count else ""
    notices.tell(
        f"Import of {job.file_name}: {kinds.of(job).told(job)}{errors}.",
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


# What was edited or looked at is no progress: updated_at says nothing here.
_MOVED_AT = Coalesce("progressed_at", "created_at")


def stalled() -> list[int]:
    """Jobs at work that nobody has moved for a while: their worker is gone, or the wake-up was lost."""
    before = timezone.now() - STALLED_AFTER
    waiting = ImportJob.objects.filter(status__in=AT_WORK).alias(moved_at=_MOVED_AT)
    return list(waiting.filter(moved_at__lt=before).values_list("pk", flat=True))


def forget_old() -> int:
    """Uploads never confirmed, and error files, go after FORGOTTEN_AFTER: they are copies of personal data.

    What a worker left that was killed between its last move and its cleaning up goes at once.
    """
    for job in ImportJob.objects.exclude(status__in=OPEN).exclude(file=""):
        _clean_up(job)
    before = timezone.now() - FORGOTTEN_AFTER
    waiting = ImportJob.objects.filter(status__in=(Status.UPLOADED, Status.READY)).alias(moved_at=_MOVED_AT)
    unfinished = waiting.filter(moved_at__lt=before)
    count = 0
    for job in unfinished:
        cancel(job)
        count += 1
    finished = ImportJob.objects.filter(finished_at__lt=before).exclude(first_errors=[])
    for job in finished:
        errorfile.remove(job)
    finished.update(first_errors=[])
    return count
