"""Taking data out: the file that a person is given, who may take what, and the trail that it leaves."""

import io
import json
import tracemalloc
from typing import Any
from zipfile import ZipFile

import pytest
from django.contrib.auth.models import Permission
from django.core.cache import cache
from django.db import DatabaseError, connection, transaction
from django.test import Client

from contacts import consent, handing_over, preferences
from contacts.holdings import holdings
from contacts.models import Company, Contact, Employment
from events import ingest
from segments.models import Segment
from team import apikeys
from team.models import AuditRecord, User
from tests.contacts.files import csv_bytes, imported

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Contact:
    imported(csv_bytes(["email", "first_name"], ["ada@example.com", "<script>alert(1)</script>"], ["bad", "B"]))
    contact = Contact.objects.get()
    consent.grant(contact, source="Form")
    Employment.objects.create(contact=contact, company=Company.objects.create(external_id="a", name="Analytical"))
    ingest.record("purchase", contact_id=contact.pk, properties={"what": "<b>tea</b>", "total": 3})
    return contact


@pytest.fixture
def console(editor: User, client: Client) -> Client:
    client.force_login(editor)
    return client


def opened(answer: Any) -> ZipFile:
    return ZipFile(io.BytesIO(b"".join(answer.streaming_content)))


def test_the_file_has_one_part_for_each_kind_of_thing_that_is_held(console: Client, ada: Contact) -> None:
    with opened(console.get(f"/admin/contacts/contact/{ada.pk}/held/")) as archive:
        assert archive.testzip() is None
        assert set(archive.namelist()) == {"contact.json", "overview.html", *(f"{key}.json" for key in holdings)}
        told = {name: json.loads(archive.read(name)) for name in archive.namelist() if name.endswith(".json")}
        page = archive.read("overview.html").decode()
    assert told["contact.json"]["email"] == "ada@example.com"
    assert told["consent.json"][0]["source"] == "Form"
    assert told["companies.json"][0]["company"] == "Analytical"
    assert told["imports.json"][0]["is_new"] is True
    assert told["events.json"][0]["properties"] == {"what": "<b>tea</b>", "total": 3}
    assert "Consent ledger" in page
    assert "Analytical" in page
    assert "<script" not in page
    assert "<b>tea" not in page


def test_many_rows_take_no_more_memory_and_are_all_in_the_file(ada: Contact) -> None:
    ingest.record_many(
        {"name": "seen", "contact_id": ada.pk, "properties": {"page": "x" * 500, "n": n}} for n in range(20_000)
    )
    tracemalloc.start()
    with handing_over.packed(ada, by=None) as file, ZipFile(file) as archive:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        events = json.loads(archive.read("events.json"))
        page = archive.read("overview.html").decode()
    assert len(events) == 20_001
    assert peak < 12 * 1024**2, f"{peak / 1024**2:.0f} MB, and the rows alone are 10 MB as text"
    assert "And 19901 more" in page.replace(",", "")


def test_each_way_out_leaves_a_line_that_says_who_took_what(console: Client, ada: Contact, editor: User) -> None:
    job = imported(csv_bytes(["email"], ["zoe@example.com"], ["bad"]))
    pk, page = ada.pk, "/admin/contacts/contact/"
    b"".join(console.get(f"{page}export.csv?q=ada@&tag=vip").streaming_content)
    console.post(page, {"action": "export_xlsx", "_selected_action": [pk]})
    console.get(f"{page}{pk}/held/")
    console.get(f"{page}{pk}/proof.csv")
    console.get(f"/admin/contacts/importjob/{job.pk}/errors/")
    chosen = Segment.objects.create(name="Chosen", kind="static")
    chosen.memberships.create(contact=ada)
    answer = console.get(f"/admin/segments/segment/{chosen.pk}/members/export.csv")
    assert b"ada@example.com" in b"".join(answer.streaming_content)
    lines = list(AuditRecord.objects.order_by("id").values_list("action", "subject", "detail", "count"))
    assert lines == [
        ("export.contacts", "", {"format": "csv", "filter": {"q": "(a search)", "tag": "vip"}}, lines[0][3]),
        ("export.contacts", "", {"format": "xlsx", "filter": {}, "selected": True}, 1),
        ("export.person", str(ada.uuid), {"format": "zip"}, 1),
        ("export.consent", str(ada.uuid), {"format": "csv"}, 1),
        ("export.import_errors", f"import {job.uuid}", {}, 1),
        ("export.members", "Chosen", {"format": "csv", "segment": str(chosen.uuid)}, 1),
    ]
    assert set(AuditRecord.objects.values_list("by", flat=True)) == {editor.pk}


def test_a_person_who_takes_their_own_data_along_is_noted_without_a_name(ada: Contact) -> None:
    cache.clear()
    told = {"action": "download", "take-address": "ada@example.com"}
    answer = Client().post(f"/p/{preferences.token_of(ada.pk)}/data", told)
    with opened(answer) as archive:
        assert "overview.html" in archive.namelist()
    row = AuditRecord.objects.get()
    assert (row.by, row.subject) == (None, str(ada.uuid))
    assert "ada" not in json.dumps([row.subject, row.detail])


def test_a_program_s_export_names_its_key(ada: Contact, editor: User) -> None:
    row, key = apikeys.issue(editor, name="Shop", scopes=["contacts:read"])
    bearer = {"Authorization": f"Bearer {key}"}
    assert Client(headers=bearer).get(f"/api/contacts/{ada.uuid}/export").status_code == 200
    assert AuditRecord.objects.get().key == row


@pytest.mark.parametrize(
    "path",
    ["contact/export.csv", "contact/{pk}/held/", "contact/{pk}/proof.csv", "contact/{pk}/proof.pdf",
     "importjob/{job}/errors/"],
)  # fmt: skip
def test_who_may_see_people_may_not_therefore_take_them_along(
    approver: User, client: Client, ada: Contact, path: str
) -> None:
    client.force_login(approver)
    job = imported(csv_bytes(["email"], ["zoe@example.com"], ["bad"]))
    address = f"/admin/contacts/{path.format(pk=ada.pk, job=job.pk)}"
    assert client.get(address).status_code == 403
    approver.user_permissions.add(Permission.objects.get(codename="export_contact"))
    assert client.get(address).status_code == 200


def test_the_list_offers_no_export_to_who_may_not(approver: User, client: Client, ada: Contact) -> None:
    client.force_login(approver)
    page = client.get("/admin/contacts/contact/").content.decode()
    assert "Export" not in page
    client.post("/admin/contacts/contact/", {"action": "export_csv", "_selected_action": [ada.pk]})
    assert not AuditRecord.objects.exists()
    assert client.get(f"/api/contacts/{ada.uuid}/export").status_code == 403


@pytest.mark.parametrize("statement", ["DELETE FROM team_auditrecord", "UPDATE team_auditrecord SET count = 0"])
def test_the_trail_can_be_neither_changed_nor_deleted(ada: Contact, statement: str) -> None:
    handing_over.note(ada, by=None, form="zip")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_the_trail_is_shown_to_administrators_and_nobody_else(client: Client, console: Client, editor: User) -> None:
    assert console.get("/admin/team/auditrecord/").status_code == 403
    editor.user_permissions.add(Permission.objects.get(codename="view_auditrecord"))
    b"".join(console.get("/admin/contacts/contact/export.csv").streaming_content)
    page = console.get("/admin/team/auditrecord/").content.decode()
    assert "Contacts exported" in page
    assert "CSV" in page
