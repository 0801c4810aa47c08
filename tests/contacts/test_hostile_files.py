"""Files made by mistake or malice: clear sentences, bounded time and memory, nothing written."""

import gzip
import io
import time
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contacts.importing import files
from contacts.models import Contact, ImportJob
from core.errors import Refused
from tests.contacts.files import checked, csv_bytes, imported, problems, uploaded, xlsx_bytes

pytestmark = pytest.mark.django_db


def refused(content: bytes, name: str = "people.csv") -> str:
    started = time.monotonic()
    with pytest.raises(Refused) as caught:
        uploaded(content, name)
    assert time.monotonic() - started < 2
    assert not ImportJob.objects.exists()
    return caught.value.message


def test_a_broken_byte_is_named_with_its_line() -> None:
    good = "email,first_name\na@example.com,Jörg\n".encode()
    message = refused(good + b"b@example.com,J\xf6rg\n")
    assert "Line 3" in message
    assert "0xF6" in message


def test_a_letter_cut_off_at_the_end_of_the_file_is_found() -> None:
    assert "not valid" in refused("email,first_name\na@example.com,Jörg\nb@example.com,Jö".encode()[:-1])


def test_a_nul_byte_is_named_with_its_line() -> None:
    assert "Line 3 has a NUL" in refused(b"email,first_name\na@example.com,A\nb@example.com,B\x00\n")


@pytest.mark.parametrize("content", [b"", b"email,first_name\n", b"\n\n\n", b" , ,\n1,2,3\n"])
def test_files_without_rows_or_column_names_are_refused(content: bytes) -> None:
    assert refused(content)


def test_ten_thousand_columns_are_refused() -> None:
    header = [f"c{number}" for number in range(10_000)]
    assert "10,000 columns" in refused(csv_bytes(header, header))


def test_hundreds_of_columns_are_read() -> None:
    header = ["email", *(f"c{number}" for number in range(300))]
    imported(csv_bytes(header, ["a@example.com", *range(300)]))
    assert len(Contact.objects.get().attributes) == 300


def test_columns_of_the_same_name_are_told_apart() -> None:
    job = uploaded(csv_bytes(["email", "x", "x", ""], ["a@example.com", 1, 2, 3]))
    assert job.header == ["email", "x", "x (2)", "Column 4"]


def test_a_missing_quotation_mark_does_not_swallow_the_file_in_silence() -> None:
    content = b'email,first_name\na@example.com,"A\n' + b"b@example.com,B\n" * 20_000
    assert "quotation mark" in refused(content)


def test_old_excel_files_are_refused_with_advice() -> None:
    assert "Save it as .xlsx" in refused(b"\xd0\xcf\x11\xe0" + b"\x00" * 600)


def sheet(xml: bytes, extra: dict[str, bytes] | None = None) -> bytes:
    """A spreadsheet whose only sheet is `xml`."""
    source, target = io.BytesIO(xlsx_bytes(["email"], ["a@example.com"])), io.BytesIO()
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, xml if name == "xl/worksheets/sheet1.xml" else old.read(name))
        for name, content in (extra or {}).items():
            new.writestr(name, content)
    return target.getvalue()


_NAMESPACE = b'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def test_a_spreadsheet_that_unpacks_to_gigabytes_is_refused_at_once() -> None:
    rows = b'<row r="1"><c r="A1"><v>1</v></c></row>' * 3_000_000
    bomb = sheet(b"<worksheet " + _NAMESPACE + b"><sheetData>" + rows + b"</sheetData></worksheet>")
    assert len(bomb) < 1_000_000
    assert "packed far tighter" in refused(bomb, "people.xlsx")


def test_entities_in_a_spreadsheet_are_refused() -> None:
    bomb = b'<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;">]><worksheet ' + _NAMESPACE + b"/>"
    assert "entities" in refused(sheet(bomb), "people.xlsx")


def test_a_sheet_of_sixteen_thousand_columns_is_refused() -> None:
    wide = b'<worksheet %s><sheetData><row r="1"><c r="XFD1"><v>1</v></c></row></sheetData></worksheet>' % _NAMESPACE
    assert "columns" in refused(sheet(wide), "people.xlsx")


