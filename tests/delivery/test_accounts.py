"""Which account carries what, its open lines, and how refusals add up and are forgotten."""

import socket
from datetime import timedelta

import pytest
from django.utils import timezone

from campaigns.models import Campaign, Sender
from delivery import accounts
from delivery.accounts import Lines
from delivery.models import Account
from delivery.providers.base import AccountRefused, Envelope, Outcome
from team.models import Notice, User
from tests.delivery.conftest import Provider, make_account, make_campaign


@pytest.fixture
def campaign(editor: User) -> Campaign:
    return make_campaign(editor)


@pytest.fixture
def account(db: None, provider: Provider) -> Account:
    return make_account(provider)


def nowhere(**fields: object) -> Account:
    """An account at a port where nobody listens."""
    config = {"host": "127.0.0.1", "port": 1, "security": "none"}
    return Account.objects.create(name="Nowhere", provider="smtp", config=config, **fields)


def envelope(number: int) -> Envelope:
    body = b"Message-ID: <%d.x@example.com>\r\n\r\nHi\r\n" % number
    return Envelope(number, "news@example.com", f"person{number}@example.com", body)


def test_a_sender_s_own_account_comes_before_the_default(campaign: Campaign, account: Account) -> None:
    assert accounts.account_for(campaign) == account
    own = nowhere()
    own.senders.add(campaign.sender)
    assert accounts.account_for(campaign) == own
    campaign.sender = Sender.objects.create(name="Other", email="other@example.com")
    assert accounts.account_for(campaign) == account
    account.senders.add(Sender.objects.create(name="Third", email="third@example.com"))
    assert accounts.account_for(campaign) is None
    Account.objects.all().delete()
    assert accounts.account_for(campaign) is None


def test_trying_a_connection_says_what_is_wrong_or_clears_what_was(account: Account) -> None:
    assert "can't be reached" in accounts.check_connection(nowhere())
    Account.objects.filter(pk=account.pk).update(
        failing_since=timezone.now(), failure="Away", failure_count=3, retry_at=timezone.now() + timedelta(hours=1)
    )
    assert accounts.check_connection(account) == ""
    account.refresh_from_db()
    assert (account.failing_since, account.failure, account.failure_count, account.retry_at) == (None, "", 0, None)


@pytest.mark.parametrize(
    "config", [{}, {"host": ""}, {"host": "no.such.host.invalid"}, {"host": "127.0.0.1", "port": 1}]
)
def test_a_connection_that_can_t_be_made_is_a_sentence_and_no_crash(db: None, config: dict[str, object]) -> None:
    account = Account.objects.create(name="Broken", provider="smtp", config={"security": "none", **config})
    assert accounts.check_connection(account)


def refuse(account: Account, campaign: Campaign, refusal: AccountRefused) -> timedelta:
    """A refusal of something that began when the last one's wait was over; returns the wait in whole seconds."""
    began_at = max(account.retry_at or timezone.now(), timezone.now())
    wait = accounts.refused(account, campaign, refusal, began_at=began_at)
    return timedelta(seconds=round(wait.total_seconds()))


def test_each_refusal_waits_longer_and_the_fifth_pauses_the_campaign(campaign: Campaign, account: Account) -> None:
    waits = []
    for number in range(1, accounts.PAUSE_AFTER + 1):
        waits.append(refuse(account, campaign, AccountRefused("Too busy")))
        campaign.refresh_from_db()
        is_last = number == accounts.PAUSE_AFTER
        assert campaign.status == (Campaign.Status.PAUSED if is_last else Campaign.Status.SENDING)
    assert waits == [timedelta(seconds=10 * 2**number) for number in range(5)]
    assert accounts.must_wait(account)
    assert account.failure == "Too busy"
    assert campaign.status_changes.first().reason == "Relay refuses to send: Too busy"
    assert Notice.objects.filter(level=Notice.Level.ERROR, text__contains="Too busy").count() == 1


def test_no_wait_grows_without_end_and_a_provider_s_own_wait_wins(campaign: Campaign, account: Account) -> None:
    Account.objects.filter(pk=account.pk).update(failure_count=40)
    account.refresh_from_db()
    assert refuse(account, campaign, AccountRefused("Busy")) == accounts.LONGEST_WAIT
    own = AccountRefused("Busy", wait=timedelta(seconds=7))
    assert refuse(account, campaign, own) == timedelta(seconds=7)


