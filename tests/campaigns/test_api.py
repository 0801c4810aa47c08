"""/api/campaigns: shapes, guards, and that every verb asks the same questions as the console."""

import threading
import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from campaigns import lifecycle, tasks, writing
from campaigns.models import Campaign, CreationKey, Variant
from team import apikeys
from team.apikeys import SCOPES
from team.models import User
from templates_app.models import Template
from tests.campaigns.conftest import make_template
from tests.campaigns.test_lifecycle import in_hours, reach_status
from tests.conftest import make_user

Status = Campaign.Status


def client_of(user: User, *scopes: str) -> APIClient:
    _, key = apikeys.issue(user, name="Test", scopes=list(scopes or SCOPES))
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    return client


@pytest.fixture
def api(editor):
    return client_of(editor)


@pytest.fixture
def deciding(approver):
    return client_of(approver)


def url(campaign: Campaign, verb: str = "") -> str:
    return f"/api/campaigns/{campaign.uuid}" + (f"/{verb}" if verb else "")


def test_a_campaign_goes_all_the_way_over_the_api(api, deciding, segment, template, sender):
    body = {
        "name": "Spring",
        "segments": [str(segment.uuid)],
        "sender": str(sender.uuid),
        "variants": [{"template": str(template.uuid)}],
    }
    made = api.post("/api/campaigns", body)
    assert made.status_code == 201, made.json()
    assert made["ETag"]
    path = f"/api/campaigns/{made.json()['id']}"
    assert api.post(f"{path}/submit", {"comment": "Please"}).json()["status"] == "in_review"
    waiting = deciding.get("/api/approvals").json()["results"]
    assert [row["campaign_name"] for row in waiting] == ["Spring"]
    decided = deciding.post(f"{path}/approve", {"content_hash": waiting[0]["content_hash"]})
    assert decided.json()["approval"]["decision"] == "approved"
    assert deciding.get("/api/approvals").json()["results"] == []
    assert api.post(f"{path}/launch").json()["status"] == "sending"
    texts = [entry["text"] for entry in api.get(f"{path}/history").json()]
    assert texts == ["Started", "Approved", "Submitted for approval", "Created"]


def test_the_short_form_makes_a_template_with_a_published_version(api, segment, sender):
    config = {
        "subject": "Hi {{ contact.first_name }}",
        "preheader": "New",
        "html": '<p>Hi</p><a href="{{ unsubscribe_url }}">Unsubscribe</a>',
        "from": {"email": "NEWS@example.com"},
    }
    body = {"name": "Short", "channels": ["email"], "emailConfig": config, "segments": [str(segment.uuid)]}
    made = api.post("/api/campaigns", body)
    assert made.status_code == 201, made.json()
    campaign = Campaign.objects.get(uuid=made.json()["id"])
    assert campaign.sender == sender
    version = campaign.variants.get().template.current_version
    assert version.subject == "Hi {{ contact.first_name }}"
    assert version.is_published
    assert api.post(url(campaign, "submit")).status_code == 200


