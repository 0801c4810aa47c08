"""Links that come back from inboxes: opens, clicks, unsubscribing; and those that somebody tampered with."""

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from contacts import consent, erasure, preferences
from contacts.models import Contact, Topic
from core import tokens
from delivery import engagement, links
from delivery.models import Message
from events.models import Event
from team.models import User
from templates_app.models import Link
from tests.delivery.conftest import make_campaign, make_people, plan

BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36"


@pytest.fixture
def message(editor: User) -> Message:
    """A message that was sent long ago, so that no click is too quick to be a person's."""
    make_people(1)
    plan(make_campaign(editor))
    Message.objects.update(state="sent", sent_at="2026-01-01T00:00Z")
    return Message.objects.get()


@pytest.fixture
def visitor() -> Client:
    return Client(headers={"user-agent": BROWSER}, enforce_csrf_checks=True)


def path(address: str) -> str:
    return address.removeprefix(settings.PUBLIC_URL)


def click_path(message: Message, link: Link, rendered: str = "") -> str:
    return path(links.LinkMaker.make().click(message.pk)(link, rendered or link.url))


def open_path(message: Message) -> str:
    return path(links.LinkMaker.make().pixel(message.pk).split('"')[1])


def unsubscribe_path(message: Message) -> str:
    return path(links.LinkMaker.make().unsubscribe(message.pk))


def static_link() -> Link:
    return Link.objects.get(url="https://example.com/offer")


def test_an_open_is_logged_and_reaches_the_ledger(message: Message, visitor: Client) -> None:
    response = visitor.get(open_path(message))
    assert (response.status_code, response["Content-Type"]) == (200, "image/gif")
    assert "no-store" in response["Cache-Control"]
    event = Event.objects.get()
    assert (event.name, event.message_id, event.label) == ("message.opened", message.pk, "human")


@pytest.mark.django_db(transaction=True)
def test_a_click_goes_to_the_stored_link_and_counts_as_an_open_too(message: Message, visitor: Client) -> None:
    response = visitor.get(click_path(message, static_link()))
    assert (response.status_code, response["Location"]) == (302, "https://example.com/offer")
    while engagement.read_events():
        pass
    message.refresh_from_db()
    assert message.clicked_at is not None
    assert message.opened_at == message.clicked_at
    before = message.clicked_at
    visitor.get(click_path(message, static_link()))
    engagement.read_events()
    message.refresh_from_db()
    assert message.clicked_at == before
    assert Event.objects.filter(name="message.clicked").count() == 2


def test_a_personal_link_carries_its_address_inside_the_signature(message: Message, visitor: Client) -> None:
    personal = next(link for link in Link.objects.all() if link.is_dynamic)
    response = visitor.get(click_path(message, personal, "https://example.com/person-0"))
    assert response["Location"] == "https://example.com/person-0"


@pytest.mark.django_db(transaction=True)
def test_a_scanner_s_click_is_kept_but_not_counted(message: Message) -> None:
    Client(headers={"user-agent": "Barracuda Sentinel (EE)"}).get(click_path(message, static_link()))
    engagement.read_events()
    assert Event.objects.get().label == "scanner"
    message.refresh_from_db()
    assert message.clicked_at is None


def test_a_link_followed_before_the_provider_has_answered_was_followed_by_a_machine(
    message: Message, visitor: Client
) -> None:
    Message.objects.update(state="sending", sent_at=None)
    visitor.get(click_path(message, static_link()))
    assert (Event.objects.get().label, Event.objects.get().label_reason) == ("scanner", "within 2 s of sending")


def test_links_lead_on_while_redis_is_away(message: Message, visitor: Client, settings: object) -> None:
    away = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "unix:///nowhere"}}
    settings.CACHES = away  # type: ignore[attr-defined]
    assert visitor.get(click_path(message, static_link())).headers["Location"] == "https://example.com/offer"


def test_tampered_tokens_lead_nowhere_and_leave_nothing(message: Message, visitor: Client) -> None:
    good = click_path(message, static_link())
    token = good.removeprefix("/c/")
    flipped = token[:-1] + ("A" if token[-1] != "A" else "B")
    for bad in (flipped, token[:-3], token[4:], token + "AAAA", "x" * 5000, "%00", "…"):
        assert visitor.get(f"/c/{bad}").status_code == 404
    # A token for one purpose is worth nothing for another.
    assert visitor.get(f"/u/{token}").status_code == 404
    assert visitor.get(f"/c/{unsubscribe_path(message).removeprefix('/u/')}").status_code == 404
    assert visitor.get(f"/o/{token}.gif").status_code == 404
    assert not Event.objects.exists()


