"""What rules would find, within a moment, while somebody still writes them: how many of how many, and a few of them.

Counted where that is quick enough, else told from a sample (estimate.py).
"""

import hashlib
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from django.core.cache import cache
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from contacts.models import Contact
from core.errors import Refused
from segments import estimate, rules
from segments.limits import limited
from segments.rules import Compiled, Line
from segments.tree import Node
from team.models import User

SECONDS = 10
QUICK_SECONDS = 0.25
SLOW_FOR = 60  # seconds: a question of a kind that was too slow so lately is not counted first again
SAMPLE = 5
BASE_AGE = 60  # seconds: the base of a share may be a minute old


@dataclass(frozen=True)
class Preview:
    """`between` is the least and the most that the size may be, where it was not counted."""

    size: int
    base: int
    sample: list[Contact]
    words: Line
    between: tuple[int, int] | None = None

    @property
    def is_estimate(self) -> bool:
        return self.between is not None

    @property
    def percent(self) -> float:
        return 100 * self.size / self.base if self.base else 0.0

    @property
    def warning(self) -> str:
        if not self.base or self.is_estimate:
            return ""
        if self.size == 0:
            return "Nobody fits these rules."
        return "Everyone fits these rules." if self.size == self.base else ""


def of(raw: object, *, by: User | None = None, is_quick: bool = False) -> Preview:
    """What the rules find now, counted if that is possible in SECONDS, or if `is_quick` in a moment; else estimated.

    Refused if they are wrong, if even that is too slow, or if the same person asked something newer.
    """
    node = rules.parse(raw)
    question = rules.select(node.condition(timezone.now()))
    kind = f"segments.slow.{hashlib.blake2b(question.sql.encode(), digest_size=16).hexdigest()}"
    if is_quick and cache.get(kind):
        return _estimated(node, by)
    try:
        return _counted(node, question, by, QUICK_SECONDS if is_quick else SECONDS)
    except Refused as refused:
        if refused.code != "too_slow":
            raise
        cache.set(kind, 1, SLOW_FOR)
        return _estimated(node, by)


def _counted(node: Node, question: Compiled, by: User | None, seconds: float) -> Preview:
    with _asking(by, seconds) as cursor:
        size, some = _size_and_some(cursor, question)
        base = max(_base(cursor), size)
        return Preview(size, base, _people(some), rules.in_words(node))


def _estimated(node: Node, by: User | None) -> Preview:
    with _asking(by, SECONDS) as cursor:
        base = _base(cursor)
        found = estimate.of(cursor, node, timezone.now(), base=base, some=SAMPLE)
        size, between = min(found.size, base), (found.low, min(found.high, base))
        return Preview(size, base, _people(found.some), rules.in_words(node), between)


def _asking(by: User | None, seconds: float) -> AbstractContextManager[CursorWrapper]:
    return _newest_of(by, seconds) if by else limited(seconds)


@contextmanager
def _newest_of(person: User, seconds: float) -> Iterator[CursorWrapper]:
    """One question of a person runs at a time: the newest cancels an older one, whose answer nobody waits for.

    Questions are found by their connection's name, which holds to the end of the transaction.
    """
    name, began = f"carillon preview {person.pk}", time.monotonic()
    try:
        with limited(seconds) as cursor:
            cursor.execute(
                "SELECT pg_cancel_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = %s AND state = 'active' AND pid <> pg_backend_pid()",
                [name],
            )
            cursor.execute("SELECT set_config('application_name', %s, true)", [name])
            yield cursor
    except Refused as refused:
        if refused.code == "too_slow" and time.monotonic() - began < seconds:
            raise Refused("replaced", "You asked something newer in the meantime.") from refused
        raise


def _size_and_some(cursor: CursorWrapper, question: Compiled) -> tuple[int, list[int]]:
    """Both in one pass: a second one for the sample took half as long again where events are counted.

    Only every eighth id is noted for the sample, which costs nothing beside the count; few people are asked for again.
    """
    cursor.execute(
        f"SELECT count(*), (array_agg(id) FILTER (WHERE mod(id, 8) = 0))[1:%s] FROM ({question.sql}) q",  # noqa: S608
        [SAMPLE, *question.params],
    )
    size, some = cursor.fetchone()
    if size and len(some or ()) < min(SAMPLE, size):
        cursor.execute(f"{question.sql} LIMIT %s", [*question.params, SAMPLE])
        some = [pk for (pk,) in cursor.fetchall()]
    return size, some or []


def _base(cursor: CursorWrapper) -> int:
    """Everyone there is, counted anew when somebody came or a minute went by."""
    cursor.execute("SELECT coalesce(max(id), 0) FROM contacts_contact")
    key = f"segments.base.{cursor.fetchone()[0]}"
    known = cache.get(key)
    if known is None:
        known, _ = _size_and_some(cursor, rules.compile(rules.EVERYONE))
        cache.set(key, known, BASE_AGE)
    return int(known)


def _people(ids: list[int]) -> list[Contact]:
    found = Contact.objects.in_bulk(ids)
    return [found[key] for key in sorted(found)]