def test_a_short_form_that_fails_leaves_no_template_behind(api, sender):
    body = {
        "name": "Short",
        "emailConfig": {"subject": "S", "html": "<p>{% if %}</p>", "from": {"email": "x@y.example"}},
    }
    assert api.post("/api/campaigns", body).status_code in (400, 409)
    assert not Template.objects.exists()
    assert not Campaign.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x" * 161}, "name"),
        ({"name": "A", "status": "approved"}, "status"),
        ({"name": "A", "created_by": 1}, "created_by"),
        ({"name": "A", "segments": ["nonsense"]}, "segments"),
        ({"name": "A", "segments": [str(uuid.uuid4())]}, "segments"),
        ({"name": "A", "segments": {"a": 1}}, "segments"),
        ({"name": "A", "sender": "'; DROP TABLE"}, "sender"),
        ({"name": "A", "schedule": {"on": "2099-01-01", "time": "09:00", "zone": "Mars/Base"}}, "schedule"),
        ({"name": "A", "schedule": {"on": "2099-01-01"}}, "schedule"),
        ({"name": "A", "channels": ["fax"]}, "channels"),
        ({"name": "A", "smsConfig": {}}, "smsConfig"),
        ({"name": "A", "variants": [{}]}, "variants"),
        ({"name": "A", "variants": [{"template": str(uuid.uuid4()), "weight": 0}]}, "variants"),
        ({"name": "A", "emailConfig": {"subject": "S"}}, "emailConfig"),
        ({"name": "A", "emailConfig": {"subject": "S", "html": "a", "mjml": "b"}}, "emailConfig"),
        (
            {"name": "A", "emailConfig": {"subject": "S", "html": "a", "from": {"email": "no@body.example"}}},
            "emailConfig",
        ),
    ],
)
def test_a_wrong_body_is_refused_naming_the_field(body, field, api):
    answer = api.post("/api/campaigns", body)
    assert answer.status_code == 400
    assert field in answer.json()["errors"]
    assert answer["Content-Type"] == "application/problem+json"
    assert not Campaign.objects.exists()


@pytest.mark.parametrize("raw", ["", "[]", "null", '"text"', "{", "\x00"])
def test_a_body_that_is_no_object_is_a_400(raw, api):
    assert api.post("/api/campaigns", raw, content_type="application/json").status_code == 400


def test_a_time_in_the_past_is_refused(api):
    body = {"name": "A", "schedule": {"on": "2001-01-01", "time": "09:00", "zone": "UTC"}}
    answer = api.post("/api/campaigns", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "in_the_past")


# --- lost updates


def test_a_change_of_what_somebody_else_changed_is_a_412(api, campaign):
    seen = api.get(url(campaign))["ETag"]
    first = api.patch(url(campaign), {"name": "Mine"}, headers={"If-Match": seen})
    assert first.status_code == 200
    second = api.patch(url(campaign), {"name": "Theirs"}, headers={"If-Match": seen})
    assert (second.status_code, second.json()["code"]) == (412, "changed_meanwhile")
    third = api.patch(url(campaign), {"name": "Theirs"}, headers={"If-Match": first["ETag"]})
    assert third.json()["name"] == "Theirs"


@pytest.mark.parametrize("tag", ['"x"', '"' + "9" * 30 + '"', "'; --"])
def test_an_if_match_that_is_no_etag_of_ours_matches_nothing(tag, api, campaign):
    assert api.patch(url(campaign), {"name": "Mine"}, headers={"If-Match": tag}).status_code == 412


def test_put_replaces_and_patch_changes_some(api, campaign):
    assert api.patch(url(campaign), {"tags": ["a", "b"]}).json()["segments"]
    replaced = api.put(url(campaign), {"name": "Only a name"}).json()
    assert (replaced["segments"], replaced["variants"], replaced["tags"], replaced["sender"]) == ([], [], [], None)


def test_a_change_in_review_takes_it_back_to_draft(api, campaign, editor):
    lifecycle.submit(campaign, by=editor)
    assert api.patch(url(campaign), {"name": "Other"}).json()["status"] == "draft"
    assert campaign.approvals.get().decision == "void"


def test_a_change_of_one_that_is_sending_is_refused(api, approved, editor):
    lifecycle.launch(approved, by=editor)
    answer = api.patch(url(approved), {"name": "Other"})
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_status")


# --- asking twice


def test_the_same_idempotency_key_makes_one_campaign(api):
    answers = [api.post("/api/campaigns", {"name": "Once"}, headers={"Idempotency-Key": "k1"}) for _ in range(3)]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert Campaign.objects.count() == 1
    other = api.post("/api/campaigns", {"name": "Different"}, headers={"Idempotency-Key": "k1"})
    assert (other.status_code, other.json()["code"]) == (409, "key_reused")