def test_a_link_of_a_rotated_key_still_works_while_the_old_key_is_kept(
    message: Message, visitor: Client, settings: object
) -> None:
    good = click_path(message, static_link())
    settings.TOKEN_KEYS = ["a new key", *settings.TOKEN_KEYS]  # type: ignore[attr-defined]
    assert visitor.get(good).status_code == 302
    settings.TOKEN_KEYS = ["a new key"]  # type: ignore[attr-defined]
    assert visitor.get(good).status_code == 404


@pytest.mark.parametrize("method", ["get", "head"])
def test_looking_at_the_unsubscribe_page_never_unsubscribes(message: Message, visitor: Client, method: str) -> None:
    for _ in range(10):
        response = getattr(visitor, method)(unsubscribe_path(message))
        assert response.status_code == 200
    assert consent.is_granted(message.contact)
    assert not Event.objects.exists()


def test_the_page_hides_most_of_the_address(message: Message, visitor: Client) -> None:
    page = visitor.get(unsubscribe_path(message)).content.decode()
    assert "p…@example.com" in page
    assert "person0@" not in page


def test_one_click_unsubscribes_at_once_and_only_once(message: Message, visitor: Client) -> None:
    for _ in range(3):
        response = visitor.post(unsubscribe_path(message), {"List-Unsubscribe": "One-Click"})
        assert (response.status_code, response.content) == (200, b"Unsubscribed.")
    assert not consent.is_granted(message.contact)
    assert Event.objects.filter(name="message.unsubscribed").count() == 1
    assert message.contact.consent_records.filter(action="withdraw").count() == 1


def test_unsubscribing_by_hand_can_be_taken_back(message: Message, visitor: Client) -> None:
    page = visitor.post(unsubscribe_path(message))
    assert "You are unsubscribed" in page.content.decode()
    assert not consent.is_granted(message.contact)
    assert "subscribed again" in visitor.post(unsubscribe_path(message), {"action": "again"}).content.decode()
    assert consent.is_granted(message.contact)
    records = message.contact.consent_records.order_by("pk")
    assert [record.action for record in records] == ["grant", "withdraw", "grant"]


def test_a_person_who_was_erased_can_t_subscribe_again(message: Message, visitor: Client, editor: User) -> None:
    erasure.erase(message.contact, by=editor)
    page = visitor.post(unsubscribe_path(message), {"action": "again"})
    assert page.status_code == 200
    assert "You are unsubscribed" in page.content.decode()


def test_a_token_of_a_test_message_leaves_no_trace(db: None, visitor: Client) -> None:
    address = path(links.LinkMaker.make().pixel(0).split('"')[1])
    assert visitor.get(address).status_code == 200
    assert not Event.objects.exists()


def test_numbers_of_any_size_survive_packing() -> None:
    for number in (0, 1, 127, 128, 300, 2**31, 2**62):
        assert links.unpacked(links.packed(number, 5) + b"rest", 2) == ([number, 5], b"rest")
    for broken in (b"", b"\x80", b"\xff" * 20):
        with pytest.raises(tokens.BadToken):
            links.unpacked(broken, 1)


def test_who_had_only_a_topic_leaves_the_channel_and_comes_back_to_the_topic_alone(
    message: Message, visitor: Client
) -> None:
    Topic.objects.create(key="tips", name="Tips", opt_in=Topic.OptIn.SINGLE)
    consent.clear(message.contact, source="test")
    consent.grant(message.contact, topic="tips", source="test")
    visitor.post(unsubscribe_path(message), {"List-Unsubscribe": "One-Click"})
    assert consent.state(message.contact) is False
    visitor.post(unsubscribe_path(message), {"action": "again"})
    assert consent.state(message.contact) is None
    assert consent.is_granted(message.contact, topic="tips")


def test_who_never_agreed_can_t_come_back(message: Message, visitor: Client) -> None:
    consent.clear(message.contact, source="test")
    visitor.post(unsubscribe_path(message), {"action": "again"})
    assert consent.state(message.contact) is None


def test_a_link_to_somebody_who_was_merged_unsubscribes_who_they_are_now(message: Message, visitor: Client) -> None:
    survivor = Contact.objects.create(email="now@example.com")
    consent.grant(survivor, source="test")
    Contact.objects.filter(pk=message.contact_id).update(merged_into=survivor, erased_at=timezone.now(), email=None)
    assert "n…@example.com" in visitor.get(unsubscribe_path(message)).content.decode()
    visitor.post(unsubscribe_path(message))
    assert consent.state(survivor) is False


def test_the_page_speaks_the_persons_language_and_leads_to_their_preferences(message: Message, visitor: Client) -> None:
    Contact.objects.update(locale="de-AT")
    page = visitor.get(unsubscribe_path(message))
    assert page["Content-Language"] == "de"
    assert preferences.link(message.contact) in page.content.decode()
