"""The console's pages of contacts: the whole import, one person's page, lists, exports, and who may do what."""

import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from openpyxl import load_workbook

from contacts import consent, exporting, suppression
from contacts.importing import jobs
from contacts.models import AttributeDefinition, ConsentRecord, Contact, ImportJob
from team.models import User
from tests.contacts.files import checked, csv_bytes, imported

pytestmark = pytest.mark.django_db
CONTENT = b"email,first_name,plan\na@example.com,Ada,pro\nbad,Ben,free\n"


@pytest.fixture
def console(editor: User, client: Client) -> Client:
    client.force_login(editor)
    return client


@pytest.fixture
def ada() -> Contact:
    return Contact.objects.create(email="zoe@example.org", first_name="Ada", attributes={"plan": "pro", "other": 1})


def page_of(job: ImportJob) -> str:
    return f"/admin/contacts/importjob/{job.pk}/change/"


def test_a_file_is_imported_step_by_step(console: Client) -> None:
    console.post("/admin/contacts/importjob/add/", {"file": SimpleUploadedFile("p.csv", CONTENT)})
    job = ImportJob.objects.get()
    mapping = console.get(page_of(job)).content.decode()
    assert "What each column becomes" in mapping
    assert "a@example.com" in mapping
    told = {"column-0": "email", "column-1": "first_name", "column-2": "new:text", "tag": "t", "records_consent": "yes"}
    assert "Say where the people" in console.post(f"/admin/contacts/importjob/{job.pk}/check/", told).content.decode()
    console.post(f"/admin/contacts/importjob/{job.pk}/check/", told | {"source": "Form", "topics": "*"})
    assert "Checking every row" in console.get(page_of(job)).content.decode()
    jobs.work(job)
    dry = console.get(page_of(job)).content.decode()
    assert "nothing has been written" in dry
    assert "not an email address" in dry
    assert not Contact.objects.exists()
    console.post(f"/admin/contacts/importjob/{job.pk}/confirm/")
    assert console.get(f"/admin/contacts/importjob/{job.pk}/progress/").json()["status"] == "importing"
    jobs.work(job)
    assert "Done." in console.get(page_of(job)).content.decode()
    assert b"bad" in b"".join(console.get(f"/admin/contacts/importjob/{job.pk}/errors/").streaming_content)
    assert consent.is_granted(Contact.objects.get(email="a@example.com", tags=["t"], attributes={"plan": "pro"}))


def test_the_same_file_again_says_so(console: Client) -> None:
    first = imported(CONTENT)
    console.post("/admin/contacts/importjob/add/", {"file": SimpleUploadedFile("p.csv", CONTENT)})
    page = console.get(page_of(ImportJob.objects.latest("pk"))).content.decode()
    assert "This very file was imported before" in page
    assert page_of(first) in page


def test_a_file_can_be_read_again_with_another_delimiter(console: Client) -> None:
    console.post(
        "/admin/contacts/importjob/add/", {"file": SimpleUploadedFile("p.csv", b"email,x|y\na@example.com,1|2\n")}
    )
    job = ImportJob.objects.get()
    console.post(f"/admin/contacts/importjob/{job.pk}/reread/", {"encoding": "utf-8", "delimiter": "|"})
    job.refresh_from_db()
    assert job.header == ["email,x", "y"]
    console.post(f"/admin/contacts/importjob/{job.pk}/reread/", {"encoding": "rot13", "delimiter": "x"})
    job.refresh_from_db()
    assert job.header == ["email,x", "y"]


def test_no_page_changes_anything_by_get(console: Client, ada: Contact) -> None:
    job = checked(CONTENT)
    for path in ("check", "reread", "confirm", "cancel"):
        assert console.get(f"/admin/contacts/importjob/{job.pk}/{path}/").status_code == 405
    console.get(f"/admin/contacts/contact/{ada.pk}/erase/")
    ada.refresh_from_db()
    assert ada.erased_at is None


def test_who_may_only_look_can_change_nothing(approver: User, stranger: User, client: Client, ada: Contact) -> None:
    job = checked(CONTENT)
    Contact.objects.filter(pk=ada.pk).update(first_name="Ada")
    client.force_login(approver)
    assert b"Ada" in client.get(f"/admin/contacts/contact/{ada.pk}/change/").content
    assert client.get("/admin/contacts/contact/").status_code == client.get(page_of(job)).status_code == 200
    posts = [f"contact/{ada.pk}/consent/", f"contact/{ada.pk}/erase/", f"contact/{ada.pk}/change/", "importjob/add/"]
    posts += [f"importjob/{job.pk}/{verb}/" for verb in ("check", "confirm", "cancel", "reread")]
    for path in [*posts, "suppression/add/", "attributedefinition/add/"]:
        assert client.post(f"/admin/contacts/{path}", {}).status_code == 403, path
    client.force_login(stranger)
    for path in (
        "contact/",
        "contact/export.csv",
        f"contact/{ada.pk}/held/",
        "importjob/",
        f"importjob/{job.pk}/change/",
    ):
        assert client.get(f"/admin/contacts/{path}").status_code == 403, path


def test_a_contact_is_edited_with_typed_attributes(console: Client, ada: Contact) -> None:
    score = AttributeDefinition.objects.create(key="score", label="Score", type="number")
    told = {"email": " New@Example.com", "first_name": "Ada", "tags": "b, a", f"attribute_{score.pk}": "x"}
    page = console.post(f"/admin/contacts/contact/{ada.pk}/change/", told).content.decode()
    assert "not a number" in page
    console.post(f"/admin/contacts/contact/{ada.pk}/change/", told | {f"attribute_{score.pk}": "1,234.5"})
    ada.refresh_from_db()
    assert (ada.email, ada.tags, ada.attributes) == (
        "new@example.com",
        ["a", "b"],
        {"plan": "pro", "other": 1, "score": 1234.5},
    )