def test_an_account_over_its_quota_slows_down_and_pauses_only_when_a_day_is_over(
    campaign: Campaign, account: Account
) -> None:
    busy = AccountRefused("Over quota", wait=timedelta(minutes=1))
    for _ in range(accounts.PAUSE_AFTER + 1):
        assert refuse(account, campaign, busy) == timedelta(minutes=1)
        Account.objects.update(retry_at=timezone.now())
        account.refresh_from_db()
    campaign.refresh_from_db()
    assert campaign.status == Campaign.Status.SENDING
    Account.objects.update(failing_since=timezone.now() - accounts.PATIENCE)
    account.refresh_from_db()
    refuse(account, campaign, busy)
    campaign.refresh_from_db()
    assert campaign.status == Campaign.Status.PAUSED


def test_lines_side_by_side_in_one_outage_count_as_one_refusal(campaign: Campaign, account: Account) -> None:
    began_at = timezone.now()
    for _ in range(accounts.PAUSE_AFTER + 3):
        elsewhere = Account.objects.get(pk=account.pk)  # each process read the account for itself
        wait = accounts.refused(elsewhere, campaign, AccountRefused("Away"), began_at=began_at)
        assert timedelta(seconds=9) < wait <= accounts.FIRST_WAIT
    account.refresh_from_db()
    campaign.refresh_from_db()
    assert account.failure_count == 1
    assert campaign.status == Campaign.Status.SENDING


def test_one_that_ends_long_after_the_wait_it_began_before_counts_no_more(campaign: Campaign, account: Account) -> None:
    began_at = timezone.now()
    accounts.refused(account, campaign, AccountRefused("Away"), began_at=began_at)
    Account.objects.filter(pk=account.pk).update(retry_at=began_at + timedelta(microseconds=1))  # which is over now
    assert accounts.refused(account, campaign, AccountRefused("Timed out"), began_at=began_at) == timedelta()
    assert (account.failure_count, account.failure) == (1, "Away")


def test_a_refusal_after_something_was_taken_counts_whenever_it_began(campaign: Campaign, account: Account) -> None:
    began_at = timezone.now()
    accounts.refused(account, campaign, AccountRefused("Away"), began_at=began_at)
    accounts.works_again(account)
    accounts.refused(account, campaign, AccountRefused("Away again"), began_at=began_at)
    assert (account.failure_count, account.failure) == (1, "Away again")
    assert accounts.must_wait(account)


def test_a_refusal_for_good_pauses_at_once_and_only_once(campaign: Campaign, account: Account) -> None:
    for _ in range(2):
        accounts.refused(account, campaign, AccountRefused("Blocked", permanent=True), began_at=timezone.now())
    campaign.refresh_from_db()
    assert campaign.status == Campaign.Status.PAUSED
    assert campaign.status_changes.count() == 1


def test_a_message_that_is_taken_forgets_the_troubles(campaign: Campaign, account: Account) -> None:
    accounts.refused(account, campaign, AccountRefused("Busy"), began_at=timezone.now())
    assert accounts.must_wait(account)
    accounts.works_again(account)
    assert not accounts.must_wait(account)
    assert (account.failing_since, account.failure, account.failure_count) == (None, "", 0)


def test_a_wait_that_is_over_lets_the_account_try_again(account: Account) -> None:
    account.retry_at = timezone.now() - timedelta(seconds=1)
    assert not accounts.must_wait(account)


def test_a_line_is_used_again_and_a_stale_one_is_replaced(account: Account, provider: Provider) -> None:
    lines = Lines(account)
    try:
        assert [result.outcome for result in lines.send(lines.take(), [envelope(1), envelope(2)])] == [
            Outcome.ACCEPTED
        ] * 2
        [(_, first)] = lines._idle
        lines.send(lines.take(), [envelope(3)])
        [(_, second)] = lines._idle
        assert second is first
        first._socket.shutdown(socket.SHUT_RDWR)  # as a server that hung up leaves it
        assert [result.outcome for result in lines.send(lines.take(), [envelope(4)])] == [Outcome.ACCEPTED]
        assert lines._idle[0][1] is not first
    finally:
        lines.close()
    assert provider.accepted() == {"1": 1, "2": 1, "3": 1, "4": 1}


def test_lines_to_nowhere_refuse_and_keep_nothing_open(db: None) -> None:
    lines = Lines(nowhere())
    with pytest.raises(AccountRefused, match="can't be reached"):
        lines.send(lines.take(), [envelope(1)])
    assert lines._idle == []
