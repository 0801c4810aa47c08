"""A run from its audience to the provider and back into the ledger."""

import email
import email.policy
import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from campaigns import approval, lifecycle
from campaigns.models import Campaign, Sender
from contacts import consent, erasure, suppression
from contacts.models import Contact, Suppression
from delivery import ledger, outbox
from delivery.models import Account, Message, Run
from events.models import Event
from segments.models import Segment
from team.models import User
from tests.delivery.conftest import Provider, drain, make_account, make_campaign, make_people, plan, states

pytestmark = pytest.mark.django_db(transaction=True)


def test_everyone_in_the_audience_gets_exactly_one_message(editor: User, provider: Provider) -> None:
    make_account(provider)
    make_people(120)
    run = plan(make_campaign(editor))
    drain()
    assert states(run) == {"sent": 120}
    assert len(provider.accepted()) == 120
    assert set(provider.accepted().values()) == {1}
    outbox.sweep()
    run.refresh_from_db()
    assert (run.status, run.audience_count, run.final_counts) == (Run.Status.FINISHED, 120, {"sent|": 120})
    assert run.campaign.__class__.objects.get(pk=run.campaign_id).status == Campaign.Status.FINISHED


def test_a_message_is_filled_in_for_its_person_and_carries_one_click_unsubscribing(
    editor: User, provider: Provider
) -> None:
    make_account(provider)
    [person] = make_people(1)
    plan(make_campaign(editor))
    drain()
    [raw] = provider.bodies()
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    html = mail.get_body(("html",)).get_content()
    assert mail["Subject"] == "Hi Given0"
    assert mail["To"] == '"Given0" <person0@example.com>' or str(mail["To"]) == "Given0 <person0@example.com>"
    assert "your plan is gold" in html
    assert "/c/" in html
    assert "https://example.com/offer" not in html
    assert "/o/" in html
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["List-Unsubscribe"].strip("<>") in html
    assert "Hello Given0" in mail.get_body(("plain",)).get_content()
    assert person.messages.get().state == "sent"


def test_the_gate_writes_down_why_somebody_is_left_out(editor: User, provider: Provider) -> None:
    make_account(provider)
    people = make_people(6)
    consent.withdraw(people[0], source="form")
    suppression.suppress(people[1].email, reason="complaint")
    erasure.erase(people[2], by=editor)
    Contact.objects.filter(pk=people[3].pk).update(email=None)
    run = plan(make_campaign(editor))
    drain()
    # Erased people are in no segment at all, so they are not part of the audience.
    assert states(run) == {"skipped:no_consent": 1, "skipped:suppressed": 1, "skipped:no_address": 1, "sent": 2}


def test_what_changes_between_planning_and_sending_wins(editor: User, provider: Provider) -> None:
    make_account(provider)
    people = make_people(4)
    run = plan(make_campaign(editor))
    consent.withdraw(people[0], source="form")
    suppression.suppress(people[1].email, reason="manual")
    erasure.erase(people[2], by=editor)
    drain()
    assert states(run) == {"skipped:no_consent": 1, "skipped:suppressed": 1, "skipped:erased": 1, "sent": 1}
    assert provider.recipients() == [people[3].email]


def test_transactional_mail_needs_no_consent_and_carries_no_unsubscribe_header(
    editor: User, provider: Provider
) -> None:
    make_account(provider)
    [person] = make_people(1)
    consent.withdraw(person, source="form")
    plan(make_campaign(editor, purpose="transactional"))
    drain()
    [raw] = provider.bodies()
    assert b"List-Unsubscribe" not in raw


def test_a_mailbox_that_does_not_exist_fails_and_is_suppressed(editor: User, provider: Provider) -> None:
    make_account(provider)
    people = make_people(3)
    Contact.objects.filter(pk=people[1].pk).update(email="bounce@example.com")
    run = plan(make_campaign(editor))
    drain()
    assert states(run) == {"sent": 2, "failed:bounced": 1}
    assert Suppression.objects.get().address == "bounce@example.com"
    assert Event.objects.filter(name="message.bounced").count() == 1


def test_a_refusal_by_policy_fails_without_suppressing(editor: User, provider: Provider) -> None:
    make_account(provider)
    [person] = make_people(1)
    Contact.objects.filter(pk=person.pk).update(email="policy@example.com")
    run = plan(make_campaign(editor))
    drain()
    assert states(run) == {"failed:rejected": 1}
    assert not Suppression.objects.exists()


def test_a_greylisted_message_waits_and_gives_up_after_its_attempts(editor: User, provider: Provider) -> None:
    make_account(provider)
    [person] = make_people(1)
    Contact.objects.filter(pk=person.pk).update(email="later@example.com")
    run = plan(make_campaign(editor))
    for _ in range(ledger.MAX_ATTEMPTS):
        assert not ledger.is_quiet(run.pk)
        drain()
        Message.objects.update(due_at=timezone.now())
    assert states(run) == {"failed:gave_up": 1}
    assert ledger.is_quiet(run.pk)


