"""Which account carries a message, its open lines, and what happens when the provider refuses it."""

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from campaigns import lifecycle
from campaigns.models import Campaign
from core.errors import Refused
from delivery.models import Account
from delivery.providers import providers
from delivery.providers.base import AccountRefused, Connection, Envelope, Result

MAX_IDLE_SECONDS = 30  # servers hang up on idle lines after minutes; a line this old is not worth the risk
PAUSE_AFTER = 5  # refusals in a row, those of lines side by side counted as one
PATIENCE = timedelta(hours=24)  # with an account that is over its quota: a daily one is new by then
FIRST_WAIT = timedelta(seconds=10)
LONGEST_WAIT = timedelta(minutes=15)


def account_for(campaign: Campaign) -> Account | None:
    """The account that carries this campaign's sender, else the channel's default if that carries any sender."""
    accounts = Account.objects.filter(channel=campaign.channel)
    own = accounts.filter(senders=campaign.sender_id).order_by("pk").first() if campaign.sender_id else None
    return own or accounts.filter(is_default=True, senders=None).first()


def must_wait(account: Account) -> bool:
    """Whether the provider has refused this account and its time to try again has not come."""
    return account.retry_at is not None and account.retry_at > timezone.now()


class Lines:
    """The open lines of one account in this process, shared by the sender threads: one batch uses one line."""

    def __init__(self, account: Account) -> None:
        self._provider = providers[account.provider]
        self._config = account.config
        self._idle: list[tuple[float, Connection]] = []
        self._lock = threading.Lock()

    def take(self) -> Connection:
        """A line that is open already, or a new one; raises AccountRefused when there is none to be had."""
        return self._idle_one() or self._provider.connect(self._config)

    def keep(self, line: Connection) -> None:
        """Take back a line that is needed no more, for the next batch."""
        if line.is_open:
            line.is_used = True
            with self._lock:
                self._idle.append((time.monotonic(), line))

    def send(
        self, line: Connection, envelopes: Sequence[Envelope], *, may_begin: Callable[[], bool] = lambda: True
    ) -> list[Result]:
        """Hand a batch over on a line that was taken, and keep that. Raises AccountRefused: nothing was accepted.

        `may_begin` is asked right before the first byte; when it says no, nothing is sent and no answer comes back.
        """
        if not may_begin():
            self.keep(line)
            return []
        try:
            results = line.send(envelopes)
        except AccountRefused:
            line.close()
            if not line.is_used:
                raise
        else:
            self.keep(line)
            return results
        # It may have gone stale: a new line gives the real answer.
        return self.send(self._provider.connect(self._config), envelopes, may_begin=may_begin)

    def _idle_one(self) -> Connection | None:
        with self._lock:
            while self._idle:
                since, line = self._idle.pop()
                if time.monotonic() - since < MAX_IDLE_SECONDS:
                    return line
                line.close()
        return None

    def close(self) -> None:
        with self._lock:
            while self._idle:
                self._idle.pop()[1].close()


def refused(account: Account, campaign: Campaign, refusal: AccountRefused, *, began_at: datetime) -> timedelta:
    """Note that the provider refuses the account; returns how long to wait. Pauses the campaign when it lasts.

    Lines that were at it side by side when the provider went away all say the same: one that began (`began_at`) before
    the last wait was over is no further refusal in the row that pauses.
    """
    with transaction.atomic():
        # Locked, so that the first of several sees the account as it was and the others see what the first noted.
        current = Account.objects.select_for_update().get(pk=account.pk)
        is_news = current.retry_at is None or current.retry_at <= began_at
        if is_news:
            _count(current, refusal)
    account.refresh_from_db()
    now = timezone.now()
    wait = max((account.retry_at or now) - now, timedelta())
    if refusal.permanent or (is_news and _lasts(account)):
        _pause(account, campaign, refusal)
    return wait


def _lasts(account: Account) -> bool:
    is_slow_for_long = account.failing_since is not None and account.failing_since < timezone.now() - PATIENCE
    return account.failure_count >= PAUSE_AFTER or is_slow_for_long


def _count(account: Account, refusal: AccountRefused) -> None:
    """One more refusal in a row: each waits twice as long as the one before, unless the provider says how long.

    One with a wait of its own only slows the account down: it is no step towards the pause.
    """
    now = timezone.now()
    account.failure = str(refusal)[:2000]
    account.failing_since = account.failing_since or now
    if refusal.wait is None:
        account.failure_count += 1
    account.retry_at = now + (refusal.wait or min(FIRST_WAIT * 2 ** (account.failure_count - 1), LONGEST_WAIT))
    account.save(update_fields=["failure", "failure_count", "failing_since", "retry_at"])


def _pause(account: Account, campaign: Campaign, refusal: AccountRefused) -> None:
    reason = f"{account.name} refuses to send: {refusal}"
    with contextlib.suppress(Refused):  # somebody paused or cancelled it first
        lifecycle.pause(campaign, by=None, reason=reason)  # which tells the team


def works_again(account: Account) -> None:
    """Forget the troubles of an account that took a message."""
    if account.failing_since is not None:
        Account.objects.filter(pk=account.pk).update(failing_since=None, failure="", failure_count=0, retry_at=None)
        account.refresh_from_db()


def check_connection(account: Account) -> str:
    """Open a line and close it again; returns what went wrong, or nothing."""
    try:
        providers[account.provider].connect(account.config).close()
    except AccountRefused as refusal:
        return str(refusal)
    Account.objects.filter(pk=account.pk).update(failing_since=None, failure="", failure_count=0, retry_at=None)
    return ""
