"""Topics by channels of one person: what shows, and what ticking and unticking does to the consent ledger."""

from collections.abc import Iterable

import pytest

from contacts import consent, optin, subscriptions
from contacts.channels import Channel, channels
from contacts.models import Contact, Topic
from contacts.subscriptions import Cell, Told

pytestmark = pytest.mark.django_db
TOLD = Told("test page", "192.0.2.7", {("email", "news"): "Yes, the news."})
GENERAL, NEWS, TIPS, DEALS = ("email", ""), ("email", "news"), ("email", "tips"), ("email", "deals")


@pytest.fixture
def robin() -> Contact:
    """Somebody whom three topics are offered to, one of each way to join."""
    Topic.objects.create(key="news", name="News", opt_in=Topic.OptIn.SINGLE, position=1)
    Topic.objects.create(key="tips", name="Tips", opt_in=Topic.OptIn.DOUBLE, position=2)
    Topic.objects.create(key="deals", name="Deals", opt_in=Topic.OptIn.CHANNEL, position=3)
    return Contact.objects.create(email="robin@example.com")


def on(contact: Contact) -> set[Cell]:
    return {way.cell for line in subscriptions.of(contact) for way in line if way.is_on}


def tick(contact: Contact, *wanted: Cell, shown: Iterable[Cell] = (GENERAL, NEWS, TIPS, DEALS)) -> None:
    subscriptions.follow(contact, shown=set(shown), wanted=set(wanted), told=TOLD)


def actions(contact: Contact) -> list[tuple[str, str]]:
    return [(one.action, one.topic) for one in contact.consent_records.order_by("pk")]


def test_somebody_new_sees_every_public_topic_and_has_none(robin: Contact) -> None:
    Topic.objects.create(key="staff", name="Staff", is_public=False)
    assert [line[0].key for line in subscriptions.of(robin)] == ["", "news", "tips", "deals"]
    assert on(robin) == set()


def test_a_topic_that_is_not_public_shows_to_who_has_it_so_that_they_can_leave(robin: Contact) -> None:
    Topic.objects.create(key="staff", name="Staff", is_public=False)
    consent.grant(robin, topic="staff", source="test")
    assert ("email", "staff") in on(robin)
    tick(robin, shown=[("email", "staff")])
    assert consent.state(robin, topic="staff") is False


def test_saving_what_is_so_already_writes_nothing(robin: Contact) -> None:
    tick(robin, GENERAL, NEWS, DEALS)
    before = actions(robin)
    tick(robin, GENERAL, NEWS, DEALS)
    assert actions(robin) == before
    assert on(robin) == {GENERAL, NEWS, DEALS}


def test_a_tick_is_recorded_with_its_sentence_source_and_address(robin: Contact) -> None:
    tick(robin, NEWS)
    record = robin.consent_records.get()
    assert (record.action, record.topic, record.wording) == ("grant", "news", "Yes, the news.")
    assert (record.source, record.ip_address) == ("test page", "192.0.2.7")
    assert on(robin) == {NEWS}


def test_a_topic_to_confirm_waits_for_its_link(robin: Contact) -> None:
    tick(robin, TIPS)
    [tips] = [way for line in subscriptions.of(robin) for way in line if way.cell == TIPS]
    assert (tips.is_on, tips.waits_for_confirmation) == (False, True)
    optin.confirm(optin.token_of(robin.confirmations.get()))
    assert on(robin) == {TIPS}


def test_what_comes_with_a_channel_needs_no_record_of_its_own(robin: Contact) -> None:
    tick(robin, GENERAL, DEALS)
    assert actions(robin) == [("grant", "")]
    assert on(robin) == {GENERAL, DEALS}


def test_what_comes_with_a_channel_can_be_left_out_while_joining(robin: Contact) -> None:
    tick(robin, GENERAL)
    assert on(robin) == {GENERAL}
    assert consent.state(robin, topic="deals") is False


def test_ticking_what_comes_with_a_channel_joins_the_channel(robin: Contact) -> None:
    tick(robin, DEALS)
    assert on(robin) == {GENERAL, DEALS}


def test_leaving_general_messages_keeps_topics_with_a_consent_of_their_own(robin: Contact) -> None:
    tick(robin, GENERAL, NEWS, DEALS)
    tick(robin, NEWS, DEALS)
    assert on(robin) == {NEWS}
    assert ("withdraw", "") in actions(robin)


def test_a_confirmed_topic_need_not_be_confirmed_again_when_general_messages_end(robin: Contact) -> None:
    tick(robin, GENERAL, TIPS)
    optin.confirm(optin.token_of(robin.confirmations.get()))
    tick(robin, TIPS)
    assert on(robin) == {TIPS}
    assert not robin.confirmations.filter(confirmed_at=None).exists()


def test_a_topic_left_together_with_the_channel_stays_left_when_the_channel_opens_again(robin: Contact) -> None:
    tick(robin, GENERAL, NEWS, DEALS)
    tick(robin)
    assert on(robin) == set()
    tick(robin, GENERAL, shown=[GENERAL])
    assert on(robin) == {GENERAL}
    tick(robin, shown=[GENERAL])
    Topic.objects.create(key="events", name="Events", opt_in=Topic.OptIn.SINGLE)
    tick(robin, ("email", "events"), shown=[("email", "events")])
    assert on(robin) == {("email", "events")}


def test_a_topic_that_was_not_on_the_page_yet_is_not_left(robin: Contact) -> None:
    """Somebody added it between opening the page and saving."""
    tick(robin, GENERAL, DEALS, NEWS)
    tick(robin, GENERAL, NEWS, shown=[GENERAL, NEWS])
    assert on(robin) == {GENERAL, NEWS, DEALS}


def test_leaving_everything_withdraws_every_channel_and_topic_once(robin: Contact) -> None:
    tick(robin, GENERAL, NEWS, DEALS)
    subscriptions.leave_all(robin, told=TOLD)
    assert on(robin) == set()
    assert consent.state(robin, topic="news") is False
    before = actions(robin)
    subscriptions.leave_all(robin, told=TOLD)
    assert actions(robin) == before


def test_leaving_everything_also_ends_what_waits_for_confirmation(robin: Contact) -> None:
    tick(robin, TIPS)
    subscriptions.leave_all(robin, told=TOLD)
    assert not robin.confirmations.exists()


class Sms(Channel):
    key = "sms"
    label = "Text message"
    icon = "sms"
    address_field = "phone"


def test_every_channel_that_reaches_the_person_has_a_box_and_leaving_takes_all(
    robin: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(channels, "sms", Sms())
    assert {way.channel.key for line in subscriptions.of(robin) for way in line} == {"email"}
    Contact.objects.filter(pk=robin.pk).update(phone="+4915112345678")
    robin.refresh_from_db()
    assert [[way.channel.key for way in line] for line in subscriptions.of(robin)] == [["email", "sms"]] * 4
    tick(robin, NEWS, ("sms", "news"), shown=[NEWS, ("sms", "news")])
    assert on(robin) == {NEWS, ("sms", "news")}
    tick(robin, NEWS, shown=[NEWS, ("sms", "news")])
    assert on(robin) == {NEWS}
    subscriptions.leave_all(robin, told=TOLD)
    assert consent.state(robin, "sms") is False
