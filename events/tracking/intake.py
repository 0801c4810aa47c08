"""Taking checked calls: seen ones left out, people and companies kept, the log written, all in one transaction."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import DataError, IntegrityError, OperationalError, connection, transaction
from psycopg.errors import DeadlockDetected

from events.models import Source
from events.tracking import companies, deduplication, people
from events.tracking.calls import Call, Refusal
from events.tracking.people import People, Raced

logger = logging.getLogger(__name__)
ATTEMPTS = 5
_COPY = (
    "COPY events_event (name, contact_id, anonymous_id, source_id, occurred_at, label, label_reason, properties)"
    " FROM STDIN"
)
NULL = r"\N"
_ESCAPED = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
# Between the values of JSON a line's end is as good as a space, and within them it is written as an escape.
_SPACES = bytes.maketrans(b"\t\n\r", b"   ")


@dataclass(slots=True)
class Taken:
    """What became of calls, by id(): not new; could not be stored after all; taken, with something left out."""

    duplicates: set[int] = field(default_factory=set)
    refused: dict[int, Refusal] = field(default_factory=dict)
    notes: dict[int, list[str]] = field(default_factory=dict)

    def add(self, other: "Taken") -> None:
        self.duplicates |= other.duplicates
        self.refused |= other.refused
        self.notes |= other.notes


def take(source: Source, calls: Sequence[Call]) -> Taken:
    """Take all of `calls`, each once.

    What the database can't hold is refused by itself: its batch is halved until it stands alone.
    """
    try:
        return _take_patiently(source, calls)
    except DataError as error:
        if len(calls) == 1:
            logger.info("A tracked message could not be stored: %s", error)
            return Taken(refused={id(calls[0]): Refusal("not_storable", "The message holds what can't be stored.")})
    half = len(calls) // 2
    taken = take(source, calls[:half])
    taken.add(take(source, calls[half:]))
    return taken


def take_all(source: Source, calls: Sequence[Call]) -> Taken:
    """As `take`, but all or nothing: if one is refused, none is kept."""
    with transaction.atomic():
        taken = take(source, calls)
        if taken.refused:
            transaction.set_rollback(True)
    return taken


def _take_patiently(source: Source, calls: Sequence[Call]) -> Taken:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with transaction.atomic():
                return _take_hopefully(source, calls) if attempt == 1 else _take(source, calls)
        except (Raced, IntegrityError):
            # a message was seen before, or somebody made one of these people between our look and our insert
            if attempt == ATTEMPTS:
                raise
        except OperationalError as error:
            if attempt == ATTEMPTS or not isinstance(error.__cause__, DeadlockDetected):
                raise
    raise AssertionError("unreachable")


def _take_hopefully(source: Source, calls: Sequence[Call]) -> Taken:
    deduplication.note_all(calls)
    return Taken(notes=_store(source, calls))


def _take(source: Source, calls: Sequence[Call]) -> Taken:
    fresh = deduplication.first_seen(calls)
    duplicates = {id(call) for call in calls} - {id(call) for call in fresh} if len(fresh) < len(calls) else set()
    return Taken(duplicates, notes=_store(source, fresh) if fresh else {})


def _store(source: Source, calls: Sequence[Call]) -> dict[int, list[str]]:
    found = people.resolve(source, calls)
    groups = [(call.group_id, call.traits, found.id_of(call)) for call in calls if call.group_id]
    if groups:
        companies.keep(groups)
    _write([call for call in calls if call.name], found, source)
    return found.notes


def _write(calls: Sequence[Call], found: People, source: Source) -> None:
    if calls:
        with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(_COPY) as copy:
            copy.write(b"".join([_line(call, found.id_of(call), source.pk) for call in calls]))


def _line(call: Call, contact: int | None, source: int) -> bytes:
    """One row in COPY's text format, by hand: half the time of handing psycopg the values."""
    label, reason = call.label
    visitor = NULL if call.anonymous_id is None else _escaped(call.anonymous_id)
    columns = (
        f"{_escaped(call.name)}\t{contact or NULL}\t{visitor}\t{source}\t{call.occurred_at.isoformat()}"
        f"\t{label}\t{reason}\t"
    )
    return columns.encode() + call.properties.replace(b"\\", b"\\\\").translate(_SPACES) + b"\n"


def _escaped(text: str) -> str:
    return text.translate(_ESCAPED) if "\\" in text or not text.isprintable() else text
