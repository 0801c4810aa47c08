"""What an import notes about whom it brought, and rows that call a merged contact by a name of before."""

import pytest

from contacts import merging, people, timeline
from contacts.models import Contact, Imported
from tests.contacts.files import counts, csv_bytes, imported

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Contact:
    """Ada, who was A-2 and ada.work before."""
    ada = Contact.objects.create(email="ada@example.com", external_id="A-1", first_name="Ada")
    twin = Contact.objects.create(email="ada.work@example.com", external_id="A-2", phone="+4915112345678")
    return merging.merge(twin, into=ada)


def test_an_import_notes_whom_it_created_and_changed() -> None:
    known = Contact.objects.create(email="known@example.com")
    same = Contact.objects.create(email="same@example.com", first_name="Same")
    rows = [["known@example.com", "Known"], ["same@example.com", "Same"], ["new@example.com", "New"]]
    job = imported(csv_bytes(["email", "first_name"], *rows))
    new = Contact.objects.get(email="new@example.com")
    noted = set(Imported.objects.values_list("contact_id", "job_id", "is_new"))
    assert noted == {(known.pk, job.pk, False), (new.pk, job.pk, True)}
    assert not timeline.page(same, timeline.Wanted()).entries
    assert [entry.detail for entry in timeline.page(new, timeline.Wanted()).entries] == ["people.csv"]


@pytest.mark.parametrize(
    ("header", "name"),
    [("email", "ada.work@example.com"), ("external_id", "A-2"), ("email", "ada@example.com"), ("external_id", "A-1")],
)
def test_a_row_finds_a_merged_contact_by_any_name_and_does_not_rename_them(
    ada: Contact, header: str, name: str
) -> None:
    job = imported(csv_bytes([header, "last_name"], [name, "Byron"]))
    assert counts(job)["updated"] == 1
    ada.refresh_from_db()
    assert (ada.last_name, ada.email, ada.external_id) == ("Byron", "ada@example.com", "A-1")
    assert Contact.objects.count() == 2, "Ada and the shell"


def test_the_old_file_again_brings_nobody_back(ada: Contact) -> None:
    rows = [["A-1", "ada@example.com", "+4915112345678"], ["A-2", "ada.work@example.com", "+4915112345678"]]
    job = imported(csv_bytes(["external_id", "email", "phone"], *rows))
    assert counts(job) == {"created": 0, "updated": 0, "unchanged": 1, "duplicate": 1, "error": 0}
    ada.refresh_from_db()
    assert (ada.email, ada.external_id) == ("ada@example.com", "A-1")


@pytest.mark.parametrize("external_id", ["B-1", "C-9"])
def test_a_row_that_mixes_two_people_is_an_error_by_former_names_too(ada: Contact, external_id: str) -> None:
    Contact.objects.create(email="ben@example.com", external_id="B-1")
    job = imported(csv_bytes(["external_id", "email"], [external_id, "ada.work@example.com"]))
    assert counts(job)["error"] == 1


def test_a_name_of_today_outweighs_one_of_before(ada: Contact) -> None:
    taken = Contact.objects.create(email="ada.work@example.com")
    imported(csv_bytes(["email", "last_name"], ["ada.work@example.com", "Byron"]))
    taken.refresh_from_db()
    assert taken.last_name == "Byron"


def test_a_program_that_saves_by_a_former_name_changes_the_survivor(ada: Contact) -> None:
    saved, is_new = people.save({"external_id": "A-2", "email": "ada.work@example.com", "last_name": "Byron"})
    assert (saved, is_new, saved.email, saved.external_id) == (ada, False, "ada@example.com", "A-1")
    moved, _ = people.save({"external_id": "A-2", "email": "fresh@example.com"})
    assert (moved, moved.email) == (ada, "fresh@example.com")
