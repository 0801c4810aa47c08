"""Members follow what people do and how they change: looked at again in small batches, for the segments concerned.

Each batch is one transaction that takes the news (news.py), asks the rules about those people, and writes the
difference with a note of who came and went. A process that dies in the middle leaves the news where they were. One
process at a time does this, whoever it is; a segment that is being refreshed has its people put aside until then.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import DataError, connection, transaction

from core import failpoints
from core.errors import Refused
from segments import difference, membership, news, rules, sizes, standing, transitions
from segments.conditions import Condition
from segments.dependencies import EVENT, EVENTS, UNNOTED
from segments.fields import Catalogue
from segments.limits import limited
from segments.models import Recheck, Segment
from segments.news import Groups

logger = logging.getLogger(__name__)
ONE_AT_A_TIME = 7_401_002  # the advisory lock of whoever follows
AT_ONCE = 200  # segments in one statement
ASK_SECONDS = 20

# One pass over the people answers for all segments, and only what differs is taken apart. The conditions are those of a
# refresh, but here `events_event` is the part of the log that is about these people, read once for all conditions.
_MATCH = """
WITH events_event AS MATERIALIZED (
    SELECT * FROM events_event WHERE contact_id = ANY(%s) AND (%s OR name = ANY(%s))
), asked AS MATERIALIZED (
    SELECT c.id, array_remove(ARRAY[{cases}]::bigint[], NULL) AS wanted
    FROM contacts_contact c WHERE c.id = ANY(%s) AND c.erased_at IS NULL
), present AS (
    SELECT contact_id AS id, array_agg(segment_id ORDER BY segment_id) AS had
    FROM segments_membership WHERE contact_id = ANY(%s) AND segment_id = ANY(%s) GROUP BY contact_id
), differing AS MATERIALIZED (
    SELECT id, coalesce(wanted, '{{}}') AS wanted, coalesce(had, '{{}}') AS had FROM asked FULL JOIN present USING (id)
    WHERE coalesce(wanted, '{{}}') <> coalesce(had, '{{}}')
), entered AS (
    INSERT INTO segments_membership (segment_id, contact_id)
    SELECT segment_id, id FROM differing, unnest(wanted) segment_id WHERE NOT segment_id = ANY(had)
    RETURNING segment_id, contact_id
), gone AS (
    DELETE FROM segments_membership m
    USING (SELECT segment_id, id FROM differing, unnest(had) segment_id WHERE NOT segment_id = ANY(wanted)) surplus
    WHERE m.segment_id = surplus.segment_id AND m.contact_id = surplus.id
    RETURNING m.segment_id, m.contact_id
)
INSERT INTO segments_transition (segment_id, is_entry, contact_ids)
SELECT segment_id, true, array_agg(contact_id) FROM entered GROUP BY segment_id
UNION ALL SELECT segment_id, false, array_agg(contact_id) FROM gone GROUP BY segment_id
RETURNING segment_id, is_entry, cardinality(contact_ids)"""


_IS_QUIET = """
SELECT NOT (
    EXISTS (SELECT FROM contacts_change) OR EXISTS (SELECT FROM segments_recheck)
    OR EXISTS (SELECT FROM segments_transition)
) AND count(*) = 2 AND bool_and(NOT EXISTS (
    SELECT FROM events_event e WHERE (e.xid, e.id) > (reader.xid::text::xid8, reader.event_id)
        AND e.xid < pg_snapshot_xmin(pg_current_snapshot())
)) FROM events_cursor reader WHERE reader.reader = ANY(%s)"""


def advance(now: datetime | None = None) -> bool:
    """One batch of each kind of news; False when there was none, or another process is at it."""
    added_up = standing.advance() > 0  # first: the totals that it changes are noted as changes of those people
    steps = [_step(source, now) for source in (news.happened, news.changed, news.postponed)]
    return any([added_up, *steps, transitions.drain()])


def is_quiet() -> bool:
    """Whether a look at all would find nothing: one question in place of twenty, for whoever looks all the time."""
    with connection.cursor() as cursor:
        cursor.execute(_IS_QUIET, [[news.READER, standing.READER]])
        return bool(cursor.fetchone()[0])


def catch_up(*, seconds: float = 60, now: datetime | None = None) -> None:
    """Batch after batch until nothing is left or the time is up."""
    ends = time.monotonic() + seconds
    while advance(now) and time.monotonic() < ends:
        pass


def _step(source: Callable[[], Groups | None], now: datetime | None) -> bool:
    with _alone() as is_ours:
        groups = source() if is_ours else None
        if groups:
            _match(groups, now)
        failpoints.reach("before_match_commit")
    return groups is not None


@contextmanager
def _alone() -> Iterator[bool]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [ONE_AT_A_TIME])
        yield cursor.fetchone()[0]


def _match(groups: Groups, now: datetime | None) -> None:
    free = _lock(frozenset().union(*groups))
    _put_aside(groups, free)
    matcher = _Matcher(free, now or membership.clock())
    for segments, contacts in groups.items():
        for ids in difference.pieces(sorted(contacts), news.BATCH):
            matcher.match(segments, ids)
    sizes.move(matcher.moved())


def _lock(segments: Iterable[int]) -> list[Segment]:
    """Those that nobody refreshes or deletes now, as they are under the lock."""
    return list(Segment.objects.filter(pk__in=membership.try_locks(segments)))


def _put_aside(groups: Groups, free: list[Segment]) -> None:
    known = {segment.pk for segment in free}
    Recheck.objects.bulk_create(
        Recheck(segment_id=pk, contact_ids=sorted(contacts))
        for segments, contacts in groups.items()
        for pk in segments - known
    )


class _Matcher:
    """The rules of the segments at hand as conditions, and how many came and went in each."""

    def __init__(self, segments: list[Segment], now: datetime) -> None:
        self.now, self.catalogue = now, Catalogue()
        self.entered: Counter[int] = Counter()
        self.left: Counter[int] = Counter()
        self.conditions: dict[int, Condition] = {}
        self.keys = {segment.pk: segment.depends_on for segment in segments}
        for segment in segments:
            if segment.stale_since is None:  # else its refresh is still to come, and will see all of this
                self._prepare(segment)

    def _prepare(self, segment: Segment) -> None:
        try:
            self.conditions[segment.pk] = rules.parse(segment.rules, self.catalogue).condition(self.now)
        except Refused as refused:
            membership.make_stale(segment.pk, refused.message)

    def match(self, segments: Iterable[int], ids: list[int]) -> None:
        for some in difference.pieces(sorted(self.conditions.keys() & set(segments)), AT_ONCE):
            self._ask(some, ids)

    def _ask(self, segments: list[int], ids: list[int]) -> None:
        """If the rules of one are too slow or can't be answered, it is found by halves and the others go on."""
        try:
            with limited(ASK_SECONDS) as cursor:
                cursor.execute(*self._statement(segments, ids))
                found = cursor.fetchall()
        except (Refused, DataError) as error:
            return self._halve(segments, ids, error)
        for segment, is_entry, count in found:
            (self.entered if is_entry else self.left)[segment] += count

    def _statement(self, segments: list[int], ids: list[int]) -> tuple[str, list[Any]]:
        asked = [self.conditions[pk] for pk in segments]
        cases = ", ".join(
            f"CASE WHEN {condition.sql} THEN {pk} END" for pk, condition in zip(segments, asked, strict=True)
        )
        params = [param for condition in asked for param in condition.params]
        return _MATCH.format(cases=cases), [ids, *self._events(segments), *params, ids, ids, segments]

    def _events(self, segments: list[int]) -> tuple[bool, list[str]]:
        """Whether they ask about events without naming them, and the names."""
        keys = {key for pk in segments for key in self.keys[pk]}
        return bool(keys & {EVENTS, UNNOTED}), [key[len(EVENT) :] for key in keys if key.startswith(EVENT)]

    def _halve(self, segments: list[int], ids: list[int], error: Exception) -> None:
        if len(segments) == 1:
            logger.warning("segment %s no longer follows changes: %s", segments[0], error)
            del self.conditions[segments[0]]
            return membership.make_stale(segments[0], str(error))
        middle = len(segments) // 2
        self._ask(segments[:middle], ids)
        self._ask(segments[middle:], ids)

    def moved(self) -> dict[int, tuple[int, int]]:
        return {pk: (self.entered[pk], self.left[pk]) for pk in sorted(self.entered.keys() | self.left.keys())}
