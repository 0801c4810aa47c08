"""Everything that happened with one person, in one order: kinds of entries, page by page.

Each app registers its kinds here, as it does what it holds:

    @kinds.register
    class Messages(Kind):
        key = "message"
        label = "Messages"
        icon = "mail"
        place = 1
        moment = "sent_at"
        def rows(self, people): return Message.objects.filter(contact__in=people)
        def entry(self, row): return self.says(row, row.sent_at, "Sent")
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from heapq import merge
from itertools import islice
from typing import Any

from django.db.models import Model, Q, QuerySet

from contacts import identity
from contacts.models import Contact
from core.registry import Registry

SIZE = 50
COUNT_UP_TO = 1_000
_LAST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened. `url` leads to what it is about in the console; `data` is for programs."""

    at: datetime
    kind: str
    id: int
    name: str
    title: str
    detail: str = ""
    tone: str = ""
    url: str = ""
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def position(self) -> "Position":
        return Position(self.at, self.kind, self.id)

    @property
    def icon(self) -> str:
        return kinds[self.kind].icon


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place between two entries of one timeline; its order is theirs, oldest first."""

    at: datetime
    kind: str
    id: int

    def __str__(self) -> str:
        return f"{self.at.isoformat()}~{self.kind}~{self.id}"

    @classmethod
    def read(cls, text: str) -> "Position":
        """The position that a page gave as `next`; ValueError for anything else."""
        at, kind, number = text.split("~")
        if kind not in kinds or not number.isdecimal() or len(number) > len(str(_LAST_ID)):
            raise ValueError(f"There is no place {text!r} in a timeline.")
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None:
            raise ValueError(f"The moment of {text!r} has no time zone.")
        return cls(moment, kind, int(number))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which part of a timeline: kinds (all if none is named), a span of time, events of one name, below a position."""

    kinds: Collection[str] = ()
    since: datetime | None = None
    until: datetime | None = None
    name: str = ""
    before: Position | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Entries, newest first, and where the next page begins."""

    entries: list[Entry]
    next: Position | None


class Kind:
    """One kind of entries: rows of one table that have a moment and a number.

    `moment` and `number` name a field or an annotation of `rows`. `has_names` says that entries can be asked for by
    `name`, as events can. `place` orders them for people. Kinds of one `group` are one for people: shown under the
    name of the first, asked for together.
    """

    key: str
    label: str
    icon: str
    place: int
    group: str = ""
    moment: str
    number: str = "id"
    has_names: bool = False

    def rows(self, people: list[int]) -> QuerySet[Any]:
        """All rows of these contacts, in any order."""
        raise NotImplementedError

    def entries(self, rows: list[Any]) -> Iterable[Entry]:
        """What a page's rows say, one entry for each and in their order; look up what they need at once."""
        return map(self.entry, rows)

    def entry(self, row: Any) -> Entry:
        raise NotImplementedError

    def says(self, row: Any, name: str, title: str, **more: Any) -> Entry:
        """An entry for this row."""
        return Entry(getattr(row, self.moment), self.key, getattr(row, self.number), name, title, **more)


kinds: Registry[Kind] = Registry("kind of timeline entry")


def page(contact: Contact, wanted: Wanted, *, size: int = SIZE) -> Page:
    """The newest entries of what is wanted, those of contacts merged into this one included."""
    people = identity.keys(contact)
    parts = [_newest(kind, people, wanted, size + 1) for kind in _asked(wanted)]
    found = list(islice(merge(*parts, key=lambda entry: entry.position, reverse=True), size + 1))
    return Page(found[:size], found[size - 1].position if len(found) > size else None)


def groups() -> dict[str, str]:
    """What can be asked for, with its name for people."""
    in_order = sorted(kinds.items(), key=lambda item: item[1].place)
    return {key: kind.label for key, kind in in_order if not kind.group}


def counts(contact: Contact) -> dict[str, int]:
    """How many entries of each group there are; each kind is counted up to COUNT_UP_TO + 1."""
    people, found = identity.keys(contact), dict.fromkeys(groups(), 0)
    for key, kind in kinds.items():
        found[kind.group or key] += _count(kind.rows(people))
    return found


def names(contact: Contact) -> list[str]:
    """What the newest events of the contact are called."""
    people, found = identity.keys(contact), set[str]()
    for kind in kinds.values():
        if kind.has_names:
            newest = kind.rows(people).order_by(f"-{kind.moment}")
            found |= set(newest.values_list("name", flat=True)[:COUNT_UP_TO])
    return sorted(found)


def _count(rows: QuerySet[Model]) -> int:
    return int(rows.order_by()[: COUNT_UP_TO + 1].count())


def _asked(wanted: Wanted) -> list[Kind]:
    asked = [kind for key, kind in kinds.items() if not wanted.kinds or (kind.group or key) in wanted.kinds]
    return [kind for kind in asked if kind.has_names] if wanted.name else asked


def _newest(kind: Kind, people: list[int], wanted: Wanted, limit: int) -> list[Entry]:
    rows = kind.rows(people).filter(_within(kind, wanted))
    if wanted.name:
        rows = rows.filter(name=wanted.name)
    return list(kind.entries(list(rows.order_by(f"-{kind.moment}", f"-{kind.number}")[:limit])))


def _within(kind: Kind, wanted: Wanted) -> Q:
    """In the span of time, and below the position in the order that all kinds share."""
    inside = Q()
    if wanted.since is not None:
        inside &= Q((f"{kind.moment}__gte", wanted.since))
    if wanted.until is not None:
        inside &= Q((f"{kind.moment}__lt", wanted.until))
    if (place := wanted.before) is None:
        return inside
    if kind.key < place.kind:
        return inside & Q((f"{kind.moment}__lte", place.at))
    if kind.key > place.kind:
        return inside & Q((f"{kind.moment}__lt", place.at))
    earlier = Q((f"{kind.moment}__lt", place.at)) | Q((f"{kind.number}__lt", place.id))
    return inside & Q((f"{kind.moment}__lte", place.at)) & earlier  # the first half is what an index answers
