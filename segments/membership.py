"""Who is in a segment: counting a question, and keeping members by difference."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import Case, F, Value, When
from django.db.models.functions import Now
from django.utils import timezone

from contacts.models import Contact
from core.errors import Refused
from segments import dependencies, difference, drift, explanation, progress, rules, sizes
from segments.dependencies import UNNOTED
from segments.explanation import Answer
from segments.limits import limited as limited  # those who ask about members bound their questions alike
from segments.models import Segment
from segments.rules import Compiled

COUNT_SECONDS = 10
REFRESH_SECONDS = 240
SOURCE_AGE = timedelta(minutes=1)
UNNOTED_AGE = timedelta(minutes=15)  # for rules about what nobody notes changes of
LOOK_AGAIN = timedelta(minutes=1)  # how late a rule about time may notice that it has passed
LOCK_KEY = "hashtextextended('segments.membership', %s)"


@dataclass(frozen=True)
class Change:
    """What a refresh did."""

    entered: int
    left: int
    size: int


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


def question_of(segment: Segment) -> Compiled:
    """The members that the segment should have now: those its rules find, or those it keeps and who are not erased."""
    if segment.asks_rules:
        return rules.compile(segment.rules)
    sql = (
        "SELECT c.id FROM segments_membership m JOIN contacts_contact c ON c.id = m.contact_id"
        " WHERE m.segment_id = %s AND c.erased_at IS NULL"
    )
    return Compiled(sql, (segment.pk,))


def refresh(segment: Segment, *, now: datetime | None = None) -> Change:
    """Bring the members up to date by difference and update the size on `segment`.

    What fails is kept in `refresh_failed` and raised as Refused; the members stay as they were.
    """
    return _refresh_with_sources(segment, wait=True, seen={segment.pk}, now=now)


def explain(segment: Segment, contact: Contact) -> Explanation:
    """Why the person is in or out of the segment, rule by rule; one that keeps its members only knows who they are."""
    member = segment.memberships.filter(contact=contact).first()
    entered_at = member.entered_at if member else None
    if not segment.follows_rules:
        return Explanation(member is not None, entered_at, _kept(segment, member is not None), None)
    answer = explain_rules(segment.rules, contact)
    fits = answer.holds and contact.erased_at is None
    return Explanation(fits, entered_at, _note(contact, fits, member is not None), answer)


def explain_rules(raw: Any, contact: Contact, *, now: datetime | None = None) -> Answer:
    """The same for rules that are not saved."""
    node = rules.parse(raw)
    with limited(COUNT_SECONDS) as cursor:
        return explanation.answers(cursor, node, contact, now or timezone.now())


def _kept(segment: Segment, is_member: bool) -> str:
    if segment.is_static:
        return "Put in by hand." if is_member else "Nobody put them in: this segment is chosen by hand."
    if is_member:
        return "They fitted the rules when this snapshot was taken."
    return "They did not fit the rules when this snapshot was taken, or somebody took them out since."


def _note(contact: Contact, fits: bool, is_member: bool) -> str:
    if contact.erased_at is not None:
        return "This person's data was erased, so no segment has them."
    if fits and not is_member:
        return "They fit the rules now and come in within moments."
    return "They no longer fit the rules and leave within moments." if is_member and not fits else ""


def add(segment: Segment, contacts: Iterable[Contact]) -> Change:
    """Put people into a static segment by hand."""
    _require_static(segment)
    with locked(segment):
        chosen = {contact.pk for contact in contacts if contact.erased_at is None}
        entered = difference.enter(segment.pk, sorted(chosen - difference.members_among(segment.pk, chosen)))
        return _record(segment, Change(entered, 0, segment.memberships.count()))


def remove(segment: Segment, contacts: Iterable[Contact]) -> Change:
    """Take people out of a static segment or a snapshot by hand."""
    if segment.follows_rules:
        _require_static(segment)
    with locked(segment):
        gone = difference.members_among(segment.pk, {contact.pk for contact in contacts})
        left = difference.leave(segment.pk, sorted(gone))
        return _record(segment, Change(0, left, segment.memberships.count()))


def _require_static(segment: Segment) -> None:
    if not segment.is_static:
        reason = "follows its rules. Change the rules" if segment.follows_rules else "is a snapshot. Take another"
        raise Refused("not_static", f"“{segment}” {reason}, or make a static segment to choose by hand.")


def _refresh_with_sources(segment: Segment, *, wait: bool, seen: set[int], now: datetime | None) -> Change:
    try:
        _refresh_sources(segment, seen, now)
        return _refresh(segment, wait=wait, now=now)
    except Refused as refused:
        segment.refresh_failed = refused.message
        Segment.objects.filter(pk=segment.pk).update(refresh_failed=refused.message, tried_at=timezone.now())
        raise


def _refresh_sources(segment: Segment, seen: set[int], now: datetime | None) -> None:
    """Segments that the rules ask about come first, unless they are fresh or another process is at them.

    `seen` ends the walk even where two edits at the same moment closed a circle.
    """
    asked = rules.sources(segment.rules) if segment.asks_rules else set()
    for source in Segment.objects.filter(uuid__in=asked).exclude(pk__in=seen):
        seen.add(source.pk)
        if source.refreshed_at is not None and source.refreshed_at > timezone.now() - SOURCE_AGE:
            continue
        try:
            _refresh_with_sources(source, wait=False, seen=seen, now=now)
        except Refused as refused:
            raise Refused("source_failed", f"It asks about the segment “{source}”. {refused.message}") from refused


def _refresh(segment: Segment, *, wait: bool, now: datetime | None) -> Change:
    with held(segment, wait=wait) as is_ours:
        if not is_ours:
            return Change(0, 0, segment.size)
        began = clock()
        segment.refresh_from_db(fields=["kind", "rules", "followed_until", "refreshed_at"])
        if not segment.follows_rules:
            return _record(segment, _apply(segment, question_of(segment)))
        return _refresh_by_rules(segment, began, now or began)


def _refresh_by_rules(segment: Segment, began: datetime, now: datetime) -> Change:
    node, is_first = rules.parse(segment.rules), segment.followed_until is None
    keys = dependencies.keys(node, now)
    follows_anew = _depend(segment, keys)
    change = _apply(segment, rules.select(node.condition(now)), quietly=is_first)
    _record(segment, change)
    due_at = now + UNNOTED_AGE if UNNOTED in keys else None if drift.is_timeless(node, now) else now + LOOK_AGAIN
    # Whoever followed changes meanwhile could not know what it depends on before this transaction ends: once more.
    is_hidden = follows_anew and connection.in_atomic_block
    still = Value(None) if not is_hidden else F("stale_since")
    segment.followed_until, segment.due_at = now, due_at
    Segment.objects.filter(pk=segment.pk).update(
        followed_until=now,
        due_at=due_at,
        stale_since=Case(When(stale_since__gt=began, then="stale_since"), default=still),
    )
    if is_first:
        _forget_answers_about(segment)
    return change


def _depend(segment: Segment, keys: set[str]) -> bool:
    """Committed before the question is asked, so that no change falls between the two; True if it was news."""
    return bool(Segment.objects.filter(pk=segment.pk).exclude(depends_on=sorted(keys)).update(depends_on=sorted(keys)))


def _forget_answers_about(segment: Segment) -> None:
    """Its first members are no news for the log, but whoever asked about it before it had any must ask again."""
    key = dependencies.segment_key(segment.pk)
    Segment.objects.filter(depends_on__contains=[key]).update(stale_since=Now())


def _apply(segment: Segment, question: Compiled, *, quietly: bool = False) -> Change:
    count = progress.Count(segment.pk)
    try:
        with limited(REFRESH_SECONDS) as cursor:
            found = difference.find(cursor, segment.pk, question)
        count.expect(len(found.entering) + len(found.leaving))
        entered = difference.enter(segment.pk, found.entering, quietly=quietly, tell=count.add)
        return Change(entered, difference.leave(segment.pk, found.leaving, tell=count.add), found.size)
    finally:
        count.end()


def _record(segment: Segment, change: Change) -> Change:
    now = timezone.now()
    segment.size, segment.refreshed_at, segment.tried_at, segment.refresh_failed = change.size, now, now, ""
    Segment.objects.filter(pk=segment.pk).update(size=change.size, refreshed_at=now, tried_at=now, refresh_failed="")
    sizes.note(segment.pk, entered=change.entered, left=change.left)
    return change


def clock() -> datetime:
    """The database's, which all processes on all machines share."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment


@contextmanager
def locked(segment: Segment, *, wait: bool = True) -> Iterator[bool]:
    """One at a time changes a segment's members, or deletes it. Held to the end of the transaction.

    An advisory lock, not a row lock: people can edit the segment's name while a long refresh runs.
    """
    with transaction.atomic():
        yield _lock(segment, "pg_advisory_xact_lock" if wait else "pg_try_advisory_xact_lock")


@contextmanager
def held(segment: Segment, *, wait: bool = True) -> Iterator[bool]:
    """The same lock over several transactions, for work that commits piece by piece."""
    if connection.in_atomic_block:
        with locked(segment, wait=wait) as is_ours:
            yield is_ours
        return
    is_ours = _lock(segment, "pg_advisory_lock" if wait else "pg_try_advisory_lock")
    try:
        yield is_ours
    finally:
        if is_ours:
            _lock(segment, "pg_advisory_unlock")


def try_locks(segment_ids: Iterable[int]) -> list[int]:
    """Lock as many of these as nobody holds, to the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM unnest(%s::bigint[]) id"
            " WHERE pg_try_advisory_xact_lock(hashtextextended('segments.membership', id))",
            [sorted(segment_ids)],
        )
        return [pk for (pk,) in cursor.fetchall()]


def make_stale(segment_id: int, because: str = "") -> None:
    """It needs a refresh; until then it follows no changes."""
    Segment.objects.filter(pk=segment_id).update(stale_since=Now(), **({"refresh_failed": because} if because else {}))


def _lock(segment: Segment, function: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}({LOCK_KEY})", [segment.pk])  # noqa: S608
        return cursor.fetchone()[0] is not False


def _count(cursor: CursorWrapper, question: Compiled) -> int:
    cursor.execute(f"SELECT count(*) FROM ({question.sql}) q", question.params)  # noqa: S608
    return int(cursor.fetchone()[0])
