"""Preferences over the API: the same wishes and topics as on a person's own page."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from contacts import consent
from contacts.models import Contact, Preference, Topic
from team.models import User
from tests.contacts.test_api import client_of

pytestmark = pytest.mark.django_db
NIGHT = {"from": "22:00:00", "until": "07:30:00"}


@pytest.fixture
def api(editor: User) -> APIClient:
    return client_of(editor, "contacts:read", "contacts:write")


@pytest.fixture
def robin() -> Contact:
    Topic.objects.create(key="news", name="News", opt_in=Topic.OptIn.SINGLE)
    Topic.objects.create(key="tips", name="Tips", opt_in=Topic.OptIn.DOUBLE)
    return Contact.objects.create(email="robin@example.com", locale="de", time_zone="Europe/Berlin")


def address(contact: Contact) -> str:
    return f"/api/contacts/{contact.uuid}/preferences"


def test_somebody_new_wants_everything_and_gets_nothing(api: APIClient, robin: Contact) -> None:
    told = api.get(address(robin)).json()
    topics = told.pop("topics")
    assert told == {
        "frequency": "all", "quiet_hours": None, "paused_until": None, "language": "de", "time_zone": "Europe/Berlin",
    }  # fmt: skip
    assert [(one["channel"], one["topic"], one["name"], one["is_on"]) for one in topics] == [
        ("email", "", "", False), ("email", "news", "News", False), ("email", "tips", "Tips", False),
    ]  # fmt: skip
    assert not Preference.objects.exists()


def test_what_is_put_is_what_is_got_and_what_is_left_out_goes_back_to_nothing(api: APIClient, robin: Contact) -> None:
    body = {"frequency": "weekly", "quiet_hours": NIGHT, "paused_until": "2026-01-01T00:00:00Z", "language": "fr"}
    told = api.put(address(robin), body).json()
    assert (told["frequency"], told["quiet_hours"], told["language"]) == ("weekly", NIGHT, "fr")
    assert told["paused_until"] is None  # it is over
    again = api.put(address(robin), {}).json()
    assert (again["frequency"], again["quiet_hours"]) == ("all", None)
    assert (again["language"], again["time_zone"]) == ("fr", "Europe/Berlin")


def test_topics_are_joined_and_left_with_a_source_for_the_ledger(api: APIClient, robin: Contact) -> None:
    topics = [{"topic": "", "is_on": True}, {"topic": "news", "is_on": True}, {"topic": "tips", "is_on": True}]
    body = {"topics": topics, "source": "shop account", "wording": "Yes, please.", "ip_address": "192.0.2.1"}
    told = api.put(address(robin), body).json()
    assert [(one["is_on"], one["waits_for_confirmation"]) for one in told["topics"]] == [
        (True, False), (True, False), (False, True),
    ]  # fmt: skip
    record = robin.consent_records.get(topic="news")
    assert (record.source, record.wording, record.ip_address) == ("shop account", "Yes, please.", "192.0.2.1")
    api.put(address(robin), {"topics": [{"topic": "news", "is_on": False}], "source": "shop account"})
    assert consent.state(robin, topic="news") is False
    assert consent.is_granted(robin)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"frequency": "hourly"}, "frequency"), ({"quiet_hours": {"from": "22:00"}}, "quiet_hours"),
        ({"quiet_hours": {"from": "22:00", "until": "7", "x": 1}}, "quiet_hours"), ({"time_zone": "Mars"}, "time_zone"),
        ({"language": "d€"}, "language"), ({"topics": [{"topic": "news", "is_on": True}]}, "source"),
        ({"topics": [{"topic": "no slug", "is_on": True}], "source": "x"}, "topics"),
        ({"topics": [{"channel": "fax", "topic": "", "is_on": True}], "source": "x"}, "topics"),
        ({"erased_at": None}, "erased_at"), ({"contact": 1}, "contact"), ({"ip_address": "x"}, "ip_address"),
    ],
)  # fmt: skip
def test_wrong_bodies_are_answered_by_field(api: APIClient, robin: Contact, body: dict[str, Any], field: str) -> None:
    answer = api.put(address(robin), body)
    assert (answer.status_code, field in answer.json()["errors"]) == (400, True)
    assert not Preference.objects.exists()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"quiet_hours": {"from": "08:00", "until": "08:00"}}, "always_quiet"),
        ({"paused_until": "2999-01-01T00:00:00Z"}, "long_pause"),
        ({"topics": [{"topic": "nope", "is_on": True}], "source": "x"}, "unknown_topic"),
    ],
)
def test_what_can_t_be_kept_is_refused_whole(api: APIClient, robin: Contact, body: dict[str, Any], code: str) -> None:
    answer = api.put(address(robin), {"frequency": "daily"} | body)
    assert (answer.status_code, answer.json()["code"]) == (409, code)
    assert not Preference.objects.exists()


def test_nothing_is_kept_about_somebody_who_was_erased(api: APIClient, robin: Contact) -> None:
    Contact.objects.update(email=None, erased_at="2026-01-01T00:00Z")
    assert api.put(address(robin), {"frequency": "daily"}).json()["code"] == "erased"


def test_a_key_that_may_only_read_changes_nothing_and_others_see_nothing(
    editor: User, stranger: User, robin: Contact
) -> None:
    reader = client_of(editor, "contacts:read")
    assert reader.get(address(robin)).status_code == 200
    assert reader.put(address(robin), {}).status_code == 403
    assert client_of(editor, "campaigns:read").get(address(robin)).status_code == 403
    assert client_of(stranger, "contacts:read", "contacts:write").get(address(robin)).status_code == 403
    assert APIClient().get(address(robin)).status_code == 401
