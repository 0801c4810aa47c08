"""Lists of addresses to suppress: any column, with a header or without, checked first, written once, in chunks."""

from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from contacts import erasure, suppression
from contacts.importing import errorfile, jobs, suppressing
from contacts.models import Contact, ImportJob, Suppression
from core.errors import Refused
from delivery import gate
from team.models import Notice, User
from tests.contacts.files import xlsx_bytes
from tests.delivery.conftest import make_campaign, make_people

pytestmark = pytest.mark.django_db

CSV = """id,Mail,Since
1,Ada@Example.com,2020
2,nobody,2021
3,,2022
4,ben@example.com,2023
5,ada@example.com,2024
"""


def upload(content: str | bytes, name: str = "optouts.csv", *, by: User | None = None) -> ImportJob:
    file = ContentFile(content.encode() if isinstance(content, str) else content, name=name)
    return jobs.upload(file, name, by=by, kind=ImportJob.Kind.SUPPRESSIONS)


def check(job: ImportJob, column: str = "Mail", **told: Any) -> ImportJob:
    jobs.check_addresses(job, **{"column": column, "channel": "email", "reason": "imported"} | told)
    jobs.work(job)
    return job


def write(job: ImportJob) -> ImportJob:
    jobs.confirm(job)
    while jobs.work(job):
        pass
    return job


def counts(job: ImportJob) -> dict[str, int]:
    names = ("row_count", "created_count", "unchanged_count", "duplicate_count", "error_count", "people_count")
    return {name.removesuffix("_count"): getattr(job, name) for name in names}


def addresses() -> list[str]:
    return list(Suppression.objects.order_by("address").values_list("address", flat=True))


def test_the_dry_run_says_what_would_happen_and_writes_nothing() -> None:
    Contact.objects.create(email="ada@example.com")
    suppression.suppress("ben@example.com", reason="complaint")
    job = check(upload(CSV))
    assert job.status == "ready"
    assert counts(job) == {"row": 5, "created": 1, "unchanged": 1, "duplicate": 1, "error": 2, "people": 1}
    assert [(error["row"], error["column"], error["value"]) for error in job.first_errors] == [
        (3, "Mail", "nobody"), (4, "", ""),
    ]  # fmt: skip
    assert addresses() == ["ben@example.com"]


def test_confirming_writes_the_good_rows_with_reason_and_words_and_keeps_the_bad_ones_as_a_file(editor: User) -> None:
    suppression.suppress("ben@example.com", reason="complaint")
    job = write(check(upload(CSV, by=editor), reason="objection", detail="Former newsletter tool"))
    assert (job.status, job.created_count) == ("done", 1)
    ada = Suppression.objects.get(address="ada@example.com")
    assert (ada.reason, ada.detail, ada.created_by) == ("objection", "Former newsletter tool", editor)
    assert Suppression.objects.get(address="ben@example.com").reason == "complaint"
    text = default_storage.open(errorfile.path(job)).read().decode()
    assert text.splitlines()[0] == "Row,Reason,id,Mail,Since"
    assert [line.split(",")[0] for line in text.splitlines()[1:]] == ["3", "4"]
    assert "1 new addresses" in Notice.objects.get(user=editor).text


def test_the_same_list_again_changes_nothing() -> None:
    first = write(check(upload(CSV)))
    again = upload(CSV)
    assert jobs.earlier(again) == first
    write(check(again))
    assert (again.created_count, addresses()) == (0, ["ada@example.com", "ben@example.com"])


@pytest.mark.parametrize(
    "content", ["ada@example.com\nnope\nben@example.com\n", "ada@example.com;1\nnope;2\nben@example.com;3\n"]
)
def test_a_list_without_a_header_loses_no_address(content: str) -> None:
    job = upload(content)
    assert job.header[0] == "Column 1"
    write(check(job, "Column 1"))
    assert addresses() == ["ada@example.com", "ben@example.com"]
    assert [error["row"] for error in job.first_errors] == [2]


def test_spreadsheets_and_odd_encodings_are_read_as_well() -> None:
    sheet = xlsx_bytes(["ada@example.com"], ["ben@bücher.example"])
    write(check(upload(sheet, "list.xlsx"), "Column 1"))
    write(check(upload("Name\tE-Mail\nJörg\tcem@example.com\n".encode("utf-16"), "list.txt"), "E-Mail"))
    assert addresses() == ["ada@example.com", "ben@xn--bcher-kva.example", "cem@example.com"]


def test_the_column_with_addresses_is_guessed_and_any_can_be_chosen() -> None:
    assert upload(CSV).mapping == {"Mail": "email"}
    job = check(upload("a,b\nada@example.com,ben@example.com\n"), "b")
    write(job)
    assert addresses() == ["ben@example.com"]
    with pytest.raises(Refused, match="Choose the one column"):
        check(upload(CSV), "Nothing")
    with pytest.raises(Refused, match="Use one of these reasons"):
        check(upload(CSV), reason="because")
    with pytest.raises(Refused, match="no channel"):
        check(upload(CSV), channel="pigeon")


def test_hashed_entries_count_as_known_and_stay_hashed() -> None:
    suppression.suppress("ada@example.com", reason="objection")
    erasure.erase(Contact.objects.create(email="ada@example.com"), by=None)
    job = write(check(upload(CSV)))
    assert (job.created_count, Suppression.objects.filter(address=None).count()) == (1, 1)
    assert addresses() == ["ben@example.com", None]


def test_a_list_is_written_chunk_by_chunk_and_goes_on_where_it_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suppressing, "CHUNK", 10)
    job = check(upload("mail\n" + "\n".join(f"p{number}@example.com" for number in range(35)) + "\n"), "mail")
    jobs.confirm(job)
    assert jobs.work(job, seconds=0)
    assert (job.rows_done, Suppression.objects.count()) == (10, 9)
    write_rest = [jobs.work(job, seconds=0) for _ in range(5)]
    assert (job.status, job.created_count, Suppression.objects.count()) == ("done", 35, 35)
    assert write_rest[-1] is False


def test_a_cancelled_list_stops_and_what_is_written_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suppressing, "CHUNK", 10)
    job = check(upload("mail\n" + "\n".join(f"p{number}@example.com" for number in range(35)) + "\n"), "mail")
    jobs.confirm(job)
    jobs.work(job, seconds=0)
    jobs.cancel(job)
    assert not jobs.work(job)
    assert Suppression.objects.count() == 9


def test_nothing_is_sent_to_whoever_is_on_an_imported_list(editor: User, tmp_path: Path) -> None:
    people = make_people(3)
    write(check(upload(f"mail\n{people[1].email}\n"), "mail"))
    asked = gate.ask(gate.question_for(make_campaign(editor)), [person.pk for person in people])
    assert [asked[person.pk].reason for person in people] == ["", "suppressed", ""]


def test_a_list_of_contacts_still_needs_its_header() -> None:
    job = jobs.upload(ContentFile(b"ada@example.com\nben@example.com\n", name="a.csv"), "a.csv", by=None)
    assert job.header == ["ada@example.com"]
