"""Who is erased while files that name them are on their way does not come back by them."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone

from contacts import erasure, people
from contacts.importing import errorfile, jobs, staging, writing
from contacts.importing.erased import Names
from contacts.models import Contact, Erasure, ImportJob
from core.errors import Refused
from tests.contacts.files import checked, csv_bytes, imported, uploaded

pytestmark = pytest.mark.django_db
HEADER = ["email", "external_id", "phone", "first_name"]
ADA = ["Ada@Example.com", "1", "+49 (151) 123-45678", "Ada"]
LATER = timedelta(minutes=11)


def file(*more: list[str]) -> bytes:
    others = [[f"p{number}@example.com", str(number), "", "P"] for number in range(10, 16)]
    return csv_bytes(HEADER, *others, ADA, *more)


@pytest.fixture
def ada() -> Contact:
    values = {"email": "ada@example.com", "external_id": "1", "phone": "+4915112345678", "first_name": "Ada"}
    return people.save(values)[0]


def finish(job: ImportJob) -> ImportJob:
    while jobs.work(job, seconds=0):
        pass
    job.refresh_from_db()
    return job


def test_the_rest_of_an_import_does_not_bring_them_back(ada: Contact, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "CHUNK", 2)
    job = checked(file(["", "", "+4915112345678", "Somebody"]))
    jobs.confirm(job)
    jobs.work(job, seconds=0)
    erasure.erase(ada, by=None)
    finish(job)
    assert (job.status, Contact.objects.reachable().count()) == ("done", 6)
    assert not Contact.objects.filter(email="ada@example.com").exists()


def test_nor_does_a_file_that_has_to_be_read_again_after_a_crash(ada: Contact, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "CHUNK", 2)
    job = checked(file())
    jobs.confirm(job)
    jobs.work(job, seconds=0)
    erasure.erase(ada, by=None)
    with connection.cursor() as cursor:  # what PostgreSQL does with unlogged tables after a crash
        for table in staging.tables(job).all():
            cursor.execute(staging.sql.SQL("TRUNCATE {}").format(table))
    finish(job)
    assert (job.status, Contact.objects.reachable().count()) == ("done", 6)


def test_a_chunk_leaves_the_emptied_row_alone(ada: Contact, monkeypatch: pytest.MonkeyPatch) -> None:
    """Erased between the look at who is known and the update, by another connection."""
    job = checked(file())
    jobs.confirm(job)
    seen = writing._note_conflicts

    def erased_meanwhile(*told: Any) -> int:
        Contact.objects.filter(pk=ada.pk).update(**erasure.EMPTY, erased_at=timezone.now())
        return seen(*told)

    monkeypatch.setattr(writing, "_note_conflicts", erased_meanwhile)
    finish(job)
    ada.refresh_from_db()
    assert (ada.email, ada.first_name) == (None, "")


def test_names_are_known_until_files_from_before_are_done_with(ada: Contact) -> None:
    job = checked(file())
    jobs.confirm(job)
    erasure.erase(ada, by=None)
    erasure.look_again(timezone.now() + LATER)
    assert Erasure.objects.get().known["emails"] == ["ada@example.com"]
    finish(job)
    erasure.look_again(timezone.now() + 2 * LATER)
    assert (Erasure.objects.get().known, Erasure.objects.get().finished_at is None) == ({}, False)


def test_what_they_were_called_is_stored_for_nobody_to_read(ada: Contact) -> None:
    erasure.erase(ada, by=None)
    with connection.cursor() as cursor:
        cursor.execute("SELECT known FROM contacts_erasure")
        assert "ada" not in cursor.fetchone()[0].lower()


def test_an_error_file_loses_their_rows_and_keeps_the_others(ada: Contact) -> None:
    job = imported(file(["Ada@example.com;x", "1", "", "=Ada"], ["no address", "7", "", "Zoe"]))
    erasure.erase(ada, by=None)
    erasure.look_again()
    text = default_storage.open(errorfile.path(job)).read().decode()
    assert "Zoe" in text
    assert "ada" not in text.lower()
    assert ",Reason," not in text.splitlines()[1]


def test_a_checked_file_can_be_imported_without_them_and_not_be_read_another_way(ada: Contact) -> None:
    job = checked(file())
    erasure.erase(ada, by=None)
    erasure.look_again()
    job.refresh_from_db()
    assert (job.status, job.file.name, job.row_count) == ("ready", "", 6)
    with pytest.raises(Refused, match="named somebody who was erased"):
        jobs.reread(job, encoding="utf-8", delimiter=";")
    jobs.confirm(job)
    assert finish(job).status == "done"
    assert Contact.objects.reachable().count() == 6


def test_files_that_only_look_alike_are_left_alone(ada: Contact) -> None:
    near = [["ada@example.com.au", "11", "+4915112345679", "1"], ["anada@example.com", "12", "", "+1"]]
    job = uploaded(csv_bytes(HEADER, *near, *near[:1]))
    erasure.erase(ada, by=None)
    erasure.look_again()
    job.refresh_from_db()
    assert (job.status, len(job.sample)) == ("uploaded", 3)


def test_a_file_that_cannot_be_read_keeps_nobody_else_waiting(ada: Contact) -> None:
    job = uploaded(file())
    default_storage.delete(job.file.name)
    second = Contact.objects.create(email="zoe@example.com")
    erasure.erase(ada, by=None)
    ImportJob.objects.filter(pk=job.pk).update(file="")
    erasure.erase(second, by=None)
    ImportJob.objects.filter(pk=job.pk).update(file="imports/gone")
    assert erasure.look_again() == 0
    ImportJob.objects.filter(pk=job.pk).update(file="")
    assert erasure.look_again() == 2


@pytest.mark.parametrize(
    ("cell", "is_named"),
    [
        ("ada@example.com", True), (" <ADA@example.com>,", True), ("x.ada@example.com", False),
        ("0049151 12345678", True),
        ("ada@example.com.", True), ("ada@example.community", False), ("1", False), ("", False),
    ],
)  # fmt: skip
def test_a_cell_names_them_by_a_whole_address_however_it_is_written(ada: Contact, cell: str, is_named: bool) -> None:
    assert Names.of(ada).are_in([cell]) is is_named


def test_an_id_names_them_in_the_column_of_ids_alone(ada: Contact) -> None:
    names = Names.of(ada)
    assert names.are_in(["x", "1"], id_at=1)
    assert not names.are_in(["1", "x"], id_at=1)
