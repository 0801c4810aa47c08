"""Double opt-in from the request to the ledger, the mailbox and back."""

import email
import email.policy
import re
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from campaigns import lifecycle
from campaigns.models import Campaign, Sender
from contacts import consent, optin, suppression
from contacts.models import Confirmation, ConsentRecord, Contact, Topic
from core.errors import Refused
from delivery import outbox
from delivery.confirmation import builtin
from delivery.confirmation import sending as confirmations
from delivery.models import ConfirmationMail, Message, Run
from team.models import User
from tests.delivery.conftest import Provider, drain, make_account, make_campaign

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ada() -> Contact:
    return Contact.objects.create(email="ada@example.com", first_name="Ada")


@pytest.fixture(autouse=True)
def news() -> Topic:
    return Topic.objects.create(
        key="news", name="Garden <news>", description="Once a month.", opt_in=Topic.OptIn.DOUBLE, wording="Yes, please."
    )


@pytest.fixture(autouse=True)
def sender() -> Sender:
    return Sender.objects.create(name="Example Shop", email="news@example.com", is_default=True)


@pytest.fixture
def own(editor: User) -> Campaign:
    """The team's own campaign for every topic: quicker to make than the one that comes with the product."""
    html = '<html><body><p><a href="{{ data.confirm_url }}">Confirm</a></p></body></html>'
    campaign = make_campaign(editor, name="Our own", html=html, kind="triggered", purpose="transactional")
    ConfirmationMail.objects.create(campaign=campaign)
    return campaign


def ask(contact: Contact) -> Confirmation:
    consent.opt_in(contact, topic="news", source="Form in the footer", ip_address="192.0.2.7")
    return Confirmation.objects.get(contact=contact, confirmed_at=None)


def link_in(raw: bytes) -> str:
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    [found] = set(re.findall(r'href="([^"]*/confirm/[^"]*)"', mail.get_body(("html",)).get_content()))
    return urlsplit(found).path


def test_a_confirmation_mail_goes_the_way_of_every_message_and_its_button_grants(
    ada: Contact, provider: Provider, client: Client
) -> None:
    make_account(provider)
    ask(ada)
    assert confirmations.send_due() == 1
    drain()
    [raw] = provider.bodies()
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert mail["Subject"] == "Please confirm: Garden <news>"
    assert "Garden &lt;news&gt;" in mail.get_body(("html",)).get_content()
    assert mail["List-Unsubscribe"] is None
    assert "<img" not in mail.get_body(("html",)).get_content()  # no logo was set up
    assert "Privacy" not in mail.get_body(("plain",)).get_content()
    [message] = Message.objects.all()
    assert (message.state, message.contact_id) == ("sent", ada.pk)
    address = link_in(raw)
    assert client.get(address).status_code == 200
    assert not consent.is_granted(ada, topic="news")
    assert client.post(address).status_code == 200
    assert consent.is_granted(ada, topic="news")
    records = ConsentRecord.objects.filter(contact=ada).order_by("id")
    assert [record.action for record in records] == ["request", "grant"]
    assert records[1].wording == "Yes, please."


def test_however_often_the_work_is_looked_for_each_request_gets_one_mail(ada: Contact, own: Campaign) -> None:
    ask(ada)
    assert [confirmations.send_due() for _ in range(3)] == [1, 0, 0]
    assert Message.objects.count() == 1
    assert Confirmation.objects.get().message_id == Message.objects.get().pk


def test_without_a_sender_the_request_waits_and_says_why(ada: Contact, sender: Sender) -> None:
    sender.delete()
    waiting = ask(ada)
    assert confirmations.send_due() == 0
    waiting.refresh_from_db()
    assert "no sender" in waiting.failure
    assert waiting.due_at > timezone.now()
    Sender.objects.create(name="Shop", email="shop@example.com", is_default=True)
    Confirmation.objects.update(due_at=timezone.now())
    assert confirmations.send_due() == 1