def test_a_failed_request_does_not_use_its_key_up(api):
    past = {"name": "A", "schedule": {"on": "2001-01-01", "time": "09:00", "zone": "UTC"}}
    assert api.post("/api/campaigns", past, headers={"Idempotency-Key": "k1"}).status_code == 409
    assert not CreationKey.objects.exists()
    assert api.post("/api/campaigns", {"name": "A"}, headers={"Idempotency-Key": "k1"}).status_code == 201


def test_a_key_is_forgotten_after_a_week(api):
    first = api.post("/api/campaigns", {"name": "A"}, headers={"Idempotency-Key": "k1"}).json()
    CreationKey.objects.update(at=timezone.now() - writing.KEYS_ARE_KEPT + timedelta(hours=1))
    tasks.forget_keys()
    assert api.post("/api/campaigns", {"name": "A"}, headers={"Idempotency-Key": "k1"}).json()["id"] == first["id"]
    CreationKey.objects.update(at=timezone.now() - writing.KEYS_ARE_KEPT - timedelta(hours=1))
    tasks.forget_keys()
    assert not CreationKey.objects.exists()


def test_two_people_may_use_the_same_key(api, segment):
    other = client_of(make_user("eve", "Marketer"))
    ids = {c.post("/api/campaigns", {"name": "A"}, headers={"Idempotency-Key": "k"}).json()["id"] for c in (api, other)}
    assert len(ids) == 2


