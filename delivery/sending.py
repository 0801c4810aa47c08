"""The way of a batch: claim, gate, render, commit `sending`, hand over, record.

While one group of messages is on the line, the next is rendered, so that neither the network nor the processor waits.
At most GROUP messages per open connection can become `unknown` when a worker dies.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice

from campaigns.models import Campaign, Variant
from contacts import consent
from contacts.models import Contact, Suppression
from core import failpoints
from delivery import accounts, gate, ledger
from delivery.accounts import Lines
from delivery.ledger import Claimed, Ending, State
from delivery.links import LinkMaker
from delivery.mime import BadHeader, Skeleton
from delivery.models import Account, Run
from delivery.providers.base import AccountRefused, Envelope, Outcome, Result
from templates_app import rendering
from templates_app.rendering import Renderer, RenderError

logger = logging.getLogger(__name__)

BATCH = 500  # rows claimed and asked about at once
GROUP = 50  # rows marked `sending` at once: what a dying worker can leave uncertain per connection
_CONTACT_FIELDS = (
    "id", "email", "phone", "external_id", "first_name", "last_name", "locale", "time_zone", "attributes", "tags",
)  # fmt: skip


@dataclass
class Lane:
    """One run as this worker sends it: what is the same for all its messages, made once."""

    run: Run
    campaign: Campaign
    account: Account
    lines: Lines
    worker: str
    skeleton: Skeleton
    links: LinkMaker
    renderers: dict[int, Renderer]
    shared: dict[str, object]
    pool: ThreadPoolExecutor
    after: int = 0
    attempts: dict[int, int] = field(default_factory=dict)
    in_flight: deque[tuple[list[Envelope], "Future[list[Result]]"]] = field(default_factory=deque)

    @classmethod
    def open(cls, run: Run, *, worker: str) -> "Lane | None":
        """None when nothing can carry the run now: no account, or one whose provider told us to wait."""
        campaign, account = run.campaign, accounts.account_for(run.campaign)
        if account is None or campaign.sender is None or accounts.must_wait(account):
            return None
        sender = campaign.sender
        variants = Variant.objects.filter(campaign=campaign).select_related("version")
        return cls(
            run=run,
            campaign=campaign,
            account=account,
            lines=Lines(account),
            worker=worker,
            skeleton=Skeleton.make(from_name=sender.name, from_email=sender.email, reply_to=sender.reply_to),
            links=LinkMaker.make(),
            renderers={v.pk: rendering.renderer(v.version) for v in variants if v.version is not None},
            shared={
                "sender": {"name": sender.name, "email": sender.email, "postal_address": sender.postal_address},
                "campaign": {"name": campaign.name},
            },
            pool=ThreadPoolExecutor(max_workers=account.max_connections, thread_name_prefix="line"),
        )

    def close(self) -> None:
        self.pool.shutdown(wait=True)
        self.lines.close()


def drain(*, worker: str, seconds: float, must_stop: Callable[[], bool], beat: Callable[[], None]) -> int:
    """Send what is due, a batch of each run in turn, until nothing is, time is up or we must stop; returns how many."""
    deadline, handled = time.monotonic() + seconds, 0
    lanes: dict[int, Lane] = {}
    try:
        while time.monotonic() < deadline and not must_stop():
            beat()
            moved = 0
            for run in _sending_runs():
                lane = lanes.get(run.pk) or Lane.open(run, worker=worker)
                if lane is not None and not accounts.must_wait(lane.account):
                    lanes[run.pk] = lane
                    moved += send_batch(lane, must_stop)
            handled += moved
            if not moved:
                break
    finally:
        for lane in lanes.values():
            lane.close()
    return handled


def _sending_runs() -> Sequence[Run]:
    runs = Run.objects.filter(status=Run.Status.SENDING, campaign__status=Campaign.Status.SENDING)
    return list(runs.select_related("campaign__sender").order_by("pk"))


def send_batch(lane: Lane, must_stop: Callable[[], bool]) -> int:
    """Claim one batch and bring each of its rows to an end; returns how many were claimed."""
    claimed = ledger.claim(lane.run.pk, worker=lane.worker, after=lane.after, limit=BATCH)
    if not claimed and lane.after:
        lane.after = 0  # rows that were deferred or given back stand before where we are
        claimed = ledger.claim(lane.run.pk, worker=lane.worker, after=0, limit=BATCH)
    if not claimed:
        return 0
    lane.after = claimed[-1].id
    lane.attempts = {row.id: row.attempt for row in claimed}
    passed = _ask_gate(lane, claimed)
    ready = _rendered(lane, passed)
    try:
        for group in _groups(ready):
            if must_stop() or not _hand_over(lane, group):
                break
            while len(lane.in_flight) >= lane.account.max_connections:
                _record_oldest(lane)
    finally:
        while lane.in_flight:
            _record_oldest(lane)
        # Whatever is still ours was not handed over: because of a refusal, a pause, or an error on the way here.
        ledger.give_back([row.id for row in claimed], worker=lane.worker, expected=State.QUEUED)
    return len(claimed)


def _ask_gate(lane: Lane, claimed: Sequence[Claimed]) -> list[Claimed]:
    """The rows that may go out; the others are skipped or deferred with the gate's reason."""
    question = gate.question_for(lane.campaign, run_id=lane.run.pk)
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
    if skipped:
        ledger.settle(skipped, expected=[State.QUEUED], worker=lane.worker)
    if deferred:
        ledger.defer(deferred, worker=lane.worker)
    return passed