def test_people_are_asked_in_their_language_and_otherwise_in_english(ada: Contact) -> None:
    spoken = {"": "en", "de": "de", "fr-CA": "fr", "pt-BR": "en", "ar": "ar", "ES": "es"}
    for locale, language in spoken.items():
        Contact.objects.update(locale=locale)
        Confirmation.objects.all().delete()
        ask(ada)
        confirmations.send_due()
        assert Message.objects.first().variant.template.language == language


def test_a_suppressed_address_gets_no_mail_and_the_ledger_says_so(
    ada: Contact, own: Campaign, provider: Provider
) -> None:
    make_account(provider)
    suppression.suppress("ada@example.com", reason="complaint")
    ask(ada)
    confirmations.send_due()
    drain()
    message = Message.objects.get()
    assert (message.state, message.reason) == ("skipped", "suppressed")
    assert provider.bodies() == []


def test_asking_again_sends_again_but_neither_soon_nor_for_ever(ada: Contact, own: Campaign) -> None:
    sent = 0
    for _ in range(6):
        ask(ada)
        assert confirmations.send_due() == (1 if sent == 0 else 0)  # never within minutes of the last
        Confirmation.objects.filter(sent_at=None).update(due_at=timezone.now())
        confirmations.send_due()
        sent = Message.objects.count()
    assert sent == consent.MAX_MAILS
    assert sorted(Message.objects.values_list("step", flat=True)) == [0, 1, 2]


def test_a_campaign_of_the_team_takes_over(ada: Contact, own: Campaign, news: Topic, editor: User) -> None:
    ask(ada)
    confirmations.send_due()
    assert Message.objects.get().run.campaign == own
    assert not Campaign.objects.filter(name=builtin.NAME).exists()
    for_news = make_campaign(editor, name="For news", kind="triggered", purpose="transactional")
    ConfirmationMail.objects.create(topic=news, campaign=for_news)
    assert confirmations.campaign_for("news") == for_news
    assert confirmations.campaign_for("other") == own


def test_a_triggered_campaign_goes_on_until_it_is_ended_and_its_last_rows_with_it(ada: Contact, editor: User) -> None:
    campaign = make_campaign(editor, kind="triggered", purpose="transactional")
    outbox.add(campaign, ada)
    outbox.add(campaign, ada, data={"n": 2})
    outbox.sweep()
    run = Run.objects.get()
    assert (run.status, Campaign.objects.get().status) == ("sending", "sending")
    Campaign.objects.update(status="finished")
    outbox.sweep()
    run.refresh_from_db()
    assert (run.status, run.audience_count) == ("finished", 2)
    assert run.final_counts == {"cancelled|campaign_cancelled": 2}
    with pytest.raises(Refused):
        outbox.add(Campaign.objects.get(), ada)


def test_only_what_came_with_the_product_starts_without_approval(editor: User, sender: Sender) -> None:
    campaign = make_campaign(editor, kind="triggered", purpose="transactional")
    Campaign.objects.update(status="draft")
    with pytest.raises(Refused):
        lifecycle.begin(campaign)
    Campaign.objects.update(created_by=None)
    lifecycle.begin(campaign)
    assert campaign.status == "sending"


def test_the_built_in_mail_follows_the_default_sender(ada: Contact, sender: Sender) -> None:
    ask(ada)
    confirmations.send_due()
    Sender.objects.update(is_default=False)
    other = Sender.objects.create(name="New Shop", email="hello@example.com", is_default=True)
    assert confirmations.campaign_for("news").sender == other


def test_a_link_is_for_the_address_it_was_sent_to_and_for_a_week(ada: Contact) -> None:
    token = optin.token_of(ask(ada))
    Contact.objects.update(email="other@example.com")
    with pytest.raises(Refused, match="no longer valid"):
        optin.confirm(token)
    Contact.objects.update(email="ada@example.com")
    Confirmation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(Refused, match="too old"):
        optin.confirm(token)
    assert not consent.is_granted(ada, topic="news")
