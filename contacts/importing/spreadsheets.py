"""Reading XLSX files row by row, after the archive has been judged safe to open."""

import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any
from zipfile import BadZipFile

from defusedxml.common import DefusedXmlException
from django.core.files.base import File
from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from contacts.importing.files import COLUMNS, ROWS, BadFile, opened

ENTRIES = 2000
UNPACKED_BYTES = 600 * 1024**2
ENTRY_RATIO = 150  # a sheet of equal rows packs about 40 times
SHARED_TEXT_BYTES = 40 * 1024**2  # openpyxl holds shared texts in memory, at about three times their size
EMPTY_ROWS = 10_000
_HEAD = 4096
# What openpyxl answers to parts that are missing, cut off or hold nonsense; it has no error class of its own for them.
_UNREADABLE = (
    DefusedXmlException, BadZipFile, InvalidFileException, LookupError, SyntaxError, TypeError, ValueError,
    ArithmeticError, OSError,
)  # fmt: skip


def xlsx_rows(file: File) -> Iterator[list[str]]:
    """Every row of the first sheet as text, the header first; raises BadFile for bombs and damaged files."""
    with opened(file) as stream:
        _inspect(stream, file.size)
        stream.seek(0)
        try:
            workbook = load_workbook(stream, read_only=True, data_only=True, keep_links=False)
            try:
                yield from _rows(workbook.worksheets[0])
            finally:
                workbook.close()
        except BadFile:
            raise
        except _UNREADABLE as error:
            raise BadFile("The spreadsheet is damaged or not an XLSX file. Save it again, or as CSV.") from error


def _inspect(stream: Any, size: int) -> None:
    """Refuse archives that would unpack to far more than a table; reads the directory, not the contents."""
    try:
        with zipfile.ZipFile(stream) as archive:
            entries = archive.infolist()
            if len(entries) > ENTRIES or sum(entry.file_size for entry in entries) > UNPACKED_BYTES:
                raise BadFile("The spreadsheet unpacks to more than we read. Save it as CSV and upload that.")
            for entry in entries:
                _inspect_entry(archive, entry)
    except (BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise BadFile("The spreadsheet is damaged or protected by a password. Save it again, or as CSV.") from error


def _inspect_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    if entry.file_size > 1024**2 and entry.file_size > entry.compress_size * ENTRY_RATIO:
        raise BadFile("The spreadsheet is packed far tighter than a table would be. Save it as CSV and upload that.")
    if entry.filename.lower().endswith("sharedstrings.xml") and entry.file_size > SHARED_TEXT_BYTES:
        raise BadFile("The spreadsheet holds too much text to be read safely. Save it as CSV and upload that.")
    if entry.filename.lower().endswith((".xml", ".rels")):
        with archive.open(entry) as content:
            if b"<!DOCTYPE" in content.read(_HEAD).upper().replace(b"\x00", b""):
                raise BadFile("The spreadsheet declares XML entities, which no real one does. It was not opened.")


def _rows(sheet: Any) -> Iterator[list[str]]:
    if (sheet.max_column or 0) > COLUMNS:
        raise BadFile(f"The sheet has more than {COLUMNS} columns. Remove those that are not needed.")
    empty = 0
    for count, cells in enumerate(sheet.iter_rows(values_only=True)):
        if count > ROWS:
            raise BadFile(f"The sheet has more than {ROWS:,} rows. Split it into parts.")
        if len(cells) > COLUMNS:
            raise BadFile(f"Row {count + 1:,} has more than {COLUMNS} columns. Remove those that are not needed.")
        row = [as_text(cell) for cell in cells]
        if any(row):
            yield from ([""] * len(row) for _ in range(empty))
            empty = 0
            yield row
        elif (empty := empty + 1) > EMPTY_ROWS:
            return  # formatted but empty rows down to the sheet's end


def as_text(cell: object) -> str:
    """A cell as the person sees it, near enough to be read again: 5.0 as 5, a midnight as its day."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(sep=" ")
    if isinstance(cell, date | time):
        return cell.isoformat()
    return str(cell).replace("\x00", "")
