"""Links in messages of before a merge lead to whom the person became: preferences, confirmations, unsubscribing."""

from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from django.test import Client

from contacts import consent, merging, optin, preferences
from contacts.addresses import masked
from contacts.models import Confirmation, Contact, Topic
from contacts.preferences import Wishes
from delivery.links import LinkMaker
from delivery.models import Message
from team.models import User
from tests.analytics.factories import add_messages, make_campaign

pytestmark = pytest.mark.django_db


@pytest.fixture
def before() -> Contact:
    return Contact.objects.create(email="robin.old@example.com", first_name="Robin")


@pytest.fixture
def after() -> Contact:
    return Contact.objects.create(email="robin@example.com", first_name="Robin")


def test_the_preference_page_of_before_changes_what_the_survivor_wants(
    client: Client, before: Contact, after: Contact, editor: User
) -> None:
    consent.grant(before, source="test")
    consent.grant(after, source="test")
    link = f"/p/{preferences.token_of(before.pk)}"
    merging.merge(before, into=after, by=editor)
    page = client.get(link)
    assert page.status_code == 200
    assert masked("robin@example.com") in page.content.decode()
    client.post(link, {"action": "save", "frequency": "weekly", "shown": ["email:"], "topic": ["email:"]})
    assert preferences.of(after).frequency == "weekly"
    client.post(link, {"action": "leave"})
    assert consent.state(after, "email") is False


def test_a_confirmation_link_that_was_followed_says_so_after_a_merge_and_the_survivors_own_still_counts(
    client: Client, before: Contact, after: Contact, editor: User
) -> None:
    Topic.objects.create(key="garden", name="Garden letter", opt_in=Topic.OptIn.DOUBLE)
    consent.opt_in(before, topic="garden", source="form", wording="Yes")
    followed = f"/confirm/{optin.token_of(Confirmation.objects.get())}"
    client.post(followed)
    consent.opt_in(after, topic="garden", source="form", wording="Yes")
    waiting = f"/confirm/{optin.token_of(Confirmation.objects.get(contact=after))}"
    merging.merge(before, into=after, by=editor)
    after.refresh_from_db()
    granted = consent.state(after, "email", "garden")
    assert client.get(followed).status_code == 200
    assert client.post(followed).status_code == 200
    assert consent.state(after, "email", "garden") == granted, "following it again changes nothing"
    assert client.post(waiting).status_code == 200
    assert consent.state(after, "email", "garden") is True


def test_an_open_confirmation_of_before_is_over_as_its_address_is_nobodys_now(
    client: Client, before: Contact, after: Contact, editor: User
) -> None:
    Topic.objects.create(key="garden", name="Garden letter", opt_in=Topic.OptIn.DOUBLE)
    consent.opt_in(before, topic="garden", source="form", wording="Yes")
    waiting = f"/confirm/{optin.token_of(Confirmation.objects.get())}"
    merging.merge(before, into=after, by=editor)
    for answer in (client.get(waiting), client.post(waiting)):
        assert answer.status_code == 410
    assert consent.state(after, "email", "garden") is None


def test_leaving_by_a_message_of_before_withdraws_the_survivors_consent(
    client: Client, before: Contact, after: Contact, editor: User
) -> None:
    consent.grant(before, source="test")
    consent.grant(after, source="test")
    _campaign, run = make_campaign()
    [message] = add_messages(run, 1, "sent")
    Message.objects.filter(pk=message.pk).update(contact=before, sent_at=datetime.now(UTC))
    merging.merge(before, into=after, by=editor)
    assert consent.state(after, "email") is True
    link = urlsplit(LinkMaker.make().unsubscribe(message.pk)).path
    assert client.get(link).status_code == 200
    assert client.post(link, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert consent.state(after, "email") is False


def test_what_was_wished_before_goes_along(client: Client, before: Contact, after: Contact, editor: User) -> None:
    preferences.keep(before, Wishes(frequency="monthly"), source="a test")
    merging.merge(before, into=after, by=editor)
    assert preferences.of(after).frequency == "monthly"
    assert after.preference_changes.get().after == {"frequency": "monthly"}
