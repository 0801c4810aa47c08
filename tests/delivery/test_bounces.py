"""What comes back: hard and soft bounces, at once and later, complaints; and what the gate makes of it."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from contacts import consent, erasure, suppression
from contacts.models import Contact, SoftBounces, Suppression
from contacts.soft_bounces import IN_A_ROW
from delivery import bounces, gate, why
from delivery.bounces import Report
from delivery.handover import bounce, ending
from delivery.ledger import MAX_ATTEMPTS
from delivery.models import Message
from delivery.providers.base import Envelope, Outcome, Result
from delivery.providers.smtp import Reply, _is_about_the_mailbox, _is_for_now
from events import names
from events.models import Event
from team.models import User
from tests.delivery.conftest import make_campaign, make_people, plan, states

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(db: None) -> Contact:
    return make_people(1, prefix="ada")[0]


def sent(person: Contact, editor: User, *, days_ago: float, **fields: Any) -> Message:
    """A message of a campaign of its own that the server took then."""
    run = plan(make_campaign(editor, name=f"Letter {Message.objects.count()}"))
    told = {"state": "sent", "sent_at": timezone.now() - timedelta(days=days_ago)} | fields
    Message.objects.filter(run=run, contact=person).update(**told)
    return Message.objects.get(run=run, contact=person)


def soft(message: Message) -> Report:
    return Report(message.pk, f" {message.contact.email} ".upper(), "452 4.2.2 mailbox full")


def test_five_messages_that_come_back_in_a_row_suppress_the_address(ada: Contact, editor: User) -> None:
    letters = [sent(ada, editor, days_ago=30 - number) for number in range(IN_A_ROW)]
    for letter in letters[:-1]:
        bounces.returned([soft(letter)])
    assert not suppression.is_suppressed(str(ada.email))
    bounces.returned([soft(letters[-1]), soft(letters[-1])])
    assert Suppression.objects.get().reason == "soft_bounces"
    verdict = gate.ask(gate.question_for(make_campaign(editor, name="Next")), [ada.pk])[ada.pk]
    assert verdict.reason == "suppressed"


def test_word_that_comes_twice_moves_and_counts_a_message_once(ada: Contact, editor: User) -> None:
    letter = sent(ada, editor, days_ago=1, provider_id="abc")
    for _ in range(6):
        bounces.returned([soft(letter)])
    letter.refresh_from_db()
    assert (letter.state, letter.reason, letter.provider_id) == ("failed", "soft_bounce", "abc")
    assert "Five such messages" in why.reason_text(letter.reason)
    assert SoftBounces.objects.get().count == 1
    assert Event.objects.filter(name=names.FAILED, message_id=letter.pk).count() == 1


@pytest.mark.parametrize(
    "between", [{"state": "delivered"}, {"state": "sent"}, {"state": "sent", "opened_at": timezone.now()}]
)
def test_a_message_in_between_that_arrived_begins_a_new_row(
    ada: Contact, editor: User, between: dict[str, Any]
) -> None:
    """The server took it and nothing came back, or somebody read it."""
    letters = [sent(ada, editor, days_ago=30 - 2 * number) for number in range(IN_A_ROW)]
    for letter in letters[:3]:
        bounces.returned([soft(letter)])
    sent(ada, editor, days_ago=25, **between)
    for letter in letters[3:]:
        bounces.returned([soft(letter)])
    assert SoftBounces.objects.get().count == 2
    assert not suppression.is_suppressed(str(ada.email))


def test_messages_sent_before_word_of_the_first_came_are_a_row_as_well(ada: Contact, editor: User) -> None:
    """A daily letter, and a server that takes five days to give up: the others are on their way, and say nothing."""
    letters = [sent(ada, editor, days_ago=10 - number) for number in range(IN_A_ROW)]
    for letter in letters:
        bounces.returned([soft(letter)])
    assert suppression.is_suppressed(str(ada.email))


def test_a_hard_bounce_days_later_fails_the_message_and_suppresses_at_once(ada: Contact, editor: User) -> None:
    letter = sent(ada, editor, days_ago=3)
    report = Report(letter.pk, str(ada.email), "550 5.1.1 no such user", is_hard=True)
    bounces.returned([report, Report(987654321, "ghost@example.com", is_hard=True)])
    bounces.returned([report])
    letter.refresh_from_db()
    assert (letter.state, letter.reason, letter.detail) == ("failed", "bounced", "550 5.1.1 no such user")
    assert Suppression.objects.get().reason == "hard_bounce"
    assert Event.objects.filter(name=names.BOUNCED, message_id=letter.pk).count() == 1
    assert states(letter.run)["failed:bounced"] == 1


def test_a_complaint_suppresses_withdraws_and_is_one_event(ada: Contact, editor: User) -> None:
    letter = sent(ada, editor, days_ago=1)
    for _ in range(3):
        bounces.complained([Report(letter.pk, str(ada.email), "Spam button at example.com")])
    entry = Suppression.objects.get()
    assert (entry.reason, entry.detail) == ("complaint", "Spam button at example.com")
    assert consent.state(ada) is False
    record = ada.consent_records.first()
    assert record is not None
    assert record.source == f"complaint about campaign “{letter.run.campaign.name}”"
    assert Event.objects.filter(name=names.COMPLAINED, message_id=letter.pk).count() == 1
    letter.refresh_from_db()
    assert letter.state == "sent"  # it arrived, or nobody could have complained


def test_word_about_somebody_erased_holds_without_their_address(ada: Contact, editor: User) -> None:
    letter, address = sent(ada, editor, days_ago=1), str(ada.email)
    erasure.erase(ada, by=None)
    bounces.complained([Report(letter.pk, address, f"complaint of {address}")])
    entry = Suppression.objects.get()
    assert (entry.address, entry.detail) == (None, "")
    assert suppression.is_suppressed(address)


def test_the_last_look_finds_an_entry_that_only_its_hash_is_known_of(ada: Contact, editor: User) -> None:
    """Whoever comes with its address makes it readable. If that ever failed, nothing would be sent all the same."""
    suppression.suppress(str(ada.email), reason="complaint")
    Suppression.objects.update(address=None)
    campaign = make_campaign(editor)
    assert gate.ask(gate.question_for(campaign), [ada.pk])[ada.pk] == gate.Verdict("suppressed")


ANSWERS = [
    ("452 4.2.2 full", True, True), ("450 greylisted", True, False), ("451 4.7.1 not from you", False, False),
    ("552 5.2.2 full", True, True), ("552 too much", True, True), ("550 5.1.1 unknown", False, False),
    ("550 5.7.1 policy", False, False), ("451 4.3.0 busy", True, False), ("452 try later", True, True),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "at_recipient", "after_body"), ANSWERS)
def test_which_answers_are_about_a_mailbox_that_takes_nothing_now(
    answer: str, at_recipient: bool, after_body: bool
) -> None:
    code, _, text = answer.partition(" ")
    reply = Reply(int(code), text)
    assert (_is_for_now(reply), _is_about_the_mailbox(reply)) == (at_recipient, after_body)


@pytest.mark.parametrize(("attempt", "counts"), [(1, False), (MAX_ATTEMPTS, True)])
def test_a_refusal_for_now_counts_when_the_message_is_given_up(attempt: int, counts: bool) -> None:
    envelope = Envelope(7, "news@example.com", "ada@example.com", b"")
    result = Result(7, Outcome.RETRY, "452 4.2.2 full", is_soft_bounce=True)
    report = bounce(envelope, result, ending(result, attempt=attempt))
    assert report == (Report(7, "ada@example.com", "452 4.2.2 full") if counts else None)