@pytest.mark.parametrize("options", [[], ["--no-pipelining"]])
def test_a_cut_line_after_the_body_leaves_one_unknown_and_loses_nobody(
    editor: User, start_provider: Callable[..., Provider], options: list[str]
) -> None:
    provider = start_provider(*options)
    make_account(provider, max_connections=1)
    people = make_people(9)
    Contact.objects.filter(pk=people[4].pk).update(email="cut@example.com")
    run = plan(make_campaign(editor))
    drain()
    Message.objects.filter(state="planned").update(due_at=timezone.now())
    drain()
    assert states(run) == {"sent": 8, "unknown:no_answer": 1}
    assert len(provider.accepted()) == 9
    assert set(provider.accepted().values()) == {1}


@pytest.mark.parametrize("options", [[], ["--no-pipelining"]])
def test_a_server_that_closes_after_some_messages_costs_nobody_an_attempt(
    editor: User, start_provider: Callable[..., Provider], options: list[str]
) -> None:
    provider = start_provider("--close-after", "3", *options)
    account = make_account(provider, max_connections=1)
    make_people(8)
    run = plan(make_campaign(editor))
    for _ in range(3):  # as the sweep starts it again while something is due
        drain()
    assert states(run) == {"sent": 8}
    assert set(Message.objects.values_list("attempt", flat=True)) == {1}
    assert set(provider.accepted().values()) == {1}
    account.refresh_from_db()
    assert account.retry_at is None


@pytest.mark.parametrize("options", [[], ["--no-pipelining"]])
def test_a_sender_over_its_quota_slows_the_account_and_costs_nobody_an_attempt(
    editor: User, start_provider: Callable[..., Provider], options: list[str]
) -> None:
    account = make_account(start_provider("--quota", "3", *options), max_connections=1)
    make_people(8)
    campaign = make_campaign(editor)
    run = plan(campaign)
    drain()
    drain()  # as the sweep starts it again while something is due
    assert states(run) == {"sent": 3, "planned:account_refused": 5}
    assert set(Message.objects.filter(state="planned").values_list("attempt", flat=True)) == {0}
    account.refresh_from_db()
    campaign.refresh_from_db()
    assert "over quota" in account.failure
    assert account.retry_at > timezone.now() + timedelta(seconds=50)
    assert campaign.status == Campaign.Status.SENDING


@override_settings(LEASE_SECONDS=0)
def test_answers_that_outlast_the_lease_are_recorded_all_the_same(
    editor: User, start_provider: Callable[..., Provider]
) -> None:
    make_account(start_provider("--delay", "0.5"), max_connections=1)
    make_people(3)
    run = plan(make_campaign(editor))
    sender = threading.Thread(target=lambda: (drain(), connection.close()))
    sender.start()
    while not Message.objects.filter(state="sending").exists():
        time.sleep(0.01)
    outbox.sweep()
    run.refresh_from_db()
    assert (run.status, run.final_counts) == (Run.Status.FINISHED, {"unknown|worker_died": 3})
    sender.join()
    run.refresh_from_db()
    assert run.final_counts == {"sent|": 3}


@override_settings(LEASE_SECONDS=0)
@pytest.mark.parametrize(
    ("options", "emails", "later"),
    [
        (["--quota", "0"], [], {"planned:account_refused": 2}),
        ([], ["later@example.com"], {"planned:retry": 1, "sent": 1}),
        (["--close-after", "1"], [], {"planned": 1, "sent": 1}),
    ],
    ids=["refused account", "greylisted person", "closed line"],
)
def test_what_was_certainly_not_accepted_is_planned_again_even_after_its_lease(
    editor: User, start_provider: Callable[..., Provider], options: list[str], emails: list[str], later: dict[str, int]
) -> None:
    make_account(start_provider("--delay", "0.5", *options), max_connections=1)
    make_people(2)
    for person, address in zip(Contact.objects.all(), emails, strict=False):
        Contact.objects.filter(pk=person.pk).update(email=address)
    run = plan(make_campaign(editor))
    sender = threading.Thread(target=lambda: (drain(), connection.close()))
    sender.start()
    while not Message.objects.filter(state="sending").exists():
        time.sleep(0.01)
    ledger.reap()
    assert states(run) == {"unknown:worker_died": 2}
    sender.join()
    assert states(run) == later


def test_a_server_that_blocks_the_sender_pauses_the_campaign_and_leaves_the_rest_untouched(
    editor: User, start_provider: Callable[..., Provider]
) -> None:
    make_account(start_provider("--refuse-sender"))
    make_people(120)
    campaign = make_campaign(editor)
    run = plan(campaign)
    drain()
    campaign.refresh_from_db()
    assert campaign.status == Campaign.Status.PAUSED
    assert "sender blocked" in campaign.status_changes.first().reason
    assert states(run).total() == 120
    assert set(Message.objects.values_list("state", "attempt")) == {("planned", 0)}
    assert "sender blocked" in Account.objects.get().failure


def test_a_server_that_is_away_costs_no_attempt_and_is_tried_again(editor: User, provider: Provider) -> None:
    account = make_account(provider)
    make_people(3)
    run = plan(make_campaign(editor))
    provider.stop()
    drain()
    assert states(run) == {"planned:account_refused": 3}
    account.refresh_from_db()
    assert account.failure_count == 1
    assert account.retry_at > timezone.now()


