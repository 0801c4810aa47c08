"""All that is held about a person as one file to hand over: a ZIP with JSON for programs and a page for reading."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZipFile

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone

from contacts import holdings
from contacts.models import Contact
from team import audit, brand
from team.models import ApiKey, User

SHOWN = 100  # rows of one kind on the page; the files have all of them
CELL = 300  # letters of one value there
_encoder = DjangoJSONEncoder(ensure_ascii=False, indent=2)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of what is held, as the page shows it: its first rows under the names of their values."""

    label: str
    file: str
    count: int
    columns: list[str]
    rows: list[list[str]]

    @property
    def left_out(self) -> int:
        return self.count - len(self.rows)


def note(contact: Contact, *, by: User | None, key: ApiKey | None = None, form: str) -> None:
    """Write down that everything about the contact leaves the house; `by` is None if they take it along themselves."""
    audit.record("export.person", by=by, key=key, subject=str(contact.uuid), detail={"format": form}, count=1)


def packed(contact: Contact, *, by: User | None) -> IO[bytes]:
    """The file, open for reading and gone from the disk once it is closed; written down in the audit trail.

    Each kind is read row by row, so it may be any number of them.
    """
    note(contact, by=by, form="zip")
    file = TemporaryFile()  # noqa: SIM115  the answer streams it and closes it
    with transaction.atomic(), ZipFile(file, "w", ZIP_DEFLATED) as archive:
        row = holdings.row_of(contact)
        archive.writestr("contact.json", _json(row))
        kinds = [_written(archive, holding, rows) for holding, rows in holdings.held(contact)]
        archive.writestr("overview.html", _page(row, [kind for kind in kinds if kind.count]))
    file.seek(0)
    return file


def _written(archive: ZipFile, holding: holdings.Holding, rows: Iterable[dict[str, Any]]) -> Kind:
    """Write one kind's file, and keep its first rows."""
    name, count, first = f"{holding.key}.json", 0, list[dict[str, Any]]()
    with archive.open(name, "w", force_zip64=True) as entry:
        entry.write(b"[")
        for count, row in enumerate(rows, start=1):  # noqa: B007  how many there were
            entry.write((b",\n" if count > 1 else b"\n") + _json(row))
            if count <= SHOWN:
                first.append(row)
        entry.write(b"\n]\n")
    columns = list(dict.fromkeys(key for row in first for key in row))
    return Kind(holding.label, name, count, columns, [[_text(row.get(key)) for key in columns] for row in first])


def _json(value: Any) -> bytes:
    return b"".join(part.encode("utf-8", "replace") for part in _parts(value))


def _parts(value: Any) -> Iterator[str]:
    return _encoder.iterencode(value)


def _text(value: Any) -> str:
    """A value as people read it."""
    if value is None or value == "" or value == [] or value == {}:
        return ""
    text = value if isinstance(value, str) else _json(value).decode().strip('"')
    return text if len(text) <= CELL else f"{text[:CELL]}…"


def _page(row: dict[str, Any], kinds: list[Kind]) -> str:
    about = [(name.replace("_", " ").capitalize(), _text(value)) for name, value in row.items()]
    context = {
        "about": [(name, value) for name, value in about if value], "kinds": kinds, "made_at": timezone.now(),
        "brand": brand.current(),
    }  # fmt: skip
    return render_to_string("contacts/handed_over.html", context)