def test_a_cell_in_the_last_of_a_million_rows_costs_no_time() -> None:
    low = (
        b'<worksheet %s><sheetData><row r="1"><c r="A1" t="str"><v>email</v></c></row>'
        b'<row r="1048576"><c r="A1048576" t="str"><v>a@example.com</v></c></row></sheetData></worksheet>'
    ) % _NAMESPACE
    assert refused(sheet(low), "people.xlsx")


@pytest.mark.parametrize("content", [b"PK\x03\x04 not really", b"PK\x03\x04" + b"\x00" * 5000])
def test_damaged_spreadsheets_are_refused(content: bytes) -> None:
    assert "damaged" in refused(content, "people.xlsx")


def test_a_gzip_bomb_is_refused() -> None:
    bomb = gzip.compress(b"a" * 300_000_000)
    assert "unpacks to far more" in refused(bomb, "people.csv.gz")


def test_a_damaged_gzip_file_is_refused() -> None:
    good = gzip.compress(csv_bytes(["email"], *[[f"p{n}@example.com"] for n in range(1000)]))
    assert "damaged" in refused(good[:-200], "people.csv.gz")


def test_a_file_name_is_shown_and_never_a_path() -> None:
    job = uploaded(csv_bytes(["email"], ["a@example.com"]), "../../etc/passwd\x1b[31m.csv")
    assert job.file_name == "passwd[31m.csv"
    assert job.file.name.startswith(f"imports/{job.uuid}")


def test_sql_in_headers_values_and_tags_stays_text() -> None:
    nasty = """x'); DROP TABLE contacts_contact; -- %s {0} "y" """
    tag = nasty.replace(";", " ")[:60]  # a tag holds no separator of tags
    imported(csv_bytes(["email", nasty], ["a@example.com", nasty]), tag=tag)
    contact = Contact.objects.get()
    assert list(contact.attributes.values()) == [nasty.strip()]
    assert contact.tags == [tag.strip()]


def test_unknown_targets_and_doubled_targets_are_refused() -> None:
    content = csv_bytes(["email", "b"], ["a@example.com", "b@example.com"])
    for mapping in ({"email": "password"}, {"email": "attribute:none"}, {"email": "email", "b": "email"}, {"b": ""}):
        with pytest.raises(Refused):
            checked(content, mapping=mapping)


_letters = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(_letters, _letters, _letters), min_size=1, max_size=6))
def test_any_cells_are_either_imported_or_explained(rows: list[tuple[str, str, str]]) -> None:
    content = csv_bytes(["email", "phone", "amount"], *(list(row) for row in rows))
    try:
        job = checked(content, mapping={"email": "email", "phone": "phone", "amount": "new:number"})
    except Refused:
        return
    assert job.status == "ready", job.problem
    assert job.row_count == job.valid_count + job.error_count + job.duplicate_count
    assert (job.error_count == 0) == (problems(job) == [])


@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=300))
def test_any_bytes_are_a_table_or_refused(content: bytes) -> None:
    try:
        job = uploaded(content)
    except Refused:
        return
    assert 0 < len(job.header) <= files.COLUMNS


@pytest.mark.parametrize(
    ("part", "old", "new"),
    [("xl/styles.xml", b"<fonts", b"<fonts x"), ("xl/styles.xml", b'numFmtId="0"', b'numFmtId="99999999999999999999"'),
     ("[Content_Types].xml", b"spreadsheetml.sheet.main", b"nothing")],
)  # fmt: skip
def test_spreadsheets_with_nonsense_inside_are_refused(part: str, old: bytes, new: bytes) -> None:
    source, target = io.BytesIO(xlsx_bytes(["email"], ["a@example.com"])), io.BytesIO()
    with zipfile.ZipFile(source) as whole, zipfile.ZipFile(target, "w") as broken:
        for name in whole.namelist():
            content = whole.read(name)
            broken.writestr(name, content.replace(old, new) if name == part else content)
    assert "damaged" in refused(target.getvalue(), "people.xlsx")
