"""Reading uploaded files: gzip, encoding, delimiter and rows, with caps that are checked before anything is parsed."""

import codecs
import csv
import gzip
import hashlib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from typing import IO, Any, cast

from django.core.files.base import File

FILE_BYTES = 500 * 1024**2
UNPACKED_BYTES = 1024**3
PACKING_RATIO = 200  # CSV text packs 3 to 20 times; a bomb packs 1000 times
ROWS = 5_000_000
COLUMNS = 500
FIELD_CHARACTERS = 100_000
PEEK_BYTES = 256 * 1024
BLOCK = 1024**2
DELIMITERS = {",": "Comma", ";": "Semicolon", "\t": "Tab", "|": "Vertical bar"}
ENCODINGS = {
    "utf-8": "UTF-8", "utf-8-sig": "UTF-8 with a byte order mark", "utf-16": "UTF-16",
    "cp1252": "Windows-1252 (Western European)",
}  # fmt: skip


class BadFile(ValueError):
    """The file cannot be read as a table; the message is a sentence that says where and what to do."""


@dataclass(frozen=True)
class Dialect:
    """How the file is to be read. `is_packed` is gzip around a CSV; without a header its first row is one of them."""

    format: str = "csv"
    encoding: str = "utf-8"
    delimiter: str = ","
    is_packed: bool = False
    has_header: bool = True

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def sha256(file: File) -> str:
    digest = hashlib.sha256()
    with opened(file) as stream:
        while block := stream.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def opened(file: File) -> Iterator[IO[bytes]]:
    """The file's bytes from its start, on a handle of its own."""
    stream = cast(IO[bytes], file.storage.open(file.name, "rb") if hasattr(file, "storage") else file)
    stream.seek(0)
    try:
        yield stream
    finally:
        if stream is not file:
            stream.close()


def blocks(file: File, dialect: Dialect) -> Iterator[bytes]:
    """The file's bytes, unpacked, in blocks of at most BLOCK; raises BadFile when a cap is reached."""
    with opened(file) as stream:
        if not dialect.is_packed:
            while block := stream.read(BLOCK):
                yield block
            return
        yield from _unpacked(stream, file.size)


def _unpacked(stream: IO[bytes], packed_size: int) -> Iterator[bytes]:
    total, cap = 0, min(UNPACKED_BYTES, max(packed_size, 4096) * PACKING_RATIO)
    try:
        with gzip.open(stream) as unpacked:
            while block := unpacked.read(BLOCK):
                total += len(block)
                if total > cap:
                    raise BadFile("The packed file unpacks to far more than a table would. Upload it unpacked.")
                yield block
    except (OSError, EOFError, zlib.error) as error:
        raise BadFile("The packed file is damaged. Pack it again or upload it unpacked.") from error


def detect(file: File) -> Dialect:
    """How to read the file, judged by its bytes, not its name; raises BadFile if it can't be read to its end."""
    if file.size > FILE_BYTES:
        raise BadFile(f"The file is larger than {FILE_BYTES // 1024**2} MB. Split it into parts.")
    with opened(file) as stream:
        start = stream.read(8)
    if not start:
        raise BadFile("The file is empty.")
    if start.startswith(b"PK\x03\x04"):
        return Dialect(format="xlsx", encoding="", delimiter="")
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        raise BadFile("This is an old Excel file (.xls). Save it as .xlsx or CSV and upload it again.")
    packed = start.startswith(b"\x1f\x8b")
    encoding = _encoding(file, Dialect(is_packed=packed))
    if encoding != "utf-8":  # which was verified to be told from the others
        verify_bytes(file, Dialect(encoding=encoding, is_packed=packed))
    head = decoded_head(file, Dialect(encoding=encoding, is_packed=packed))
    return Dialect(encoding=encoding, delimiter=_delimiter(head), is_packed=packed)


