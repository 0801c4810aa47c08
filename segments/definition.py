"""Making, changing and deleting segments: their rules are checked, circles are refused, what is in use stays."""

import logging
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone

from core.errors import Refused
from segments import membership, rules, tasks, uses
from segments.membership import Change
from segments.models import Segment
from segments.rules import Problem, RuleError
from segments.uses import Uses
from team.models import User

logger = logging.getLogger(__name__)
WRITTEN = (
    "kind", "name", "description", "rules", "size", "refreshed_at", "tried_at", "refresh_failed", "stale_since",
    "updated_at",
)  # fmt: skip
AT_ONCE = 20_000  # members that a request still writes itself, in about a second; more is a task's work


def create(*, name: str, rules: Any = None, kind: str = "dynamic", description: str = "", by: User | None) -> Segment:
    """A new segment with its size known; RuleError for rules that can't be used."""
    segment = Segment(name=name, kind=kind, description=description, created_by=by)
    return _settle(segment, rules)


def change(segment: Segment, *, name: str, rules: Any = None, description: str = "") -> Segment:
    """Give it another name, description or rules; its members follow. A snapshot keeps its rules and its members."""
    segment.name, segment.description = name, description
    if not segment.follows_rules or rules == segment.rules:
        segment.full_clean(exclude=["rules"])
        segment.save(update_fields=["name", "description", "updated_at"])  # the size may have been refreshed meanwhile
        return segment
    return _settle(segment, rules)


def snapshot(segment: Segment, *, name: str, by: User | None) -> Segment:
    """A segment of those who are members now, whoever comes and goes later."""
    asked = {"field": "segment", "operator": "in", "value": str(segment.uuid)}
    described = f"Who was in “{segment}” when this was taken."
    return create(name=name, rules=asked, kind=Segment.Kind.SNAPSHOT, description=described, by=by)


def refresh(segment: Segment) -> Change | None:
    """Bring the members up to date: at once if they are few, else by a task; None then.

    A request must not wait for the minutes that half a million people may take, nor its answer get lost on the way.
    """
    if _is_quick(segment):
        return membership.refresh(segment)
    if segment.asks_rules:
        membership.make_stale(segment.pk)  # the row says what there is to do, should the broker forget it
    transaction.on_commit(partial(tasks.refresh.delay, segment.pk), robust=True)
    return None


def delete(segment: Segment) -> None:
    """Refused while a campaign or another segment needs it."""
    with membership.locked(segment):
        users = uses.of(segment)
        if users.count:
            raise Refused("in_use", f"“{segment}” is used by {_listed(users)}. Take it out there first.")
        segment.delete()


def check_circle(segment: Segment, raw: Any) -> None:
    """Refuse rules that ask, over however many other segments, about the segment itself."""
    asks = {str(other.uuid): rules.sources(other.rules) for other in Segment.objects.only("uuid", "rules")}
    waiting, seen = list(rules.sources(raw)), set()
    while waiting:
        uuid = waiting.pop()
        if uuid == str(segment.uuid):
            raise RuleError([Problem("", f"The rules go round in a circle: they ask about “{segment}” itself.")])
        if uuid not in seen:
            seen.add(uuid)
            waiting.extend(asks.get(uuid, ()))


def _settle(segment: Segment, raw: Any) -> Segment:
    """Save it; a small change of members is made at once, a large one by a task, with the size counted here."""
    if segment.is_static:
        raw = {}
    else:
        check_circle(segment, raw)
        segment.size = _size_of(raw)
    segment.rules, segment.refresh_failed = raw, ""
    segment.refreshed_at = segment.tried_at = None
    segment.stale_since = timezone.now()
    segment.full_clean(exclude=["rules"])
    segment.save(update_fields=WRITTEN if segment.pk else None)
    if segment.size + segment.memberships.count() <= AT_ONCE:
        _refresh(segment)
    else:
        # robust: a broker that is away must not undo the save; the periodic task finds the segment as well
        transaction.on_commit(partial(tasks.refresh.delay, segment.pk), robust=True)
    return segment


def _is_quick(segment: Segment) -> bool:
    """Whether it and those that it asks about are small, before and after."""
    asked = rules.sources(segment.rules) if segment.asks_rules else set()
    sizes = Segment.objects.filter(uuid__in=asked).values_list("size", flat=True)
    if max([segment.size, *sizes]) > AT_ONCE:
        return False
    return not segment.asks_rules or _size_of(segment.rules) <= AT_ONCE


def _refresh(segment: Segment) -> None:
    """After the save was committed: those who follow changes meanwhile must know the segment."""
    try:
        membership.refresh(segment)
    except Refused as refused:
        # it is saved, says what is wrong, and is tried again
        logger.warning("segment %s was saved but not refreshed: %s", segment.uuid, refused.message)


def _size_of(raw: Any) -> int:
    """A question too slow to wait for is left to the task, as if everyone could answer to it."""
    try:
        return membership.count(raw)
    except Refused as refused:
        if refused.code != "too_slow":
            raise
        return AT_ONCE + 1


def _listed(users: Uses) -> str:
    more = f" and {users.count - 5} more" if users.count > 5 else ""
    return ", ".join(users.first[:5]) + more