def test_a_taken_address_is_an_error_of_its_field(console: Client, ada: Contact) -> None:
    answer = console.post("/admin/contacts/contact/add/", {"email": "ZOE@example.org"})
    assert "Another contact has this email address" in answer.content.decode()
    assert Contact.objects.count() == 1


def test_consent_is_recorded_with_who_did_it(console: Client, ada: Contact, editor: User) -> None:
    told = {"action": "grant", "channel": "email", "source": "Phone call"}
    console.post(f"/admin/contacts/contact/{ada.pk}/consent/", told | {"source": ""})
    assert not ConsentRecord.objects.exists()
    console.post(f"/admin/contacts/contact/{ada.pk}/consent/", told)
    assert ConsentRecord.objects.get().recorded_by == editor
    assert "Phone call" in console.get(f"/admin/contacts/contact/{ada.pk}/change/").content.decode()


def test_an_erased_contact_still_has_a_page(console: Client, ada: Contact) -> None:
    console.post(f"/admin/contacts/contact/{ada.pk}/erase/")
    page = console.get(f"/admin/contacts/contact/{ada.pk}/change/")
    assert page.status_code == 200
    assert "zoe@example.org" not in page.content.decode()


def test_lists_find_by_prefix_and_filter(console: Client, ada: Contact) -> None:
    Contact.objects.create(email="ben@example.org", last_name="Lovelace", tags=["x"])
    consent.grant(ada, source="x")
    suppression.suppress("ben@example.org", reason="manual")
    for query, found in (
        ("q=ZOE", "zoe@"), ("q=lovel", "ben@"), ("tag=x", "ben@"), ("consent=granted", "zoe@"),
        ("consent=none", "ben@"), ("suppressed=yes", "ben@"), ("suppressed=no", "zoe@"),
    ):  # fmt: skip
        page = console.get(f"/admin/contacts/contact/?{query}").content.decode()
        other = "ben@" if found == "zoe@" else "zoe@"
        assert f"{found}example.org" in page, query
        assert f"{other}example.org" not in page, query
    assert console.get("/admin/contacts/contact/?erased=yes").status_code == 200


def test_exports_make_formulas_harmless(console: Client) -> None:
    AttributeDefinition.objects.create(key="note", label="Note", type="text")
    Contact.objects.create(
        email="a@example.com", first_name='=HYPERLINK("x")', attributes={"note": "@SUM(1)"}, tags=["-t"]
    )
    lines = b"".join(console.get("/admin/contacts/contact/export.csv?q=a@").streaming_content).decode().splitlines()
    assert lines[0].startswith("\ufeffexternal_id,email,phone,first_name")
    assert '"\'=HYPERLINK(""x"")"' in lines[1]
    assert "'@SUM(1)" in lines[1]
    assert "'-t" in lines[1]
    sheet = load_workbook(exporting.xlsx_file(Contact.objects.all())).active
    assert [(cell.value, cell.data_type) for cell in sheet[2]][3] == ('\'=HYPERLINK("x")', "s")


def test_an_export_is_read_back_unchanged(console: Client) -> None:
    AttributeDefinition.objects.create(key="vip", label="VIP", type="boolean")
    Contact.objects.create(email="a@example.com", first_name="Zoë", attributes={"vip": True}, tags=["x", "y"])
    content = b"".join(console.get("/admin/contacts/contact/export.csv").streaming_content)
    job = checked(
        content, mapping={"email": "email", "first_name": "first_name", "tags": "tags", "vip": "attribute:vip"}
    )
    assert (job.unchanged_count, job.error_count) == (1, 0)


def test_the_command_imports_and_says_what_it_did(tmp_path: object) -> None:
    file = f"{tmp_path}/people.csv"
    with open(file, "wb") as target:
        target.write(csv_bytes(["mail address", "plan"], ["a@example.com", "pro"]))
    out = io.StringIO()
    call_command("import_contacts", file, "--dry-run", stdout=out)
    assert not Contact.objects.exists()
    call_command("import_contacts", file, "--map", "mail address=email", "--new-attributes", "--tag", "t", stdout=out)
    assert "1 new" in out.getvalue()
    assert Contact.objects.get().tags == ["t"]
    call_command("import_contacts", file, "--map", "mail address=email", "--new-attributes", "--tag", "t", stdout=out)
    assert "imported the same way" in out.getvalue()
    call_command("import_contacts", file, "--map", "mail address=email", "--tag", "t", "--force", stdout=out)
    assert "1 unchanged" in out.getvalue()
    with pytest.raises(CommandError, match="no such column"):
        call_command("import_contacts", file, "--map", "nope=email", stdout=out)
    with pytest.raises(CommandError):
        call_command("import_contacts", f"{tmp_path}/missing.csv", stdout=out)


def test_what_an_attribute_is_described_by_is_text(console: Client, ada: Contact) -> None:
    """The theme takes a field's help for markup."""
    AttributeDefinition.objects.create(key="evil", label="Evil", description="<img src=x onerror=alert(1)>")
    for page in (f"/admin/contacts/contact/{ada.pk}/change/", "/admin/contacts/contact/add/"):
        assert "<img src=x" not in console.get(page).content.decode()