def test_lines_that_meet_the_same_outage_together_are_one_refusal(
    editor: User, start_provider: Callable[..., Provider]
) -> None:
    account = make_account(start_provider("--busy", "--delay", "1"), max_connections=8)
    make_people(400)  # a group for each line: all are at it when the first is told to go away
    campaign = make_campaign(editor)
    run = plan(campaign)
    drain()
    assert states(run) == {"planned:account_refused": 400}
    account.refresh_from_db()
    campaign.refresh_from_db()
    assert account.failure_count == 1
    assert campaign.status == Campaign.Status.SENDING


def test_pausing_stops_before_the_next_group_and_resuming_sends_the_rest_once(
    editor: User, approver: User, provider: Provider
) -> None:
    make_account(provider)
    make_people(20)
    campaign = make_campaign(editor)
    run = plan(campaign)
    lifecycle.pause(campaign, by=approver, reason="Wait")
    drain()
    assert provider.accepted() == {}
    campaign.refresh_from_db()
    lifecycle.resume(campaign, by=approver)
    drain()
    assert states(run) == {"sent": 20}
    assert set(provider.accepted().values()) == {1}


def test_cancelling_leaves_a_row_for_everyone(editor: User, approver: User, provider: Provider) -> None:
    make_account(provider)
    make_people(5)
    campaign = make_campaign(editor)
    run = plan(campaign)
    lifecycle.cancel(campaign, by=approver)
    outbox.sweep()
    run.refresh_from_db()
    assert run.status == Run.Status.CANCELLED
    assert run.final_counts == {"cancelled|campaign_cancelled": 5}


def test_a_poisoned_person_is_set_aside_and_the_batch_goes_on(editor: User, provider: Provider) -> None:
    make_account(provider)
    people = make_people(4)
    Contact.objects.filter(pk=people[2].pk).update(first_name="Eve\r\nBcc: all@example.com")
    run = plan(make_campaign(editor))
    drain()
    assert states(run).total() == 4
    assert states(run)["sent"] >= 3
    assert not any(b"\nBcc:" in raw for raw in provider.bodies())


def test_a_campaign_that_no_account_carries_pauses_and_says_so(editor: User, provider: Provider) -> None:
    make_people(2)
    run = plan(make_campaign(editor))
    drain()
    campaign = Campaign.objects.get()
    assert (campaign.status, states(run)) == (Campaign.Status.PAUSED, {"planned": 2})
    assert "No sender account carries mail from News" in campaign.status_changes.first().reason


def test_a_sender_who_can_t_stand_in_a_header_pauses_that_campaign_and_no_other(
    editor: User, provider: Provider
) -> None:
    make_account(provider)
    make_people(2)
    broken, fine = make_campaign(editor, name="Broken"), make_campaign(editor, name="Fine")
    broken.sender = Sender.objects.create(name="Bücher", email="news@bücher.example")
    broken.save(update_fields=["sender"])
    runs = [plan(broken), plan(fine)]
    drain()
    assert [states(run) for run in runs] == [{"planned": 2}, {"sent": 2}]
    broken.refresh_from_db()
    assert broken.status == Campaign.Status.PAUSED
    assert "bücher" in broken.status_changes.first().reason


def test_the_same_person_in_overlapping_segments_has_one_row(editor: User, provider: Provider) -> None:
    make_account(provider)
    make_people(5)
    campaign = make_campaign(editor)
    for name in ("Again", "And again"):
        campaign.segments.add(Segment.objects.create(name=name, rules={"all": []}))
    assert plan(campaign).audience_count == 5


def test_a_second_run_of_a_broadcast_reaches_nobody_twice(editor: User, provider: Provider) -> None:
    make_account(provider)
    make_people(3)
    campaign = make_campaign(editor)
    plan(campaign)
    drain()
    Campaign.objects.filter(pk=campaign.pk).update(planned_at=timezone.now())
    campaign.refresh_from_db()
    again = plan(campaign)
    drain()
    assert states(again) == {"skipped:duplicate": 3}
    assert set(provider.accepted().values()) == {1}


def test_planning_twice_writes_no_row_twice(editor: User, provider: Provider) -> None:
    make_account(provider)
    make_people(3)
    campaign = make_campaign(editor)
    run = plan(campaign)
    assert outbox.plan(run) is False
    assert outbox.open_run(campaign).pk == run.pk
    assert Message.objects.filter(run=run).count() == 3


def test_rules_changed_after_the_start_pause_the_campaign_before_anything_is_planned(
    editor: User, approver: User
) -> None:
    make_people(2)
    campaign = make_campaign(editor)
    bound = approval.request(campaign, by=editor, comment="")
    approval.decide(bound, bound.Decision.APPROVED, by=approver, comment="")
    campaign.segments.update(rules={"any": []})
    run = outbox.open_run(campaign)
    assert outbox.plan(run) is False
    campaign.refresh_from_db()
    assert campaign.status == Campaign.Status.PAUSED
    assert not Message.objects.exists()
