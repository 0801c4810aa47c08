"""People, consent and imports over the API, with keys and without rights."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from contacts import consent
from contacts.importing import jobs
from contacts.models import AttributeDefinition, Contact, ImportJob
from team import apikeys
from team.models import User

pytestmark = pytest.mark.django_db


def client_of(user: User, *scopes: str) -> APIClient:
    client = APIClient()
    _, key = apikeys.issue(user, name="test", scopes=list(scopes))
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    return client


@pytest.fixture
def api(editor: User) -> APIClient:
    return client_of(editor, "contacts:read", "contacts:write")


def test_a_contact_is_created_then_updated_by_the_same_call(api: APIClient) -> None:
    AttributeDefinition.objects.create(key="score", label="Score", type="number")
    body: dict[str, Any] = {"email": "Ada@Example.com", "attributes": {"score": "7"}, "tags": ["b", "a", "b"]}
    first = api.post("/api/contacts", body)
    assert first.status_code == 201
    assert (first.json()["email"], first.json()["attributes"], first.json()["tags"]) == (
        "ada@example.com",
        {"score": 7},
        ["a", "b"],
    )
    again = api.post("/api/contacts/", {"email": "ada@example.com", "external_id": "X1", "attributes": {"score": None}})
    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
    assert (again.json()["attributes"], again.json()["external_id"]) == ({}, "X1")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"email": "nope"}, "email"), ({"phone": "123"}, "phone"), ({"first_name": "A"}, "non_field_errors"),
        ({"email": "a@example.com", "attributes": {"nope": 1}}, "attributes"),
        ({"email": "a@example.com", "atributes": {}}, "atributes"),
        ({"email": "a@example.com", "time_zone": "Mars"}, "time_zone"),
        ({"email": "a@example.com", "tags": "x"}, "tags"), ({"email": "a@example.com", "erased_at": None}, "erased_at"),
    ],
)  # fmt: skip
def test_wrong_bodies_are_answered_by_field(api: APIClient, body: dict[str, Any], field: str) -> None:
    answer = api.post("/api/contacts", body)
    assert (answer.status_code, field in answer.json()["errors"]) == (400, True)
    assert not Contact.objects.exists()


def test_two_people_are_not_merged_by_chance(api: APIClient) -> None:
    Contact.objects.create(external_id="X1")
    Contact.objects.create(email="a@example.com")
    answer = api.post("/api/contacts", {"external_id": "X1", "email": "a@example.com"})
    assert (answer.status_code, answer.json()["code"]) == (409, "two_contacts")


def test_lists_are_searched_filtered_and_paged(api: APIClient) -> None:
    for number in range(5):
        Contact.objects.create(email=f"p{number}@example.com", last_name="Lovelace", tags=["x"] if number else [])
    assert len(api.get("/api/contacts?search=lovel").json()["results"]) == 5
    assert len(api.get("/api/contacts?search=p3").json()["results"]) == 1
    assert len(api.get("/api/contacts?tag=x").json()["results"]) == 4
    assert len(api.get("/api/contacts?email=P1@example.com").json()["results"]) == 1
    assert api.get("/api/contacts?created_after=2200-01-01T00:00:00Z").json()["results"] == []
    page = api.get("/api/contacts?limit=2").json()
    assert (len(page["results"]), page["next"] is not None) == (2, True)


def test_a_contact_is_changed_and_erased(api: APIClient) -> None:
    ada = Contact.objects.create(email="ada@example.com", first_name="Ada")
    Contact.objects.create(email="taken@example.com")
    assert api.patch(f"/api/contacts/{ada.uuid}", {"first_name": "Augusta"}).json()["first_name"] == "Augusta"
    assert api.patch(f"/api/contacts/{ada.uuid}", {"email": "taken@example.com"}).status_code == 409
    assert api.delete(f"/api/contacts/{ada.uuid}").status_code == 204
    erased = api.get(f"/api/contacts/{ada.uuid}").json()
    assert (erased["email"], erased["erased_at"] is not None) == (None, True)
    assert api.patch(f"/api/contacts/{ada.uuid}", {"first_name": "A"}).status_code == 409


def test_consent_is_recorded_and_read(api: APIClient) -> None:
    ada = Contact.objects.create(email="ada@example.com")
    answer = api.post(f"/api/contacts/{ada.uuid}/consent", {"action": "grant", "source": "App"})
    assert answer.status_code == 201
    assert consent.is_granted(ada)
    assert api.post(f"/api/contacts/{ada.uuid}/consent", {"action": "perhaps", "source": "App"}).status_code == 400
    assert [one["action"] for one in api.get(f"/api/contacts/{ada.uuid}/consent").json()] == ["grant"]
    held = api.get(f"/api/contacts/{ada.uuid}/export").json()
    assert (held["contact"]["email"], len(held["consent"])) == ("ada@example.com", 1)


def test_a_file_is_imported_without_anyone_looking(api: APIClient) -> None:
    upload = SimpleUploadedFile("people.csv", b"E-mail,Plan\na@example.com,pro\nbad,x\n")
    answer = api.post(
        "/api/contacts/import",
        {"file": upload, "mapping": '{"E-mail": "email"}', "new_attributes": "true"},
        format="multipart",
    )
    assert answer.status_code == 202, answer.content
    jobs.work(ImportJob.objects.get())
    job = api.get(f"/api/contacts/imports/{answer.json()['id']}").json()
    assert (job["status"], job["created_count"], job["error_count"], job["errors"][0]["row"]) == ("done", 1, 1, 3)
    assert Contact.objects.get().attributes == {"plan": "pro"}


def test_files_that_are_no_tables_are_refused_and_forgotten(api: APIClient) -> None:
    for content, mapping in ((b"\x00\x01", "{}"), (b"email\na@example.com\n", '{"nope": "email"}')):
        upload = SimpleUploadedFile("people.csv", content)
        answer = api.post("/api/contacts/import", {"file": upload, "mapping": mapping}, format="multipart")
        assert answer.status_code == 409
    assert api.post("/api/contacts/import", {}, format="multipart").status_code == 400
    assert not ImportJob.objects.exists()


def test_rights_are_needed_for_everything(editor: User, approver: User, stranger: User) -> None:
    ada = Contact.objects.create(email="ada@example.com")
    for user, reads, writes in ((approver, 200, 403), (stranger, 403, 403)):
        client = client_of(user, "contacts:read", "contacts:write")
        assert client.get("/api/contacts").status_code == reads
        assert client.post("/api/contacts", {"email": "b@example.com"}).status_code == writes
        assert client.delete(f"/api/contacts/{ada.uuid}").status_code == writes
        assert client.post("/api/suppressions", {"address": "b@example.com"}).status_code == writes
        assert client.post("/api/contacts/import", {}, format="multipart").status_code == writes
    assert client_of(editor, "contacts:read").post("/api/contacts", {"email": "b@example.com"}).status_code == 403
    assert client_of(editor, "segments:read").get("/api/contacts").status_code == 403
    assert APIClient().get("/api/contacts").status_code == 401


@pytest.mark.parametrize("text", ['"\\ud800"', '{"\\ud800": 1}', '["\\udfff"]'])
def test_halves_of_characters_in_a_body_are_the_clients_mistake(api: APIClient, text: str) -> None:
    body = f'{{"email": "a@example.com", "attributes": {{"note": {text}}}}}'
    answer = api.post("/api/contacts", body, content_type="application/json")
    assert (answer.status_code, "half of a character" in answer.json()["detail"]) == (400, True)


def test_names_of_attributes_that_no_catalogue_holds_are_errors(api: APIClient) -> None:
    for key in ("nope", "\x00", "a" * 5000):
        answer = api.post("/api/contacts", {"email": "a@example.com", "attributes": {key: "x"}})
        assert (answer.status_code, "attributes" in answer.json()["errors"]) == (400, True)


def test_a_tag_holds_nothing_that_separates_tags_in_files(api: APIClient) -> None:
    for tag in ("a,b", "a;b", "a|b"):
        answer = api.post("/api/contacts", {"email": "x@example.com", "tags": ["good", tag]})
        assert answer.status_code == 400
        assert "separate tags in files" in answer.json()["errors"]["tags"][0]
    assert not Contact.objects.exists()
