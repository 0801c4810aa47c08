"""Handing over: threads that each commit `sending` for a group, give it to the provider and record the answers.

Each thread has a line to the provider and one to the database of its own, so that while one waits for an answer, the
main thread composes the next groups. At most GROUP messages per thread can become `unknown` when the process dies.
"""

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import connections, transaction
from django.utils import timezone

from core import failpoints
from delivery import accounts, bounces, ledger, outbox, throttle
from delivery.accounts import Lines
from delivery.bounces import Report
from delivery.ledger import Claimed, Ending, State
from delivery.models import Account, Run
from delivery.providers.base import AccountRefused, Connection, Envelope, Outcome, Result

logger = logging.getLogger(__name__)

GROUP = 50


class Ready(NamedTuple):
    """A claimed row with its finished message."""

    row: Claimed
    envelope: Envelope


class Crew:
    """The threads of one run in this process.

    `is_halted` once nothing more should be given: the campaign was paused, the account refused, or a thread failed
    (its error is raised by finish()).
    """

    def __init__(self, account: Account, run: Run, *, worker: str, must_stop: Callable[[], bool]) -> None:
        self._account, self._run, self._worker, self._must_stop = account, run, worker, must_stop
        self._lines = Lines(account)
        self._groups: queue.Queue[list[Ready] | None] = queue.Queue(maxsize=1)
        self._error: BaseException | None = None
        self.is_halted = False
        self._threads = [threading.Thread(target=self._work, name="line") for _ in range(account.max_connections)]
        for thread in self._threads:
            thread.start()

    def give(self, group: list[Ready]) -> None:
        """Queue a group of at most GROUP; waits while every thread is busy and one group is waiting already."""
        self._groups.put(group)

    def finish(self) -> None:
        """Wait until everything given has ended, close the lines, and raise what went wrong in a thread."""
        for _ in self._threads:
            self._groups.put(None)
        for thread in self._threads:
            thread.join()
        self._lines.close()
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        try:
            while (group := self._groups.get()) is not None:
                try:
                    self._hand_over(group)
                except Exception as error:  # noqa: BLE001  raised again by finish(), in the main thread
                    self._error, self.is_halted = error, True
        finally:
            connections.close_all()

    def _hand_over(self, group: list[Ready]) -> None:
        # 1. The turn and the line, with nothing begun: a connection may take a minute and then fail.
        throttle.stand_in_line(self._account, len(group), must_stop=self._is_told_to_stop)
        began_at = timezone.now()
        if self._is_told_to_stop():
            self._give_back(group, State.QUEUED)
            return
        try:
            line = self._lines.take()
        except AccountRefused as refusal:
            self._refused(group, refusal, began_at, State.QUEUED)
            return
        # 2. `sending` is committed before any byte leaves; a campaign that no longer sends holds nothing.
        mine = self._begin(group)
        if mine:
            self._send(line, mine, began_at)
        else:
            self._lines.keep(line)

    def _is_told_to_stop(self) -> bool:
        return self.is_halted or self._must_stop()

    def _begin(self, group: Sequence[Ready]) -> list[Ready]:
        held = ledger.begin_sending([ready.row.id for ready in group], worker=self._worker, account_id=self._account.pk)
        self.is_halted = self.is_halted or not held
        self._give_back([ready for ready in group if ready.row.id not in held], State.QUEUED)
        return [ready for ready in group if ready.row.id in held]

    def _send(self, line: Connection, group: Sequence[Ready], began_at: datetime) -> None:
        """3. The provider, in the group's exact turn, while no transaction is open; and what it answered."""
        held_at = timezone.now()

        def is_its_turn() -> bool:
            # Within a part of the lease that leaves the call its time.
            within = settings.LEASE_SECONDS / 4
            return throttle.take_turn(self._account, len(group), within=within, must_stop=self._is_told_to_stop)

        try:
            results = self._lines.send(line, [ready.envelope for ready in group], may_begin=is_its_turn)
        except AccountRefused as refusal:
            self._refused(group, refusal, began_at, State.SENDING)
            return
        if not results:
            self._give_back(group, State.SENDING)
            return
        failpoints.reach("after_provider_accept")
        self._record(group, results, took=timezone.now() - held_at)

    def _give_back(
        self, group: Sequence[Ready], expected: str, *, wait: timedelta = timedelta(0), reason: str = ""
    ) -> None:
        ids = [ready.row.id for ready in group]
        returned = ledger.give_back(ids, worker=self._worker, expected=expected, wait=wait, reason=reason)
        if expected == State.SENDING and returned < len(ids):  # others gave them up as unknown meanwhile
            with transaction.atomic():
                if self._still_sends():
                    ledger.give_back(ids, worker=self._worker, expected=State.UNKNOWN, wait=wait, reason=reason)

    def _refused(self, group: Sequence[Ready], refusal: AccountRefused, began_at: datetime, expected: str) -> None:
        """Nothing was accepted: the rows go back with their attempt unspent, and nothing more is given for now."""
        self.is_halted = True
        wait = accounts.refused(self._account, self._run.campaign, refusal, began_at=began_at)
        self._give_back(group, expected, wait=wait, reason="account_refused")

    def _record(self, group: Sequence[Ready], results: Sequence[Result], *, took: timedelta) -> None:
        pairs = list(zip(group, results, strict=True))
        self._give_back([ready for ready, result in pairs if result.outcome is Outcome.UNTOUCHED], State.SENDING)
        pairs = [(ready, result) for ready, result in pairs if result.outcome is not Outcome.UNTOUCHED]
        endings = [ending(result, attempt=ready.row.attempt) for ready, result in pairs]
        # Suppressed first: if we end before the answer is recorded, at least we never write there again.
        came_back = [report for (ready, result), end in zip(pairs, endings, strict=True)
                     if (report := bounce(ready.envelope, result, end))]  # fmt: skip
        if came_back:
            bounces.note(came_back, channel=self._account.channel)
        ledger.settle(endings, expected=[State.SENDING], worker=self._worker)
        if took.total_seconds() > settings.LEASE_SECONDS / 2:  # others may have given it up
            self._record_late(endings)
        if any(result.outcome is not Outcome.UNKNOWN for _, result in pairs):
            accounts.works_again(self._account)

    def _record_late(self, endings: Sequence[Ending]) -> None:
        """A slow server's answers outlast the lease: of what was given up as unknown we know what became after all."""
        with transaction.atomic():
            states = [State.SENT, State.FAILED, *([State.PLANNED] if self._still_sends() else [])]
            known = [ending for ending in endings if ending.state in states]
            ledger.settle(known, expected=[State.UNKNOWN], worker=self._worker)
        outbox.recount([self._run.pk])

    def _still_sends(self) -> bool:
        """Whether the run does. It is held, so that it doesn't end before the transaction that plans a row again."""
        return Run.objects.select_for_update().get(pk=self._run.pk).status == Run.Status.SENDING