@pytest.mark.django_db(transaction=True)
def test_the_same_key_at_the_same_moment_makes_one_campaign(editor):
    clients = [client_of(editor) for _ in range(4)]
    barrier, codes = threading.Barrier(4), []

    def ask(client: APIClient) -> None:
        barrier.wait(10)
        codes.append(client.post("/api/campaigns", {"name": "Once"}, headers={"Idempotency-Key": "k"}).status_code)
        connection.close()

    threads = [threading.Thread(target=ask, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert codes == [201] * 4
    assert Campaign.objects.count() == 1


# --- who may

VERBS = {
    "submit": ("campaigns:write", Status.DRAFT, {}),
    "withdraw": ("campaigns:write", Status.IN_REVIEW, {}),
    "approve": ("campaigns:approve", Status.IN_REVIEW, {}),
    "reject": ("campaigns:approve", Status.IN_REVIEW, {"comment": "No"}),
    "schedule": ("campaigns:launch", Status.APPROVED, {"on": "2099-01-01", "time": "09:00", "zone": "UTC"}),
    "unschedule": ("campaigns:launch", Status.SCHEDULED, {}),
    "launch": ("campaigns:launch", Status.APPROVED, {}),
    "start": ("campaigns:launch", Status.APPROVED, {}),
    "send": ("campaigns:launch", Status.APPROVED, {}),
    "publish": ("campaigns:launch", Status.APPROVED, {}),
    "pause": ("campaigns:launch", Status.SENDING, {"reason": "Typo"}),
    "resume": ("campaigns:launch", Status.PAUSED, {}),
    "cancel": ("campaigns:launch", Status.SENDING, {}),
    "duplicate": ("campaigns:write", Status.DRAFT, {}),
    "archive": ("campaigns:write", Status.DRAFT, {}),
}
MARKETERS = set(VERBS) - {"approve", "reject"}
APPROVERS = {"approve", "reject", "archive"} | {verb for verb, (scope, *_) in VERBS.items() if scope.endswith("launch")}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(("role", "allowed"), [("Marketer", MARKETERS), ("Approver", APPROVERS), (None, set())])
def test_each_role_may_do_exactly_its_verbs(role, allowed, verb, campaign, editor, approver):
    _, status, body = VERBS[verb]
    reach_status(campaign, status, editor, approver)
    someone = make_user("dan", role)
    answer = client_of(someone).post(url(campaign, verb), body)
    assert answer.status_code in ((200, 201) if verb in allowed else (403,)), answer.json()
    if verb not in allowed:
        campaign.refresh_from_db()
        assert campaign.status == status


@pytest.mark.parametrize("verb", VERBS)
def test_a_key_without_the_scope_may_not(verb, campaign, editor, approver):
    scope, status, body = VERBS[verb]
    reach_status(campaign, status, editor, approver)
    administrator = make_user("dan", "Administrator")
    without = client_of(administrator, *(set(SCOPES) - {scope}))
    answer = without.post(url(campaign, verb), body)
    assert answer.status_code == 403
    assert scope in answer.json()["detail"]


def test_a_stranger_reads_nothing_and_nobody_reads_without_a_key(stranger, campaign):
    for path in (
        "/api/campaigns",
        url(campaign),
        url(campaign, "history"),
        url(campaign, "comments"),
        "/api/approvals",
    ):
        assert client_of(stranger).get(path).status_code == 403
        assert APIClient().get(path).status_code == 401


def test_nobody_approves_their_own_by_a_key(campaign):
    boss = make_user("dan", "Administrator")
    Campaign.objects.filter(pk=campaign.pk).update(created_by=boss)
    client = client_of(boss)
    client.post(url(campaign, "submit"))
    answer = client.post(url(campaign, "approve"))
    assert (answer.status_code, answer.json()["code"]) == (409, "four_eyes")


def test_an_approver_may_not_create(deciding):
    assert deciding.post("/api/campaigns", {"name": "A"}).status_code == 403


# --- the rest


def test_publish_schedules_what_has_a_time(api, deciding, new_campaign):
    campaign = new_campaign()
    when = {"on": "2099-05-01", "time": "09:00:00", "zone": "Europe/Berlin"}
    assert api.patch(url(campaign), {"schedule": when}).json()["schedule"] == when
    api.post(url(campaign, "submit"))
    deciding.post(url(campaign, "approve"))
    assert api.post(url(campaign, "publish")).json()["status"] == "scheduled"


def test_bulk_answers_for_each(api, new_campaign, editor, approver):
    sending, draft = new_campaign("A"), new_campaign("B")
    reach_status(sending, Status.SENDING, editor, approver)
    unknown = str(uuid.uuid4())
    ids = [str(sending.uuid), str(draft.uuid), unknown, str(draft.uuid)]
    results = api.post("/api/campaigns/bulk", {"action": "pause", "ids": ids}).json()["results"]
    assert [(row["is_done"], row["code"]) for row in results] == [
        (True, ""),
        (False, "wrong_status"),
        (False, "not_found"),
    ]
    assert results[0]["status"] == "paused"


def test_bulk_cannot_approve_and_tags_without_voiding(api, approved):
    assert api.post("/api/campaigns/bulk", {"action": "approve", "ids": [str(approved.uuid)]}).status_code == 400
    tagged = api.post("/api/campaigns/bulk", {"action": "tag", "ids": [str(approved.uuid)], "tags": ["x"]}).json()
    assert tagged["results"][0] == {
        "id": str(approved.uuid), "is_done": True, "status": "approved", "code": "", "message": "",
    }  # fmt: skip
    assert api.get("/api/campaigns?tag=x").json()["results"][0]["tags"] == ["x"]


def test_bulk_pause_needs_the_launch_scope(editor, approved):
    client = client_of(editor, "campaigns:write")
    answer = client.post("/api/campaigns/bulk", {"action": "pause", "ids": [str(approved.uuid)]})
    assert answer.status_code == 403


def test_bulk_reschedules(api, approved, editor):
    lifecycle.schedule(approved, by=editor, **in_hours(24))
    body = {
        "action": "reschedule",
        "ids": [str(approved.uuid)],
        "schedule": {"on": "2099-01-01", "time": "09:00", "zone": "UTC"},
    }
    assert api.post("/api/campaigns/bulk", body).json()["results"][0]["status"] == "scheduled"
    approved.refresh_from_db()
    assert approved.planned_at.year == 2099


def test_a_duplicate_carries_no_approval_and_no_time(api, approved, editor):
    lifecycle.schedule(approved, by=editor, **in_hours(24))
    copy = api.post(url(approved, "duplicate"), {"name": "Again"}).json()
    assert (copy["status"], copy["approval"], copy["planned_at"], copy["schedule"]) == ("draft", None, None, None)
    assert copy["variants"][0]["version"] is None
    assert api.post(f"/api/campaigns/{copy['id']}/launch").json()["code"] == "wrong_status"


def test_a_deleted_campaign_is_gone_until_it_is_restored(api, campaign):
    assert api.delete(url(campaign)).status_code == 204
    assert api.get(url(campaign)).status_code == 404
    assert api.get("/api/campaigns").json()["results"] == []
    assert len(api.get("/api/campaigns?deleted=true").json()["results"]) == 1
    assert api.post(url(campaign, "restore")).json()["deleted_at"] is None
    assert api.get(url(campaign)).status_code == 200


def test_validate_names_what_blocks(api, campaign):
    assert api.post(url(campaign, "validate")).json()["is_ready"] is True
    campaign.segments.clear()
    found = api.post(url(campaign, "validate")).json()
    assert found["is_ready"] is False
    assert "no_segment" in [finding["code"] for finding in found["findings"]]


def test_preview_shows_what_a_contact_would_get(api, editor, campaign, people):
    template = make_template("Greeting")
    Variant.objects.filter(campaign=campaign).update(template=template)
    shown = api.post(url(campaign, "preview"), {"contact": people[0].email}).json()
    assert shown["subject"] == "Greeting for you"
    assert api.post(url(campaign, "preview"), {"contact": "nobody@example.com"}).status_code == 404
    assert api.post(url(campaign, "preview"), {"variant": "Q"}).status_code == 404
    blind = client_of(editor, "campaigns:read")
    assert blind.post(url(campaign, "preview"), {"contact": people[0].email}).status_code == 403
    assert blind.post(url(campaign, "preview")).status_code == 200


def test_comments_and_replies(api, deciding, campaign):
    said = api.post(url(campaign, "comments"), {"body": "Have a look @ben"}).json()
    reply = deciding.post(url(campaign, "comments"), {"body": "Fine", "reply_to": said["id"]}).json()
    assert reply["reply_to"] == said["id"]
    assert [row["body"] for row in api.get(url(campaign, "comments")).json()] == ["Have a look @ben", "Fine"]
    assert api.post(url(campaign, "comments"), {"body": "  "}).status_code == 400


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["Autumn", "Spring"]),
        ("status=draft", ["Autumn", "Spring"]),
        ("status=sending&status=paused", []),
        ("search=aut", ["Autumn"]),
        ("search=%25", []),
        ("tag=vip", ["Autumn"]),
        ("tag=vi", []),
        ("kind=triggered", []),
        ("channel=email", ["Autumn", "Spring"]),
        ("created_after=2100-01-01T00:00:00Z", []),
        ("scheduled_before=2100-01-01T00:00:00Z", []),
        ("archived=true", []),
    ],
)
def test_lists_are_filtered(query, names, api, new_campaign):
    new_campaign("Spring")
    new_campaign("Autumn", tags=["vip"])
    assert [row["name"] for row in api.get(f"/api/campaigns?{query}").json()["results"]] == names


@pytest.mark.parametrize("query", ["status=nonsense", "created_after=yesterday", "kind='"])
def test_a_wrong_filter_is_a_400(query, api):
    assert api.get(f"/api/campaigns?{query}").status_code == 400


def test_a_list_costs_the_same_queries_however_long_it_is(api, new_campaign, django_assert_max_num_queries):
    for number in range(20):
        new_campaign(f"Campaign {number}")
    with django_assert_max_num_queries(10):
        assert len(api.get("/api/campaigns").json()["results"]) == 20
