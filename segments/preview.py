"""What rules would find, within a moment, while somebody still writes them: how many of how many, and a few of them."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.core.cache import cache
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from contacts.models import Contact
from core.errors import Refused
from segments import rules
from segments.limits import limited
from segments.rules import Compiled, Line
from team.models import User

SECONDS = 10
SAMPLE = 5
BASE_AGE = 60  # seconds: the base of a share may be a minute old


@dataclass(frozen=True)
class Preview:
    size: int
    base: int
    sample: list[Contact]
    words: Line

    @property
    def percent(self) -> float:
        return 100 * self.size / self.base if self.base else 0.0

    @property
    def warning(self) -> str:
        if self.base and self.size == 0:
            return "Nobody fits these rules."
        return "Everyone fits these rules." if self.base and self.size == self.base else ""


def of(raw: object, *, by: User | None = None) -> Preview:
    """What the rules find now; Refused if they are wrong or too slow, or if the same person asked something newer."""
    node = rules.parse(raw)
    question = rules.select(node.condition(timezone.now()))
    with _newest_of(by) if by else limited(SECONDS) as cursor:
        size, some = _size_and_some(cursor, question)
        base = max(_base(cursor), size)
        return Preview(size, base, _people(some), rules.in_words(node))


@contextmanager
def _newest_of(person: User) -> Iterator[CursorWrapper]:
    """One question of a person runs at a time: the newest cancels an older one, whose answer nobody waits for.

    Questions are found by their connection's name, which holds to the end of the transaction.
    """
    name, began = f"carillon preview {person.pk}", time.monotonic()
    try:
        with limited(SECONDS) as cursor:
            cursor.execute(
                "SELECT pg_cancel_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = %s AND state = 'active' AND pid <> pg_backend_pid()",
                [name],
            )
            cursor.execute("SELECT set_config('application_name', %s, true)", [name])
            yield cursor
    except Refused as refused:
        if refused.code == "too_slow" and time.monotonic() - began < SECONDS:
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
