"""Companies over the API: made, changed, listed, and who belongs to each."""

import pytest
from rest_framework.test import APIClient

from contacts import companies, merging
from contacts.models import Company, Contact
from team import apikeys
from team.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(editor: User) -> APIClient:
    _, key = apikeys.issue(editor, name="tests", scopes=["contacts:read", "contacts:write"])
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    return client


def test_a_company_is_made_once_read_changed_and_listed(api: APIClient) -> None:
    said = {"external_id": "c-1", "name": "Example Bakery", "attributes": {"employees": 12, "plan": "pro"}}
    made = api.post("/api/companies", said)
    assert made.status_code == 201
    again = api.post("/api/companies", {"external_id": "c-1", "attributes": {"plan": None, "is_partner": True}})
    assert (again.status_code, again.data["id"], again.data["name"]) == (200, made.data["id"], "Example Bakery")
    url = f"/api/companies/{made.data['id']}"
    changed = api.patch(url, {"name": "Example Bakery Ltd"})
    assert changed.data["attributes"] == {"employees": 12, "is_partner": True}
    assert api.get(url).data == changed.data
    assert [row["name"] for row in api.get("/api/companies?name=example").data["results"]] == ["Example Bakery Ltd"]
    assert api.get("/api/companies?external_id=c-2").data["results"] == []


def test_people_belong_to_a_company_until_they_leave(api: APIClient, editor: User) -> None:
    company = Company.objects.create(external_id="c-1")
    ann = Contact.objects.create(email="ann@example.com")
    bob = Contact.objects.create(external_id="B-1")
    url = f"/api/companies/{company.uuid}/contacts"
    assert api.post(url, {"contacts": ["ANN@example.com", "B-1"]}).data == {"added": 2}
    assert api.post(url, {"contacts": [str(bob.uuid)]}).data == {"added": 0}
    assert [row["id"] for row in api.get(url).data["results"]] == [str(bob.uuid), str(ann.uuid)]
    assert api.delete(f"{url}/{bob.uuid}").status_code == 204
    assert api.delete(f"{url}/{bob.uuid}").status_code == 404
    merging.merge(ann, into=bob, by=editor)
    assert [row["id"] for row in api.get(url).data["results"]] == [str(bob.uuid)], "the survivor belongs to it"
    assert api.delete(f"{url}/{ann.uuid}").status_code == 204, "also by the id of who was merged"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "x"}, "external_id"),
        ({"external_id": "c", "colour": "red"}, "colour"),
        ({"external_id": "c", "attributes": {"a": [1]}}, "attributes"),
        ({"external_id": "c", "attributes": {"k" * 61: 1}}, "attributes"),
        ({"external_id": "c", "attributes": {"k": "x" * 1001}}, "attributes"),
        ({"external_id": "c", "attributes": {f"k{n}": 1 for n in range(101)}}, "attributes"),
    ],
)
def test_what_wont_do_is_said_by_field(api: APIClient, body: dict, field: str) -> None:
    answer = api.post("/api/companies", body)
    assert answer.status_code == 400
    assert field in answer.json()["errors"]
    assert not Company.objects.exists()


def test_a_company_cannot_grow_without_end(api: APIClient) -> None:
    company, _ = companies.save("c", attributes={f"k{n}": 1 for n in range(100)})
    answer = api.patch(f"/api/companies/{company.uuid}", {"attributes": {"one_more": 1}})
    assert answer.status_code == 400
    assert "at most 100" in answer.json()["errors"]["attributes"][0]
    assert len(Company.objects.get().attributes) == 100


def test_unknown_people_are_named_and_nobody_is_added(api: APIClient) -> None:
    company = Company.objects.create(external_id="c-1")
    Contact.objects.create(email="ann@example.com")
    answer = api.post(f"/api/companies/{company.uuid}/contacts", {"contacts": ["ann@example.com", "eve@example.com"]})
    assert answer.status_code == 400
    assert "eve@example.com" in str(answer.json())
    assert not company.employments.exists()


def test_keys_and_roles_decide_who_may(editor: User, approver: User) -> None:
    company = Company.objects.create(external_id="c-1")
    for owner, scopes in ((editor, ["contacts:read"]), (approver, ["contacts:read", "contacts:write"])):
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {apikeys.issue(owner, name='x', scopes=scopes)[1]}")
        assert client.get("/api/companies").status_code == 200
        assert client.post("/api/companies", {"external_id": "x"}).status_code == 403
        assert client.patch(f"/api/companies/{company.uuid}", {"name": "x"}).status_code == 403
        assert client.post(f"/api/companies/{company.uuid}/contacts", {"contacts": ["x"]}).status_code == 403
    assert APIClient().get("/api/companies").status_code == 401
