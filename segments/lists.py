"""People from a file, put into a static segment: whoever is known by an address or id in it. Nobody is made anew."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, islice

from django.core.files.base import File

from contacts import naming
from contacts.importing import files, spreadsheets
from contacts.importing.files import BadFile
from contacts.models import Contact
from core.errors import Refused
from segments import membership
from segments.models import Segment

ROWS = 200_000
BYTES = 20 * 1024**2
AT_ONCE = 5_000
LOOKED_AT = 200  # rows that show which column names people
SHOWN = 20


@dataclass
class Outcome:
    """What became of a list: how many it names, how many of them came in, and who in it is nobody we know."""

    known: int = 0
    added: int = 0
    unknown: int = 0
    first_unknown: list[str] = field(default_factory=list)


def fill(segment: Segment, file: File, *, only_check: bool = False) -> Outcome:
    """Put in everyone whom the file names; Refused, before anybody came in, for a file that can't be read."""
    names, outcome, seen = _names(file), Outcome(), set[int]()
    for start in range(0, len(names), AT_ONCE):
        found = naming.people(names[start : start + AT_ONCE])
        people = {contact.pk: contact for contact in found.values() if contact is not None}
        new = [contact for pk, contact in people.items() if pk not in seen]
        seen |= people.keys()
        outcome.added += _add(segment, new, only_check)
        _note(outcome, [name for name, contact in found.items() if contact is None])
    outcome.known = len(seen)
    return outcome


def _add(segment: Segment, people: list[Contact], only_check: bool) -> int:
    if not only_check:
        return membership.add(segment, people).entered
    living = [contact.pk for contact in people if contact.erased_at is None]
    return len(living) - segment.memberships.filter(contact__in=living).count()


def _note(outcome: Outcome, unknown: list[str]) -> None:
    outcome.unknown += len(unknown)
    outcome.first_unknown += unknown[: SHOWN - len(outcome.first_unknown)]


def _names(file: File) -> list[str]:
    """The cells of the column that names most people, each once; a heading names nobody."""
    if file.size > BYTES:
        raise Refused("too_large", f"A list has at most {BYTES // 1024**2} MB. Import it with a tag instead.")
    try:
        rows = _rows(file)
        first = list(islice(rows, LOOKED_AT))
        column = _column(first)
        cells = [row[column].strip() for row in chain(first, islice(rows, ROWS)) if column < len(row)]
    except BadFile as error:
        raise Refused("bad_file", str(error)) from error
    if len(cells) > ROWS:
        raise Refused("too_long", f"A list has at most {ROWS:,} rows. Import it with a tag instead.")
    if cells and naming.person(cells[0]) is None:
        del cells[0]
    return list(dict.fromkeys(cell for cell in cells if cell))


def _rows(file: File) -> Iterator[list[str]]:
    dialect = files.detect(file)
    if dialect.format == "xlsx":
        return spreadsheets.xlsx_rows(file)
    files.verify_bytes(file, dialect)
    return files.csv_rows(file, dialect)


def _column(rows: list[list[str]]) -> int:
    width = max(map(len, rows), default=0)
    cells = [[row[column] for row in rows if column < len(row)] for column in range(width)]
    known = [sum(contact is not None for contact in naming.people(column).values()) for column in cells]
    if not any(known):
        raise Refused("nobody_known", "The list names nobody we know by email address, id or external id.")
    return known.index(max(known))
