"""What the API tells of delivery: recipients, why and events, tests; and to whom it says nothing."""

import uuid

import pytest
from rest_framework.test import APIClient

from campaigns.models import Campaign
from contacts import suppression
from contacts.models import Contact
from delivery.models import Message
from events import ingest, names
from team.models import User
from templates_app import publishing
from templates_app.models import Template
from tests.campaigns.test_api import client_of
from tests.delivery.conftest import Provider, make_account, make_campaign, make_people, plan

READING = ["recipients", "events", "why"]


@pytest.fixture
def people(db: None) -> list[Contact]:
    return make_people(3)


@pytest.fixture
def campaign(editor: User, people: list[Contact]) -> Campaign:
    """Planned for three people, the first of whom was suppressed."""
    suppression.suppress(people[0].email, reason="manual")
    campaign = make_campaign(editor)
    plan(campaign)
    return campaign


@pytest.fixture
def api(editor: User) -> APIClient:
    return client_of(editor)


def at(campaign: Campaign, what: str) -> str:
    return f"/api/campaigns/{campaign.uuid}/{what}"


def test_recipients_say_who_in_which_state_and_why(api: APIClient, campaign: Campaign) -> None:
    rows = api.get(at(campaign, "recipients")).json()["results"]
    assert [row["email"] for row in rows] == ["person2@example.com", "person1@example.com", "person0@example.com"]
    assert (rows[0]["state"], rows[0]["reason"], rows[0]["variant"]) == ("planned", "", "A")
    assert (rows[2]["state"], rows[2]["reason"]) == ("skipped", "suppressed")
    assert "suppression" in rows[2]["explanation"]


@pytest.mark.parametrize(("query", "count"), [("state=planned", 2), ("reason=suppressed", 1), ("state=sent", 0)])
def test_recipients_are_narrowed_by_state_and_reason(
    api: APIClient, campaign: Campaign, query: str, count: int
) -> None:
    assert len(api.get(f"{at(campaign, 'recipients')}?{query}").json()["results"]) == count


def test_an_unknown_state_is_a_400_and_no_empty_page(api: APIClient, campaign: Campaign) -> None:
    answer = api.get(f"{at(campaign, 'recipients')}?state=lost")
    assert answer.status_code == 400
    assert "state" in answer.json()["errors"]


def test_pages_of_recipients_follow_each_other_without_a_gap(api: APIClient, campaign: Campaign) -> None:
    seen, address = [], f"{at(campaign, 'recipients')}?limit=1"
    while address:
        body = api.get(address).json()
        seen += [row["id"] for row in body["results"]]
        address = body["next"]
    assert seen == sorted(Message.objects.values_list("pk", flat=True), reverse=True)


def test_events_are_the_campaign_s_own_newest_first_and_by_name(
    api: APIClient, campaign: Campaign, people: list[Contact], editor: User
) -> None:
    other = make_campaign(editor, name="Other")
    for name, of in ((names.OPENED, campaign), (names.CLICKED, campaign), (names.OPENED, other)):
        ingest.record(name, contact_id=people[1].pk, campaign_id=of.pk, properties={"url": "https://example.com/"})
    found = api.get(at(campaign, "events")).json()["results"]
    assert [event["name"] for event in found] == [names.CLICKED, names.OPENED]
    only = api.get(f"{at(campaign, 'events')}?name={names.OPENED}").json()["results"]
    assert [event["name"] for event in only] == [names.OPENED]


@pytest.mark.parametrize("field", ["email", "uuid", "external_id"])
def test_why_is_answered_for_each_of_a_contact_s_names(
    api: APIClient, campaign: Campaign, people: list[Contact], field: str
) -> None:
    body = api.get(at(campaign, "why"), {"contact": str(getattr(people[0], field))}).json()
    assert body["got_it"] is False
    assert "suppress" in body["answer"]
    assert body["messages"][0]["reason"] == "suppressed"


@pytest.mark.parametrize("asked", ["", "nobody@example.com", str(uuid.uuid4()), "\x00", "x" * 300])
def test_why_for_nobody_is_a_400_naming_the_field(api: APIClient, campaign: Campaign, asked: str) -> None:
    answer = api.get(at(campaign, "why"), {"contact": asked})
    assert answer.status_code == 400
    assert "contact" in answer.json()["errors"]


@pytest.mark.parametrize("what", READING)
def test_what_is_not_there_is_a_404(api: APIClient, db: None, what: str) -> None:
    assert api.get(f"/api/campaigns/{uuid.uuid4()}/{what}?contact=a@example.com").status_code == 404


