"""The way of a batch: claim, ask the gate, compose, give to the crew that hands over. Rows say what there is to do."""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from campaigns import lifecycle
from campaigns.models import Campaign
from core.errors import Refused
from delivery import accounts, composing, gate, ledger, throttle
from delivery.composing import Composer
from delivery.handover import GROUP, Crew, Ready
from delivery.ledger import Claimed, Ending, State
from delivery.mime import BadHeader
from delivery.models import Account, Run
from templates_app.rendering import RenderError

BATCH = 500  # rows claimed and asked about at once


@dataclass
class Lane:
    """One run as this worker sends it. `after` is the last row claimed, so that the next claim steps over the dead."""

    run: Run
    account: Account
    composer: Composer
    crew: Crew
    worker: str
    after: Claimed | None = None

    @classmethod
    def open(cls, run: Run, *, worker: str, must_stop: Callable[[], bool]) -> "Lane | None":
        """None when nothing can carry the run now because the provider told us to wait.

        A campaign that nothing carries, or whose messages can't be made, is paused for a person to see to; it keeps no
        other from being sent.
        """
        account = accounts.account_for(run.campaign)
        if account is None:
            _pause(run, f"No sender account carries mail from {run.campaign.sender}. Add one and resume.")
            return None
        if accounts.must_wait(account):
            return None
        try:
            composer = Composer(run)
        except (BadHeader, RenderError) as error:
            _pause(run, f"No message of it can be made: {error}")
            return None
        crew = Crew(account, run, worker=worker, must_stop=must_stop)
        return cls(run=run, account=account, composer=composer, crew=crew, worker=worker)


def _pause(run: Run, reason: str) -> None:
    with contextlib.suppress(Refused):  # somebody paused or cancelled it first
        lifecycle.pause(run.campaign, by=None, reason=reason)


def drain(*, worker: str, seconds: float, must_stop: Callable[[], bool], beat: Callable[[], None]) -> int:
    """Send what is due, a batch of each run in turn, until nothing is, time is up or we must stop; returns how many."""
    deadline, handled = time.monotonic() + seconds, 0
    lanes: dict[int, Lane] = {}
    try:
        while time.monotonic() < deadline and not must_stop():
            beat()
            moved = 0
            for run_id in _sending_runs():
                lane = lanes.get(run_id) or _open(run_id, worker=worker, must_stop=must_stop)
                if lane is not None:
                    lanes[run_id] = lane
                    moved += send_batch(lane)
            handled += moved
            if not moved:
                break
    finally:
        _finish(list(lanes.values()))
    return handled


def _sending_runs() -> list[int]:
    runs = Run.objects.filter(status=Run.Status.SENDING, campaign__status=Campaign.Status.SENDING)
    return list(runs.order_by("pk").values_list("pk", flat=True))


def _open(run_id: int, *, worker: str, must_stop: Callable[[], bool]) -> Lane | None:
    run = Run.objects.select_related("campaign__sender", "campaign__topic").get(pk=run_id)
    return Lane.open(run, worker=worker, must_stop=must_stop)


def _finish(lanes: list[Lane]) -> None:
    """Let every crew end what it has, even when one of them failed."""
    try:
        if lanes:
            lanes[0].crew.finish()
    finally:
        if lanes:
            _finish(lanes[1:])


def send_batch(lane: Lane) -> int:
    """Claim one batch and give it to the crew; returns how many rows were claimed. Each of them is seen to."""
    if lane.crew.is_halted:
        return 0
    limit = throttle.batch_size(lane.account, BATCH)
    claimed = ledger.claim(lane.run.pk, worker=lane.worker, after=lane.after, limit=limit)
    if not claimed and lane.after:
        # Rows of a worker that died, or that another put in line late, stand before where we are.
        claimed = ledger.claim(lane.run.pk, worker=lane.worker, limit=limit)
    lane.after = claimed[-1] if claimed else None
    left = {row.id for row in claimed}
    try:
        for group in _groups(_composed(lane, _passed(lane, claimed)), throttle.group_size(lane.account, GROUP)):
            if lane.crew.is_halted:
                break
            lane.crew.give(group)
            left -= {ready.row.id for ready in group}
    finally:
        # What is still ours goes back: because of a refusal, a pause, or an error on the way here.
        ledger.give_back(left, worker=lane.worker, expected=State.QUEUED)
    return len(claimed)


def _passed(lane: Lane, claimed: Sequence[Claimed]) -> list[Claimed]:
    """The rows that may go out; the others are skipped or deferred with the gate's reason."""
    question = gate.question_for(lane.run.campaign, run_id=lane.run.pk)
    verdicts = gate.ask(question, [row.contact_id for row in claimed])
    passed, skipped, deferred = [], [], []
    for row in claimed:
        verdict = verdicts[row.contact_id]
        if verdict.may_send:
            passed.append(row)
        elif verdict.until is None:
            skipped.append(Ending(row.id, State.SKIPPED, verdict.reason))
        else:
            deferred.append((row.id, verdict.reason, verdict.until))
    ledger.settle(skipped, expected=[State.QUEUED], worker=lane.worker)
    ledger.defer(deferred, worker=lane.worker)
    return passed


def _composed(lane: Lane, rows: Sequence[Claimed]) -> Iterator[Ready]:
    """The rows with their messages; one that can't be composed is set aside as skipped and the batch goes on."""
    people = composing.people(row.contact_id for row in rows)
    poisoned = []
    for row in rows:
        try:
            yield Ready(row, lane.composer.envelope(row, people[row.contact_id]))
        except (RenderError, BadHeader, KeyError) as error:
            poisoned.append(Ending(row.id, State.SKIPPED, "render_error", f"{type(error).__name__}: {error}"))
    ledger.settle(poisoned, expected=[State.QUEUED], worker=lane.worker)


def _groups(messages: Iterator[Ready], size: int) -> Iterator[list[Ready]]:
    while group := list(islice(messages, size)):
        yield group
