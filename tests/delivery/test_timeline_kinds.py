"""One person's timeline: every kind of entry in one order, its pages and filters, and who may read it by the API."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from contacts import consent, merging, timeline
from contacts.models import Contact, Imported, ImportJob, PreferenceChange
from contacts.timeline import Wanted
from delivery.models import Message
from events import ingest, names
from segments.models import Membership, Segment
from team import apikeys
from team.models import User
from tests.delivery.conftest import make_campaign, make_people, plan

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def ada() -> Contact:
    return make_people(1)[0]


def client_of(user: User, *scopes: str) -> APIClient:
    _, key = apikeys.issue(user, name="test", scopes=list(scopes) or ["contacts:read", "contacts:write"])
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    return client


@pytest.fixture
def api(editor: User) -> APIClient:
    return client_of(editor)


def told(contact: Contact, **wanted: Any) -> list[tuple[str, str]]:
    return [(entry.kind, entry.name) for entry in timeline.page(contact, Wanted(**wanted)).entries]


@pytest.fixture
def busy(ada: Contact, editor: User) -> Contact:
    """Somebody with one entry of each kind at least."""
    campaign = make_campaign(editor)
    Membership.objects.create(segment=campaign.segments.get(), contact=ada)
    plan(campaign)
    Message.objects.filter(contact=ada).update(state="sent", sent_at=NOW)
    of_message: dict[str, Any] = {"contact_id": ada.pk, "campaign_id": campaign.pk}
    ingest.record(names.MESSAGE_SENT, **of_message, occurred_at=NOW)
    ingest.record(names.OPENED, **of_message, occurred_at=NOW + timedelta(minutes=1))
    ingest.record("purchase", contact_id=ada.pk, occurred_at=NOW - timedelta(days=2), properties={"amount": 5})
    segment = Segment.objects.create(name="Left", rules={"all": []})
    ingest.record("segment.left", contact_id=ada.pk, occurred_at=NOW, properties={"segment": str(segment.uuid)})
    job = ImportJob.objects.create(file_name="people.csv")
    Imported.objects.create(contact=ada, job=job, is_new=True, at=NOW - timedelta(days=9))
    often, seldom = {"frequency": "all"}, {"frequency": "weekly"}
    PreferenceChange.objects.create(contact=ada, source="Preference centre", before=often, after=seldom)
    merging.merge(Contact.objects.create(email="twin@example.com"), into=ada, by=editor)
    return ada


def test_every_kind_is_in_one_view_newest_first(busy: Contact) -> None:
    entries = timeline.page(busy, Wanted()).entries
    assert {entry.kind for entry in entries} == set(timeline.kinds)
    assert [entry.at for entry in entries] == sorted((entry.at for entry in entries), reverse=True)
    assert len([entry for entry in entries if entry.kind == "message"]) == 1
    assert not [entry for entry in entries if entry.name == names.MESSAGE_SENT], "the ledger's row says it"


def test_only_the_kinds_wanted_are_told(busy: Contact) -> None:
    assert told(busy, kinds=["consent"]) == [("consent", "grant")]
    assert set(told(busy, kinds=["segment"])) == {("segment", "segment.left"), ("membership", "segment.entered")}
    assert told(busy, name="purchase") == [("event", "purchase")]
    assert told(busy, until=NOW - timedelta(days=3)) == [("import", "created")]


def test_counts_say_how_many_there_are_of_each(busy: Contact) -> None:
    assert timeline.counts(busy) == {
        "consent": 1, "import": 1, "profile": 1, "event": 1, "segment": 2, "message": 1, "engagement": 1,
        "preferences": 1,
    }  # fmt: skip


def test_what_was_a_merged_contact_s_is_in_the_survivor_s_timeline(busy: Contact) -> None:
    survivor = Contact.objects.create(email="survivor@example.com")
    before = {kind for kind, _ in told(busy)}
    merging.merge(busy, into=survivor)
    assert {kind for kind, _ in told(survivor)} == before - {"membership"}, "rules are asked again for the survivor"


def test_a_deleted_segment_or_import_leaves_its_entries_readable(busy: Contact) -> None:
    Segment.objects.filter(name="Left").delete()
    ImportJob.objects.all().delete()
    details = {entry.kind: entry.detail for entry in timeline.page(busy, Wanted()).entries}
    assert "was deleted" in details["segment"]
    assert "was removed" in details["import"]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(minutes=st.lists(st.integers(0, 5), max_size=25), size=st.integers(1, 7))
def test_pages_follow_each_other_without_gap_or_repetition(minutes: list[int], size: int) -> None:
    """Many entries of several kinds at the very same moments."""
    person = Contact.objects.create(email=f"{uuid.uuid4().hex}@example.com")
    for number, minute in enumerate(minutes):
        at = NOW + timedelta(minutes=minute)
        if number % 3:
            ingest.record("seen" if number % 2 else names.OPENED, contact_id=person.pk, occurred_at=at)
        else:
            consent.grant(person, source=f"form {number}", at=min(at, timezone.now()))
    whole = [entry.position for entry in timeline.page(person, Wanted(), size=100).entries]
    leafed, page = [], timeline.page(person, Wanted(), size=size)
    leafed += [entry.position for entry in page.entries]
    while page.next:
        page = timeline.page(person, Wanted(before=timeline.Position.read(str(page.next))), size=size)
        leafed += [entry.position for entry in page.entries]
    assert leafed == whole
    assert len(whole) == len(minutes)


@pytest.mark.parametrize(
    "text", ["", "x", "~~", "2026-05-01~event~1",
             "2026-05-01T00:00:00+00:00~nothing~1", "2026-05-01T00:00:00Z~event~-1",
             "2026-05-01T00:00:00Z~event~99999999999999999999", "2026-05-01T00:00:00Z~event~1~2"],
)  # fmt: skip
def test_a_made_up_place_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  whichever part is wrong
        timeline.Position.read(text)


def at(contact: Contact, what: str = "timeline") -> str:
    return f"/api/contacts/{contact.uuid}/{what}"


def test_the_api_tells_it_page_by_page(api: APIClient, busy: Contact) -> None:
    seen, address = [], f"{at(busy)}?limit=2"
    while address:
        body = api.get(address).json()
        seen += [(entry["kind"], entry["name"]) for entry in body["results"]]
        address = body["next"]
    assert seen == told(busy)


def test_the_api_filters_and_refuses_what_it_does_not_know(api: APIClient, busy: Contact) -> None:
    found = api.get(at(busy), {"kind": ["message", "event"]}).json()["results"]
    assert {entry["kind"] for entry in found} == {"message", "event"}
    assert found[0]["data"]["campaign"]
    for bad in ({"kind": "nothing"}, {"before": "x"}, {"limit": "0"}, {"since": "soon"}, {"kinds": "event"}):
        assert api.get(at(busy), bad).status_code == 400, bad
    assert api.get(f"/api/contacts/{uuid.uuid4()}/timeline").status_code == 404


def test_a_timeline_needs_the_right_to_see_contacts(editor: User, stranger: User, ada: Contact) -> None:
    assert client_of(editor, "contacts:read").get(at(ada)).status_code == 200
    assert client_of(editor, "campaigns:read").get(at(ada)).status_code == 403
    assert client_of(stranger).get(at(ada)).status_code == 403


def test_the_api_merges_and_says_who_became_whom(api: APIClient, ada: Contact) -> None:
    other = Contact.objects.create(email="twin@example.com", first_name="Zoe", phone="+4915112345678")
    body = {"contact": str(other.uuid), "take": ["first_name"]}
    answer = api.post(at(ada, "merge"), body)
    assert (answer.status_code, answer.json()["first_name"], answer.json()["phone"]) == (200, "Zoe", other.phone)
    assert api.post(at(ada, "merge"), body).status_code == 200, "again changes nothing"
    shell = api.get(f"/api/contacts/{other.uuid}").json()
    assert shell["merged_into"] == str(ada.uuid)
    assert api.patch(f"/api/contacts/{other.uuid}", {"first_name": "X"}).json()["code"] == "merged"
    saved = api.post("/api/contacts", {"email": "twin@example.com", "last_name": "Byron"})
    assert (saved.status_code, saved.json()["id"], saved.json()["email"]) == (200, str(ada.uuid), ada.email)


def test_the_api_refuses_merges_that_make_no_sense(api: APIClient, editor: User, ada: Contact) -> None:
    other = Contact.objects.create(email="twin@example.com")
    assert api.post(at(ada, "merge"), {"contact": str(ada.uuid)}).json()["code"] == "same_contact"
    assert api.post(at(ada, "merge"), {"contact": str(other.uuid), "take": ["pk"]}).json()["code"] == "unknown_field"
    assert api.post(at(ada, "merge"), {"contact": str(uuid.uuid4())}).status_code == 400
    assert client_of(editor, "contacts:read").post(at(ada, "merge"), {"contact": str(other.uuid)}).status_code == 403
    merging.merge(other, into=ada)
    assert api.post(at(other, "merge"), {"contact": str(ada.uuid)}).json()["code"] == "merged"
