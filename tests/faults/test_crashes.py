"""Workers die at every dangerous place; the provider's accept log and the ledger must agree."""

import signal
import time
from collections.abc import Callable

import pytest

from contacts.models import Contact, Suppression
from delivery import ledger, outbox, throttle
from delivery.handover import GROUP
from delivery.models import Message, Run
from team.models import User
from tests.delivery.conftest import Provider, drain, make_account, make_campaign, make_people, plan, states
from tests.faults.conftest import Process, wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.fault]

PEOPLE = 180
LEASE = 2.2


def agree(run: Run, provider: Provider, *, unknown_at_most: int) -> None:
    """Both invariants: nobody is lost, and the provider accepted nobody twice."""
    outbox.sweep()
    run.refresh_from_db()
    assert run.status == Run.Status.FINISHED
    assert sum(run.final_counts.values()) == run.audience_count == PEOPLE
    accepted = provider.accepted()
    assert max(accepted.values()) == 1
    found = dict(Message.objects.filter(run=run).values_list("pk", "state"))
    unknown = {str(pk) for pk, state in found.items() if state == "unknown"}
    sent = {str(pk) for pk, state in found.items() if state == "sent"}
    assert sent <= set(accepted)
    assert set(accepted) - sent <= unknown
    assert sent | unknown == {str(pk) for pk in found}
    assert len(unknown) <= unknown_at_most


@pytest.mark.parametrize(
    ("failpoint", "unknown_at_most"),
    [
        ("before_claim_commit", 0),
        ("after_claim_commit", 0),
        ("after_provider_accept:2", GROUP),
        ("before_result_commit:2", GROUP),
        ("after_result_commit:2", GROUP),
    ],
)
def test_a_worker_killed_at_a_failpoint_loses_nobody_and_repeats_nobody(
    editor: User, provider: Provider, start_sender: Callable[..., Process], failpoint: str, unknown_at_most: int
) -> None:
    make_account(provider, max_connections=1)
    make_people(PEOPLE)
    run = plan(make_campaign(editor))
    assert start_sender(CARILLON_FAILPOINT=failpoint).wait() == 9
    time.sleep(LEASE)
    ledger.reap()
    drain()
    agree(run, provider, unknown_at_most=unknown_at_most)
    if "claim" in failpoint:
        assert states(run) == {"sent": PEOPLE}


def test_a_worker_killed_by_signal_while_sending_leaves_at_most_what_was_in_flight(
    editor: User, start_provider: Callable[..., Provider], start_sender: Callable[..., Process]
) -> None:
    provider = start_provider("--delay", "0.005")
    make_account(provider, max_connections=2)
    make_people(PEOPLE)
    run = plan(make_campaign(editor))
    sender = start_sender()
    wait_until(lambda: len(provider.accepted()) > 30, what="the thirtieth acceptance")
    sender.signal(signal.SIGKILL)
    sender.wait()
    time.sleep(LEASE)
    ledger.reap()
    drain()
    agree(run, provider, unknown_at_most=2 * GROUP)


def test_a_worker_killed_before_it_records_a_bounce_has_suppressed_the_address(
    editor: User, provider: Provider, start_sender: Callable[..., Process]
) -> None:
    make_account(provider)
    [person] = make_people(1)
    Contact.objects.filter(pk=person.pk).update(email="bounce@example.com")
    run = plan(make_campaign(editor))
    assert start_sender(CARILLON_FAILPOINT="before_result_commit").wait() == 9
    assert states(run) == {"sending": 1}
    assert Suppression.objects.get().address == "bounce@example.com"


def test_three_deaths_on_one_row_set_it_aside(
    editor: User, provider: Provider, start_sender: Callable[..., Process]
) -> None:
    make_account(provider)
    make_people(1)
    run = plan(make_campaign(editor))
    for _ in range(ledger.MAX_DEATHS):
        assert start_sender(CARILLON_FAILPOINT="after_claim_commit").wait() == 9
        time.sleep(LEASE)
        ledger.reap()
    assert states(run) == {"failed:quarantined": 1}
    assert provider.accepted() == {}


def test_two_senders_at_once_share_a_run_without_overlap(
    editor: User, provider: Provider, start_sender: Callable[..., Process]
) -> None:
    make_account(provider)
    make_people(PEOPLE)
    run = plan(make_campaign(editor))
    senders = [start_sender(), start_sender()]
    assert [sender.wait() for sender in senders] == [0, 0]
    agree(run, provider, unknown_at_most=0)


# A provider counts arrivals. A busy machine holds a group up between its turn and its arrival, and it comes in beside
# the next. The gaps between turns make up for 0.1 s of that; a second with one group more means 0.2 s.
HELD_UP = 1


@pytest.mark.parametrize("options", [[], ["--open-after", "2"]], ids=["at once", "lines that all open late"])
def test_the_rate_of_an_account_holds_over_all_workers(
    editor: User, start_provider: Callable[..., Provider], start_sender: Callable[..., Process], options: list[str]
) -> None:
    provider = start_provider(*options)
    account = make_account(provider, rate_per_second=40, max_connections=6)
    make_people(PEOPLE)
    run = plan(make_campaign(editor))
    senders = [start_sender(LEASE_SECONDS="20") for _ in range(3)]  # a short one would mean claims of a few rows each
    assert [sender.wait() for sender in senders] == [0, 0, 0]
    moments = provider.moments()
    busiest = max(sum(start <= moment < start + 1 for moment in moments) for start in moments)
    assert busiest <= 40 + HELD_UP * throttle.group_size(account, GROUP)
    assert moments[-1] - moments[0] < 2 * PEOPLE / 40  # and it is used, not just kept to
    agree(run, provider, unknown_at_most=0)