def _encoding(file: File, raw: Dialect) -> str:
    """UTF-8 if all bytes are, UTF-16 by its mark or its zeros, else Windows-1252 if nothing in the file is UTF-8."""
    first = next(blocks(file, raw), b"")
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if first.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if b"\x00" in first[:2000]:
        even, odd = first[:2000:2].count(0), first[1:2000:2].count(0)
        if max(even, odd) > 300 or max(even, odd) * 4 > len(first[:2000]):
            return "utf-16-be" if even > odd else "utf-16-le"
    try:
        verify_bytes(file, raw)
    except BrokenBytes as broken:
        if broken.some_are_utf8:
            raise
        return "cp1252"
    return "utf-8"


class BrokenBytes(BadFile):
    """Bytes that the encoding does not allow. `some_are_utf8`: other letters in the file do read as UTF-8."""

    def __init__(self, line: int, byte: int, encoding: str, *, some_are_utf8: bool) -> None:
        name = ENCODINGS.get(encoding, encoding)
        super().__init__(
            f"Line {line:,} has a byte (0x{byte:02X}) that is not valid in {name}. "
            "Correct the line, or save the file as UTF-8, and upload it again."
        )
        self.some_are_utf8 = some_are_utf8


def verify_bytes(file: File, dialect: Dialect) -> None:
    """Raises BadFile naming the first line whose bytes the encoding does not allow, or that has a NUL."""
    decoder = codecs.getincrementaldecoder(dialect.encoding)()
    line, pending, wide = 1, b"", False
    for block in blocks(file, dialect):
        try:
            text = decoder.decode(block)
        except UnicodeDecodeError as error:
            broken = error.object
            wide = wide or not broken[: error.start].isascii()
            line += broken[: error.start].count(b"\n")
            raise BrokenBytes(line, broken[error.start], dialect.encoding, some_are_utf8=wide) from error
        if "\x00" in text:
            line += text[: text.index("\x00")].count("\n")
            raise BadFile(f"Line {line:,} has a NUL character. Remove it and upload the file again.")
        wide = wide or not text.isascii()
        line += text.count("\n")
        pending = block
    _finish(decoder, line, pending, dialect.encoding, wide)


def _finish(decoder: codecs.IncrementalDecoder, line: int, last: bytes, encoding: str, wide: bool) -> None:
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise BrokenBytes(line, last[-1], encoding, some_are_utf8=wide) from error


def decoded_head(file: File, dialect: Dialect) -> str:
    """The first PEEK_BYTES as text, a letter cut in two at the end left off."""
    raw = b""
    for block in blocks(file, dialect):
        raw += block
        if len(raw) >= PEEK_BYTES:
            break
    return codecs.getincrementaldecoder(dialect.encoding)().decode(raw[:PEEK_BYTES]).lstrip("\ufeff")


def _delimiter(head: str) -> str:
    """The delimiter that cuts the header into most parts and the rows below into as many."""

    def fitness(delimiter: str) -> tuple[int, int, int]:
        rows = list(islice(csv.reader(head.splitlines(keepends=True), delimiter=delimiter), 20))
        width = len(rows[0]) if rows else 1
        torn = sum(cell.count('"') for row in rows for cell in row)  # cutting inside quotes leaves them behind
        return (sum(len(row) == width for row in rows) if width > 1 else 0, -torn, width)

    try:
        return max(DELIMITERS, key=fitness)
    except csv.Error:
        return ","


def csv_rows(file: File, dialect: Dialect) -> Iterator[list[str]]:
    """Every row, the header first; raises BadFile naming the line where reading broke."""
    csv.field_size_limit(FIELD_CHARACTERS)
    reader = csv.reader(_lines(file, dialect), delimiter=dialect.delimiter)
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise BadFile(
                f"Line {reader.line_num:,} cannot be read as CSV ({error}). A quotation mark may be missing there."
            ) from error
        if row is None:
            return
        yield row


def _lines(file: File, dialect: Dialect) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(dialect.encoding)()
    rest, is_first = "", True
    for block in blocks(file, dialect):
        text = rest + decoder.decode(block)
        if is_first:
            text, is_first = text.lstrip("\ufeff"), False
        *whole, rest = text.split("\n")
        for line in whole:
            yield f"{line}\n"
        if len(rest) > FIELD_CHARACTERS * 10:
            raise BadFile("The file has a line of more than a million characters. Is it a table?")
    if rest := rest + decoder.decode(b"", final=True):
        yield rest