def _rendered(lane: Lane, rows: Sequence[Claimed]) -> Iterator[Envelope]:
    """Envelopes one by one; a row that can't be rendered is set aside as skipped and the batch goes on."""
    people = Contact.objects.only(*_CONTACT_FIELDS).in_bulk([row.contact_id for row in rows])
    poisoned = []
    for row in rows:
        try:
            yield _envelope(lane, row, people[row.contact_id])
        except (RenderError, BadHeader, KeyError) as error:
            poisoned.append(Ending(row.id, State.SKIPPED, "render_error", f"{type(error).__name__}: {error}"))
    if poisoned:
        ledger.settle(poisoned, expected=[State.QUEUED], worker=lane.worker)


def _envelope(lane: Lane, row: Claimed, contact: Contact) -> Envelope:
    assert contact.email is not None  # noqa: S101  the gate let it through
    unsubscribe = lane.links.unsubscribe(row.id)
    context = {**rendering.contact_context(contact), **lane.shared, "unsubscribe_url": unsubscribe}
    content = lane.renderers[row.variant_id].render(
        context,
        link=lane.links.click(row.id) if lane.campaign.tracks_clicks else None,
        pixel=lane.links.pixel(row.id) if lane.campaign.tracks_opens else "",
    )
    headers: tuple[tuple[str, str], ...] = (("X-Carillon-Message", str(row.id)),)
    if lane.campaign.purpose == Campaign.Purpose.MARKETING:
        # https://www.rfc-editor.org/rfc/rfc8058: both headers, and the link must take a bare POST
        one_click = ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
        headers = (("List-Unsubscribe", f"<{unsubscribe}>"), one_click, *headers)
    message = lane.skeleton.assemble(
        content,
        to_name=contact.full_name,
        to_email=contact.email,
        message_id=f"{row.id}.{lane.run.pk}",  # the same on every attempt, so that a server may tell a repeat
        headers=headers,
    )
    assert lane.campaign.sender is not None  # noqa: S101  Lane.open checked
    return Envelope(row.id, lane.campaign.sender.email, contact.email, message)


def _groups(envelopes: Iterator[Envelope]) -> Iterator[list[Envelope]]:
    while group := list(islice(envelopes, GROUP)):
        yield group


def _hand_over(lane: Lane, group: list[Envelope]) -> bool:
    """Commit `sending`, then give the group to a line; False when the campaign no longer sends."""
    ids = [envelope.ledger_id for envelope in group]
    held = ledger.begin_sending(ids, worker=lane.worker, account_id=lane.account.pk)
    if not held:
        return False
    mine = [envelope for envelope in group if envelope.ledger_id in held]
    lane.in_flight.append((mine, lane.pool.submit(lane.lines.send, mine)))
    return True


def _record_oldest(lane: Lane) -> None:
    sent, future = lane.in_flight.popleft()
    try:
        results = future.result()
    except AccountRefused as refusal:
        wait = accounts.refused(lane.account, lane.campaign, refusal)
        ids = [envelope.ledger_id for envelope in sent]
        ledger.give_back(ids, worker=lane.worker, expected=State.SENDING, wait=wait, reason="account_refused")
        return
    failpoints.reach("after_provider_accept")
    endings = [_ending(result, lane.attempts[result.ledger_id]) for result in results]
    ledger.settle(endings, expected=[State.SENDING], worker=lane.worker)
    for result, envelope in zip(results, sent, strict=True):
        if result.address_is_bad:
            consent.suppress(envelope.recipient, reason=Suppression.Reason.HARD_BOUNCE, detail=result.detail[:500])
    accounts.works_again(lane.account)


def _ending(result: Result, attempt: int) -> Ending:
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