@pytest.mark.parametrize("what", READING)
def test_a_key_needs_the_scope_and_its_owner_the_role(
    editor: User, stranger: User, campaign: Campaign, what: str
) -> None:
    address = f"{at(campaign, what)}?contact=person1@example.com"
    assert client_of(editor, "campaigns:read", "contacts:read").get(address).status_code == 200
    assert client_of(editor, "contacts:read").get(address).status_code == 403
    assert client_of(stranger).get(address).status_code == 403
    assert APIClient().get(address).status_code == 401


@pytest.mark.parametrize(("what", "status"), [("events", 200), ("recipients", 403), ("why", 403)])
def test_what_names_people_needs_the_right_to_see_contacts_besides(
    editor: User, campaign: Campaign, what: str, status: int
) -> None:
    address = f"{at(campaign, what)}?contact=person1@example.com"
    assert client_of(editor, "campaigns:read").get(address).status_code == status


# --- tests of a template


@pytest.fixture
def template(editor: User, campaign: Campaign) -> Template:
    return campaign.variants.get().template


def sends(template: Template) -> str:
    return f"/api/templates/{template.uuid}/test-send"


def test_a_test_goes_to_each_contact_named_and_an_answer_comes_for_each(
    api: APIClient, template: Template, provider: Provider
) -> None:
    make_account(provider)
    asked = ["person1@example.com", "person-2", "nobody@example.com", "person0@example.com"]
    answers = api.post(sends(template), {"to": asked}).json()
    assert [answer["sent"] for answer in answers] == [True, True, False, False]
    assert "No contact" in answers[2]["detail"]
    assert "suppression" in answers[3]["detail"]
    assert provider.recipients() == ["person1@example.com", "person2@example.com"]
    assert b"Subject: [Test] Hi Given1" in provider.bodies()[0]


def test_a_test_leaves_nothing_in_the_ledger_and_its_links_count_nowhere(
    api: APIClient, template: Template, provider: Provider
) -> None:
    make_account(provider)
    before = Message.objects.count()
    api.post(sends(template), {"to": ["person1@example.com"]})
    assert Message.objects.count() == before
    [body] = provider.bodies()
    assert b"/c/" not in body
    assert b"/o/" not in body
    assert b"https://example.com/offer" in body


def test_a_draft_is_sent_when_it_is_asked_for(
    api: APIClient, template: Template, provider: Provider, editor: User
) -> None:
    make_account(provider)
    body = {"to": ["person1@example.com"], "draft": True}
    assert api.post(sends(template), body).json()["code"] == "no_draft"
    publishing.save_draft(template, by=editor, subject="Draft for {{ contact.first_name }}")
    assert api.post(sends(template), body).json()[0]["sent"]
    assert b"Subject: [Test] Draft for Given1" in provider.bodies()[0]
    api.post(sends(template), {"to": ["person1@example.com"]})
    assert b"Subject: [Test] Hi Given1" in provider.bodies()[1]


def test_a_template_without_a_version_is_refused_and_its_draft_can_be_tried(
    api: APIClient, editor: User, campaign: Campaign, provider: Provider
) -> None:
    make_account(provider)
    fresh = publishing.create(by=editor, name="Fresh", content={"subject": "Fresh", "source": "<p>Hello</p>"})
    assert api.post(sends(fresh), {"to": ["person1@example.com"]}).json()["code"] == "not_published"
    assert api.post(sends(fresh), {"to": ["person1@example.com"], "draft": True}).json()[0]["sent"]


def test_without_an_account_or_with_one_that_is_away_the_answer_says_so(api: APIClient, template: Template) -> None:
    answer = api.post(sends(template), {"to": ["person1@example.com"]}).json()[0]
    assert (answer["sent"], "sender account" in answer["detail"]) == (False, True)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "to"),
        ({"to": []}, "to"),
        ({"to": "person1@example.com"}, "to"),
        ({"to": ["a@example.com"] * 11}, "to"),
        ({"to": ["x" * 255]}, "to"),
        ({"to": ["a@example.com"], "sender": "boss"}, "sender"),
        ({"to": ["a@example.com"], "draft": "perhaps"}, "draft"),
    ],
)
def test_a_wrong_body_is_refused_naming_the_field(
    api: APIClient, template: Template, body: dict[str, object], field: str
) -> None:
    answer = api.post(sends(template), body)
    assert answer.status_code == 400
    assert field in answer.json()["errors"]


def test_sending_tests_needs_the_scope_and_the_role(
    editor: User, approver: User, template: Template, provider: Provider
) -> None:
    make_account(provider)
    body = {"to": ["person1@example.com"]}
    assert client_of(editor, "templates:read").post(sends(template), body).status_code == 403
    assert client_of(approver).post(sends(template), body).status_code == 403
    assert client_of(editor).post(f"/api/templates/{uuid.uuid4()}/test-send", body).status_code == 404
    assert provider.recipients() == []