def bounce(envelope: Envelope, result: Result, end: Ending) -> Report | None:
    """What an answer says about the address, if it is the last word about the message."""
    if not (result.address_is_bad or (result.is_soft_bounce and end.state == State.FAILED)):
        return None
    return Report(result.ledger_id, envelope.recipient, result.detail, is_hard=result.address_is_bad)


def ending(result: Result, *, attempt: int) -> Ending:
    """What a provider's answer makes of a row that was sent for the `attempt`-th time."""
    match result.outcome:
        case Outcome.ACCEPTED:
            return Ending(result.ledger_id, State.SENT, "", result.detail, result.provider_id)
        case Outcome.REJECTED:
            reason = "bounced" if result.address_is_bad else "rejected"
            return Ending(result.ledger_id, State.FAILED, reason, result.detail)
        case Outcome.RETRY if attempt >= ledger.MAX_ATTEMPTS:
            return Ending(result.ledger_id, State.FAILED, "gave_up", result.detail)
        case Outcome.RETRY:
            return Ending(result.ledger_id, State.PLANNED, "retry", result.detail)
        case Outcome.UNKNOWN:
            return Ending(result.ledger_id, State.UNKNOWN, "no_answer", result.detail)
        case Outcome.UNTOUCHED:
            raise ValueError("What was not tried has no ending")
