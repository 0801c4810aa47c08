"""Contacts as files: CSV streamed from a server-side cursor at any size, XLSX for smaller selections."""

import csv
from collections.abc import Iterator
from tempfile import NamedTemporaryFile
from typing import IO, Any

from django.db import transaction
from django.db.models import QuerySet
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from contacts.attributes import as_text
from contacts.models import AttributeDefinition, Contact
from core.errors import Refused
from core.tabular import escape_cell

XLSX_ROWS = 100_000
FIELDS = ("external_id", "email", "phone", "first_name", "last_name", "locale", "time_zone")
BATCH = 2000


class _Line:
    """A file to the CSV writer: hands each line back instead of keeping it."""

    def write(self, line: str) -> str:
        return line


def header(definitions: list[AttributeDefinition]) -> list[str]:
    return [*FIELDS, "tags", "created_at", *(definition.key for definition in definitions)]


def _catalogue() -> list[AttributeDefinition]:
    return list(AttributeDefinition.objects.all())


def _rows(queryset: QuerySet[Contact], definitions: list[AttributeDefinition]) -> Iterator[list[object]]:
    keys = [definition.key for definition in definitions]
    columns = queryset.values_list(*FIELDS, "tags", "created_at", "attributes")
    for *fields, tags, created_at, attributes in columns.iterator(chunk_size=BATCH):
        values = (attributes.get(key) for key in keys)
        yield [*(escape_cell(value or "") for value in fields), escape_cell(", ".join(tags)),
               created_at.isoformat(), *(_cell(value) for value in values)]  # fmt: skip


def _cell(value: Any) -> object:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    return escape_cell(as_text(value))


def csv_lines(queryset: QuerySet[Contact]) -> Iterator[str]:
    """The file line by line; memory stays flat, formulas are made harmless."""
    definitions, writer = _catalogue(), csv.writer(_Line())
    yield "\ufeff" + writer.writerow([escape_cell(name) for name in header(definitions)])
    with transaction.atomic():
        for row in _rows(queryset, definitions):
            yield writer.writerow(row)


def xlsx_file(queryset: QuerySet[Contact]) -> IO[bytes]:
    """A spreadsheet of at most XLSX_ROWS contacts; raises Refused beyond, and says that CSV has no limit."""
    if queryset.order_by()[: XLSX_ROWS + 1].count() > XLSX_ROWS:
        raise Refused(
            "too_many", f"A spreadsheet takes at most {XLSX_ROWS:,} contacts. Export as CSV, or filter first."
        )
    definitions, workbook = _catalogue(), Workbook(write_only=True)
    sheet = workbook.create_sheet("Contacts")
    sheet.append([escape_cell(name) for name in header(definitions)])
    for row in _rows(queryset, definitions):
        sheet.append([_plain_cell(sheet, value) for value in row])
    file = NamedTemporaryFile(suffix=".xlsx")  # noqa: SIM115  the answer streams it and closes it
    workbook.save(file)
    file.seek(0)
    return file


def _plain_cell(sheet: Any, value: object) -> WriteOnlyCell:
    """A cell that is text when the value is text, whatever the text looks like."""
    text = (
        "".join(letter for letter in value if letter >= " " or letter in "\t\n\r") if isinstance(value, str) else value
    )
    cell = WriteOnlyCell(sheet, value=text)
    if isinstance(text, str):
        cell.data_type = "s"
    return cell
