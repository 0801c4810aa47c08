"""/api/templates by key and by session."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone
from rest_framework.test import APIClient

from analytics import rollup
from campaigns.models import Campaign, Variant
from contacts.models import Contact
from events import ingest, names
from team import apikeys
from team.models import User
from templates_app import publishing
from templates_app.models import Template

SOURCE = (
    "<p>Hello {{ contact.first_name }}</p>"
    '<a href="https://example.com/a">Shop</a><a href="{{ unsubscribe_url }}">No</a>'
)


@pytest.fixture
def api(editor: User) -> APIClient:
    _, key = apikeys.issue(editor, name="test", scopes=["contacts:read", "templates:read", "templates:write"])
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    return client


@pytest.fixture
def template(api: APIClient) -> dict[str, Any]:
    answer = api.post("/api/templates", {"name": "News", "subject": "Hi", "source": SOURCE, "category": "news"})
    assert answer.status_code == 201, answer.content
    return dict(answer.json())


def test_a_template_is_created_published_and_read(api: APIClient, template: dict[str, Any]) -> None:
    assert (template["status"], template["draft"]["number"]) == ("draft", 1)
    published = api.post(f"/api/templates/{template['id']}/publish").json()
    assert published["number"] == 1
    assert published["links"] == [{"position": 0, "url": "https://example.com/a", "text": "Shop"}]
    read = api.get(f"/api/templates/{template['id']}/").json()
    assert (read["status"], read["version"]["subject"], read["draft"]) == ("published", "Hi", None)


def test_put_saves_a_new_draft_and_leaves_the_current_version(api: APIClient, template: dict[str, Any]) -> None:
    api.post(f"/api/templates/{template['id']}/publish")
    answer = api.put(f"/api/templates/{template['id']}", {"subject": "Second", "language": "de"}).json()
    assert (answer["draft"]["subject"], answer["version"]["subject"], answer["language"]) == ("Second", "Hi", "de")


def test_unknown_fields_are_refused_by_name(api: APIClient, template: dict[str, Any]) -> None:
    answer = api.put(f"/api/templates/{template['id']}", {"subjetc": "x", "compiled_html": "x"})
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == {"subjetc", "compiled_html"}


@pytest.mark.parametrize("body", [[], "x", 7, {"source": 3, "format": "docx"}, {"subject": None}])
def test_wrong_bodies_get_a_problem_answer(api: APIClient, template: dict[str, Any], body: object) -> None:
    answer = api.put(f"/api/templates/{template['id']}", json.dumps(body), content_type="application/json")
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"


def test_the_list_filters_by_kind_category_language_and_status(api: APIClient, template: dict[str, Any]) -> None:
    api.post("/api/templates", {"name": "Other", "language": "fr"})
    api.post(f"/api/templates/{template['id']}/publish")

    def names(query: str) -> list[str]:
        return [entry["name"] for entry in api.get(f"/api/templates?{query}").json()["results"]]

    assert names("status=published") == ["News"]
    assert names("status=draft") == ["Other"]
    assert names("category=news") == ["News"]
    assert names("language=fr") == ["Other"]
    assert names("kind=sms") == []
    assert names("kind=email") == ["Other", "News"]


def test_a_preview_shows_what_one_person_would_get(api: APIClient, template: dict[str, Any]) -> None:
    Contact.objects.create(email="ada@example.com", first_name="<script>alert(1)</script>")
    path = f"/api/templates/{template['id']}/preview"
    shown = api.post(path, {"contact": "ada@example.com"}).json()
    assert "&lt;script&gt;" in shown["html"]
    assert "<script>" not in shown["html"]
    with_data = api.post(path, {"data": {"contact": {"first_name": "Bob"}}}).json()
    assert "Hello Bob" in with_data["html"]
    assert api.post(path, {"contact": "nobody@example.com"}).json()["code"] == "no_contact"
    assert api.post(path, {"version": 7}).status_code == 404


def test_a_draft_that_can_not_be_built_is_refused_with_a_sentence(api: APIClient, template: dict[str, Any]) -> None:
    api.put(f"/api/templates/{template['id']}", {"source": "a\n{{ oops"})
    answer = api.post(f"/api/templates/{template['id']}/publish")
    assert answer.status_code == 409
    assert "line 2" in answer.json()["detail"]


def test_versions_tell_what_changed_and_revert_brings_one_back(api: APIClient, template: dict[str, Any]) -> None:
    path = f"/api/templates/{template['id']}"
    api.post(f"{path}/publish")
    api.put(path, {"subject": "Second"})
    api.post(f"{path}/publish")
    second, first = api.get(f"{path}/versions").json()["results"]
    assert (second["number"], first["number"], first["difference"]) == (2, 1, "")
    assert "-Hi" in second["difference"]
    assert "+Second" in second["difference"]
    assert api.post(f"{path}/revert", {"version": 1}).json()["subject"] == "Hi"


def test_a_template_in_use_is_not_deleted_and_its_users_are_named(api: APIClient, template: dict[str, Any]) -> None:
    row = Template.objects.get(uuid=template["id"])
    Variant.objects.create(campaign=Campaign.objects.create(name="Spring sale"), template=row)
    answer = api.delete(f"/api/templates/{template['id']}")
    assert answer.status_code == 409
    assert "Spring sale" in answer.json()["detail"]
    [used] = api.get(f"/api/templates/{template['id']}/usage").json()
    assert (used["campaign_name"], used["sent"], used["opened_rate"]) == ("Spring sale", 0, None)


@pytest.mark.django_db(transaction=True)
def test_usage_tells_what_the_hourly_counts_say(api: APIClient, template: dict[str, Any]) -> None:
    row = Template.objects.get(uuid=template["id"])
    campaign = Campaign.objects.create(name="Spring sale", started_at=timezone.now())
    variant = Variant.objects.create(campaign=campaign, template=row)
    for message, name, label in (
        (1, names.MESSAGE_SENT, "human"), (2, names.MESSAGE_SENT, "human"), (1, names.OPENED, "human"),
        (1, names.OPENED, "human"), (2, names.OPENED, "scanner"),
    ):  # fmt: skip
        ingest.record(name, campaign_id=campaign.pk, variant_id=variant.pk, message_id=message, label=label)
    while rollup.advance():
        pass
    [used] = api.get(f"/api/templates/{template['id']}/usage").json()
    assert (used["sent"], used["opened"], used["opened_rate"]) == (2, 1, 0.5)


def test_what_holds_on_to_a_template_otherwise_is_named_as_well(
    api: APIClient, template: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    row = Template.objects.get(uuid=template["id"])
    Variant.objects.create(campaign=Campaign.objects.create(name="Spring sale"), template=row)
    monkeypatch.setattr(publishing, "used_by", lambda template: [])  # as if it had been picked this very moment
    answer = api.delete(f"/api/templates/{template['id']}")
    assert (answer.status_code, answer.json()["code"]) == (409, "in_use")
    assert Template.objects.filter(pk=row.pk).exists()


def test_an_unused_template_is_deleted(api: APIClient, template: dict[str, Any]) -> None:
    assert api.delete(f"/api/templates/{template['id']}").status_code == 204
    assert api.get(f"/api/templates/{template['id']}").status_code == 404


def test_an_export_can_be_imported_again_under_a_free_name(api: APIClient, template: dict[str, Any]) -> None:
    document = api.get(f"/api/templates/{template['id']}/export").json()
    copy = api.post("/api/templates/import", document).json()
    assert copy["name"] == "News 2"
    assert copy["draft"]["source"] == SOURCE


@pytest.mark.parametrize(
    "change",
    [
        {"edition": 2},
        {"name": ""},
        {"name": ["x"]},
        {"name": "a\nb"},
        {"channel": "../../etc/passwd"},
        {"content": {"source": "x", "compiled_html": "x"}},
        {"content": {"source": ["x"]}},
        {"content": "x"},
    ],
)
def test_a_damaged_file_is_refused(api: APIClient, template: dict[str, Any], change: dict[str, Any]) -> None:
    document = {**api.get(f"/api/templates/{template['id']}/export").json(), **change}
    assert api.post("/api/templates/import", document, format="json").status_code in {400, 409}


def test_every_gallery_example_is_without_blocking_findings(editor: User, api: APIClient) -> None:
    examples = api.get("/api/templates/gallery").json()
    assert len(examples) >= 6
    for example in examples:
        made = publishing.create(
            by=editor, name=example["name"], category=example["category"], content=example["content"]
        )
        assert [f for f in publishing.publish(made, by=editor).findings if f["level"] != "info"] == []


def test_a_clone_is_a_new_template(api: APIClient, template: dict[str, Any]) -> None:
    copy = api.post(f"/api/templates/{template['id']}/clone", {}).json()
    assert (copy["name"], copy["draft"]["subject"]) == ("News (copy)", "Hi")


def test_a_key_that_may_only_read_can_not_write(editor: User, template: dict[str, Any]) -> None:
    _, key = apikeys.issue(editor, name="reader", scopes=["templates:read"])
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    assert client.get("/api/templates").status_code == 200
    for path in ("", f"/{template['id']}/publish", f"/{template['id']}/clone", "/import"):
        assert client.post(f"/api/templates{path}", {}).status_code == 403


def test_someone_without_a_role_sees_nothing(stranger: User, template: dict[str, Any]) -> None:
    client = APIClient()
    client.force_login(stranger)
    assert client.get("/api/templates").status_code == 403
    assert APIClient().get("/api/templates").status_code == 401


def test_a_preview_for_a_contact_needs_the_scope_to_see_contacts(template: dict[str, Any], editor: User) -> None:
    Contact.objects.create(email="ada@example.com", first_name="Ada")
    _, key = apikeys.issue(editor, name="less", scopes=["templates:write"])
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    answer = client.post(f"/api/templates/{template['id']}/preview", {"contact": "ada@example.com"})
    assert (answer.status_code, "contacts:read" in answer.json()["detail"]) == (403, True)
    assert client.post(f"/api/templates/{template['id']}/preview", {}).status_code == 200


def test_each_page_of_versions_knows_what_came_before_its_last(api: APIClient, template: dict[str, Any]) -> None:
    path = f"/api/templates/{template['id']}"
    for number in range(3):
        api.put(path, {"subject": f"Subject {number}"})
        api.post(f"{path}/publish")
    page = api.get(f"{path}/versions?limit=1").json()
    assert "+Subject 2" in page["results"][0]["difference"]
    assert "-Subject 1" in page["results"][0]["difference"]


def test_deleting_by_the_api_needs_the_right_that_the_console_asks_for(template: dict[str, Any]) -> None:
    changer = User.objects.create_user("dot", is_staff=True)
    changer.user_permissions.set(Permission.objects.filter(codename__in=["view_template", "change_template"]))
    client = APIClient()
    _, key = apikeys.issue(changer, name="test", scopes=["templates:read", "templates:write"])
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    assert client.put(f"/api/templates/{template['id']}", {"subject": "Mine"}).status_code == 200
    assert client.post("/api/templates", {"name": "Mine"}).status_code == 403
    assert client.delete(f"/api/templates/{template['id']}").status_code == 403
