"""What columns become: the SQL test agrees with Python, guesses are sensible, and a real file is read."""

import csv
import gzip
import json
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connection
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from psycopg import sql

from contacts import attributes
from contacts.importing import targets
from contacts.models import AttributeDefinition, Contact
from tests.contacts.files import csv_bytes, imported, uploaded

pytestmark = pytest.mark.django_db
HILLSTROM = Path(django_settings.BASE_DIR).parent / "shared" / "data" / "hillstrom.csv.gz"
KINDS = AttributeDefinition.Type.values
ALL = [
    *targets.FIELDS.values(),
    *(targets.of_attribute(AttributeDefinition(key="k", label="K", type=kind)) for kind in KINDS),
]

_cells = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20),
    st.from_regex(r"\A\s?[A-Za-z0-9._+-]{1,8}@[A-Za-z0-9.-]{1,12}\s?\Z"),
    st.from_regex(r"\A[+-]?[0-9]{1,20}(\.[0-9]{0,4})?\Z"),
    st.from_regex(r"\A[12][0-9]{3}-[01][0-9]-[0-3][0-9]\Z"),
    st.sampled_from(["true", "false", "yes", "0", "1", "en", "de-DE", "+4915112345678", " ", "\u2003x\u2003"]),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=_cells)
@example(text="a@b.c")
@example(text="a@1.b-")
@example(text="A.b@EXAMPLE.com ")
@example(text="-0")
def test_what_sql_waves_through_python_reads_to_the_same(text: str) -> None:
    tests = [
        sql.SQL("SELECT {plain}, {value} FROM (SELECT {raw} AS raw, NULLIF(btrim({raw}, {spaces}), '') AS v) x").format(
            plain=sql.SQL(one.plain).format(raw=sql.SQL("raw")),
            value=sql.SQL(one.value).format(v=sql.SQL("v")),
            raw=sql.Literal(text),
            spaces=sql.Literal(targets.SPACES),
        )  # fmt: skip
        for one in ALL
    ]
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(" UNION ALL ").join(tests))
        found = cursor.fetchall()
    for one, (is_plain, value) in zip(ALL, found, strict=True):
        if is_plain:
            assert targets.read(one, text) == (value, None), one.key


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("number", "1,234.50", 1234.5), ("number", "-7", -7), ("number", "+3.0", 3), ("boolean", "Yes", True),
        ("boolean", "0", False), ("date", "31.3.2026", "2026-03-31"),
        ("datetime", "2026-03-31 14:30", "2026-03-31T14:30:00"),
        ("datetime", "2026-03-31", "2026-03-31T00:00:00"), ("list", "a, b;c", ["a", "b", "c"]), ("text", " x ", "x"),
        ("place", "52.52, 13.405", {"lat": 52.52, "lon": 13.405}), ("version", "v2.10.3-beta.1", "v2.10.3-beta.1"),
        ("place", '{"city": "Zürich", "country": "CH"}', {"city": "Zürich", "country": "CH"}),
    ],
)  # fmt: skip
def test_texts_become_typed_values(kind: str, text: str, value: object) -> None:
    assert attributes.coerce(kind, text) == value
    assert attributes.coerce(kind, attributes.as_text(value)) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [("number", "1.2.3"), ("number", "NaN"), ("number", "1e999"), ("number", "9" * 60), ("boolean", "maybe"),
     ("date", "2026-02-30"), ("date", "03/04/2026"), ("datetime", "noon"), ("text", "x" * 5001), ("list", "a," * 300),
     ("place", "here"), ("place", "91, 0"), ("place", "{"), ("place", '{"lat": 1}'), ("place", "[" * 50_000),
     ("place", '{"street": "x"}'), ("version", "two"), ("version", "1.2.3.4.5.6.7")],
)  # fmt: skip
def test_what_does_not_fit_is_a_sentence(kind: str, text: str) -> None:
    with pytest.raises(attributes.BadValue) as caught:
        attributes.coerce(kind, text)
    assert str(caught.value).endswith(".")


def test_columns_are_guessed_by_name_then_by_content() -> None:
    AttributeDefinition.objects.create(key="city", label="City", type="text")
    header = ["Kontakt", "Vorname", "Surname", "City", "Joined", "Zip", "Score"]
    job = uploaded(csv_bytes(header, ["a@example.com", "A", "B", "Rome", "2026-01-02", "01234", "7.5"]))
    assert job.mapping == {
        "Kontakt": "email", "Vorname": "first_name", "Surname": "last_name", "City": "attribute:city",
        "Joined": "new:date", "Zip": "new:text", "Score": "new:number",
    }  # fmt: skip


def test_a_column_that_is_called_phone_and_is_empty_is_the_phone() -> None:
    job = uploaded(csv_bytes(["email", "Phone"], ["a@example.com", ""], ["b@example.com", " "]))
    assert job.mapping["Phone"] == "phone"
    channels = uploaded(csv_bytes(["email", "Phone"], ["a@example.com", "yes"], ["b@example.com", "no"]))
    assert channels.mapping["Phone"].startswith("new:")


@pytest.mark.skipif(not HILLSTROM.exists(), reason="the real file ../shared/data/hillstrom.csv.gz is not here")
def test_sixty_four_thousand_real_customers_are_imported(tmp_path: Path) -> None:
    with gzip.open(HILLSTROM, "rt", newline="") as file:
        rows = list(csv.reader(file))
    header = ["external_id", "email", *rows[0]]
    people = [[f"H{n}", f"h{n}@example.com", *row] for n, row in enumerate(rows[1:], start=1)]
    job = imported(gzip.compress(csv_bytes(header, *people), compresslevel=1), "hillstrom.csv.gz")
    assert (job.created_count, job.error_count) == (len(people), 0)
    history, channel = rows[0].index("history"), rows[0].index("channel")
    wanted = sum(float(row[history]) > 200 and row[channel] == "Web" for row in rows[1:])
    web = Contact.objects.filter(attributes__contains={"channel": "Web"}, attributes__history__gt=200)
    assert web.count() == wanted
    first = Contact.objects.get(external_id="H1").attributes
    assert json.dumps(first["history"]) == rows[1][history]
