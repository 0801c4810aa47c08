"""Who is in a segment: counting and sampling a question, and keeping members by difference."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.backends.utils import CursorWrapper
from django.utils import timezone
from psycopg import errors

from contacts.models import Contact
from core.errors import Refused
from segments import explanation, rules
from segments.explanation import Answer
from segments.models import Membership, Segment, SizePoint
from segments.rules import Compiled

COUNT_SECONDS = 10
SAMPLE = 5
REFRESH_SECONDS = 240
SOURCE_AGE = timedelta(minutes=1)
POINT_AGE = timedelta(hours=1)


@dataclass(frozen=True)
class Change:
    """What a refresh did."""

    entered: int
    left: int
    size: int


@dataclass(frozen=True)
class Preview:
    """What rules would find: how many of how many, and a few of them."""

    size: int
    base: int
    sample: list[Contact]

    @property
    def percent(self) -> float:
        return 100 * self.size / self.base if self.base else 0.0

    @property
    def warning(self) -> str:
        if self.base and self.size == 0:
            return "Nobody fits these rules."
        return "Everyone fits these rules." if self.base and self.size == self.base else ""


@dataclass(frozen=True)
class Explanation:
    """Why one person is in or out. `fits` is what the rules say now, `entered_at` what the last refresh found."""

    fits: bool
    entered_at: datetime | None
    note: str
    answer: Answer | None

    @property
    def is_member(self) -> bool:
        return self.entered_at is not None


def count(raw: Any) -> int:
    """How many people the rules find now; Refused if they are wrong or take too long."""
    question = rules.compile(raw)
    with limited(COUNT_SECONDS) as cursor:
        return _count(cursor, question)


def preview(raw: Any) -> Preview:
    question = rules.compile(raw)
    with limited(COUNT_SECONDS) as cursor:
        return Preview(
            _count(cursor, question), _count(cursor, rules.compile(rules.EVERYONE)), _sample(cursor, question)
        )


def question_of(segment: Segment) -> Compiled:
    """The members that the segment should have now: those its rules find, or those chosen by hand and not erased."""
    if not segment.is_static:
        return rules.compile(segment.rules)
    sql = (
        "SELECT c.id FROM segments_membership m JOIN contacts_contact c ON c.id = m.contact_id"
        " WHERE m.segment_id = %s AND c.erased_at IS NULL"
    )
    return Compiled(sql, (segment.pk,))


def refresh(segment: Segment) -> Change:
    """Bring the members up to date by difference and update the size on `segment`.

    What fails is kept in `refresh_failed` and raised as Refused; the members stay as they were.
    """
    return _refresh_with_sources(segment, wait=True, seen={segment.pk})


def explain(segment: Segment, contact: Contact) -> Explanation:
    """Why the person is in or out of the segment, rule by rule; a static segment only knows who was put in."""
    member = segment.memberships.filter(contact=contact).first()
    entered_at = member.entered_at if member else None
    if segment.is_static:
        note = "Put in by hand." if member else "Nobody put them in: this segment is chosen by hand."
        return Explanation(member is not None, entered_at, note, None)
    answer = explain_rules(segment.rules, contact)
    fits = answer.holds and contact.erased_at is None
    return Explanation(fits, entered_at, _note(contact, fits, member is not None), answer)


def explain_rules(raw: Any, contact: Contact, *, now: datetime | None = None) -> Answer:
    """The same for rules that are not saved."""
    node = rules.parse(raw)
    with limited(COUNT_SECONDS) as cursor:
        return explanation.answers(cursor, node, contact, now or timezone.now())


def _note(contact: Contact, fits: bool, is_member: bool) -> str:
    if contact.erased_at is not None:
        return "This person's data was erased, so no segment has them."
    if fits and not is_member:
        return "They fit the rules now and come in with the next refresh."
    return "They no longer fit the rules and leave with the next refresh." if is_member and not fits else ""


def add(segment: Segment, contacts: Iterable[Contact]) -> Change:
    """Put people into a static segment by hand."""
    _require_static(segment)
    with locked(segment):
        rows = [Membership(segment=segment, contact=contact) for contact in contacts if contact.erased_at is None]
        before = segment.memberships.count()
        Membership.objects.bulk_create(rows, ignore_conflicts=True)
        size = segment.memberships.count()
        return _record(segment, Change(size - before, 0, size))


def remove(segment: Segment, contacts: Iterable[Contact]) -> Change:
    """Take people out of a static segment by hand."""
    _require_static(segment)
    with locked(segment):
        left, _ = segment.memberships.filter(contact__in=list(contacts)).delete()
        return _record(segment, Change(0, left, segment.memberships.count()))


def _require_static(segment: Segment) -> None:
    if not segment.is_static:
        raise Refused(
            "not_static",
            f"“{segment}” follows its rules. Change the rules, or make a static segment to choose by hand.",
        )


def _refresh_with_sources(segment: Segment, *, wait: bool, seen: set[int]) -> Change:
    try:
        _refresh_sources(segment, seen)
        return _refresh(segment, wait=wait)
    except Refused as refused:
        segment.refresh_failed = refused.message
        Segment.objects.filter(pk=segment.pk).update(refresh_failed=refused.message, tried_at=timezone.now())
        raise


def _refresh_sources(segment: Segment, seen: set[int]) -> None:
    """Segments that the rules ask about come first, unless they are fresh or another process is at them.

    `seen` ends the walk even where two edits at the same moment closed a circle.
    """
    for source in Segment.objects.filter(uuid__in=rules.sources(segment.rules)).exclude(pk__in=seen):
        seen.add(source.pk)
        if source.refreshed_at is not None and source.refreshed_at > timezone.now() - SOURCE_AGE:
            continue
        try:
            _refresh_with_sources(source, wait=False, seen=seen)
        except Refused as refused:
            raise Refused("source_failed", f"It asks about the segment “{source}”. {refused.message}") from refused


def _refresh(segment: Segment, *, wait: bool) -> Change:
    with locked(segment, wait=wait) as is_ours:
        if not is_ours:
            return Change(0, 0, segment.size)
        segment.refresh_from_db(fields=["kind", "rules"])
        question = question_of(segment)
        with limited(REFRESH_SECONDS) as cursor:
            change = _apply_difference(cursor, segment, question)
        return _record(segment, change)


def _apply_difference(cursor: CursorWrapper, segment: Segment, question: Compiled) -> Change:
    """The question is asked once, into a temporary table (which two cores may fill, unlike an INSERT's source)."""
    cursor.execute(f"CREATE TEMP TABLE segment_wanted ON COMMIT DROP AS {question.sql}", question.params)
    size = cursor.rowcount
    cursor.execute("ANALYZE segment_wanted")
    cursor.execute(
        "INSERT INTO segments_membership (segment_id, contact_id) SELECT %s, w.id FROM segment_wanted w"
        " WHERE NOT EXISTS (SELECT FROM segments_membership m WHERE m.segment_id = %s AND m.contact_id = w.id)",
        [segment.pk, segment.pk],
    )
    entered = cursor.rowcount
    cursor.execute(
        "DELETE FROM segments_membership m WHERE m.segment_id = %s"
        " AND NOT EXISTS (SELECT FROM segment_wanted w WHERE w.id = m.contact_id)",
        [segment.pk],
    )
    left = cursor.rowcount
    cursor.execute("DROP TABLE segment_wanted")  # a surrounding transaction may refresh another segment
    return Change(entered, left, size)


def _record(segment: Segment, change: Change) -> Change:
    now = timezone.now()
    segment.size, segment.refreshed_at, segment.tried_at, segment.refresh_failed = change.size, now, now, ""
    Segment.objects.filter(pk=segment.pk).update(size=change.size, refreshed_at=now, tried_at=now, refresh_failed="")
    is_quiet = not (change.entered or change.left)
    if not (is_quiet and segment.size_points.filter(at__gt=now - POINT_AGE).exists()):
        SizePoint.objects.create(
            segment=segment, size=change.size, entered_count=change.entered, left_count=change.left
        )
    return change


@contextmanager
def locked(segment: Segment, *, wait: bool = True) -> Iterator[bool]:
    """One at a time changes a segment's members, or deletes it. Held to the end of the transaction.

    An advisory lock, not a row lock: people can edit the segment's name while a long refresh runs.
    """
    function = "pg_advisory_xact_lock" if wait else "pg_try_advisory_xact_lock"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(hashtextextended('segments.membership', %s))", [segment.pk])  # noqa: S608
        row = cursor.fetchone()
        yield row[0] is not False


@contextmanager
def limited(seconds: float) -> Iterator[CursorWrapper]:
    """A cursor whose statements may take that long each; Refused with a sentence when one takes longer."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('statement_timeout')")
            before = cursor.fetchone()[0]
            _set_timeout(cursor, f"{int(seconds * 1000)}ms")
            yield cursor
            _set_timeout(cursor, before)  # a surrounding transaction goes on with what it had
    except OperationalError as error:
        if not isinstance(error.__cause__, errors.QueryCanceled):
            raise
        raise Refused(
            "too_slow",
            f"This question takes longer than {seconds:g} seconds. Ask for fewer events or use fewer “contains” rules.",
        ) from error


def _set_timeout(cursor: CursorWrapper, value: str) -> None:
    cursor.execute("SELECT set_config('statement_timeout', %s, true)", [value])


def _count(cursor: CursorWrapper, question: Compiled) -> int:
    cursor.execute(f"SELECT count(*) FROM ({question.sql}) q", question.params)  # noqa: S608
    return int(cursor.fetchone()[0])


def _sample(cursor: CursorWrapper, question: Compiled) -> list[Contact]:
    cursor.execute(f"{question.sql} LIMIT %s", [*question.params, SAMPLE])
    found = Contact.objects.in_bulk([row[0] for row in cursor.fetchall()])
    return [found[key] for key in sorted(found)]
