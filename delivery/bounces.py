"""Bounces and complaints: what comes back about messages, at once or days later, and what that means for addresses.

Providers tell it here, each in its own file: `returned` what couldn't be delivered after all, `complained` what
somebody called spam. `note` is for refusals while a message is handed over, whose row is settled there.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from contacts import consent, identity, soft_bounces, suppression
from contacts.models import Suppression
from delivery import ledger, outbox
from delivery.ledger import Ending, State
from delivery.models import Message
from events import ingest, names
from events.models import Event

MAY_STILL_BOUNCE = (State.SENT, State.DELIVERED, State.UNKNOWN)

# For each message: when it was sent, and the newest other one to the same person that reached them. That one either
# shows it (delivered, opened, clicked), or was taken by the server before this one was sent and never came back.
_AROUND = """
SELECT m.id, coalesce(m.sent_at, statement_timestamp()) AS sent_at, (
    SELECT max(o.sent_at) FROM delivery_message o
    WHERE o.contact_id = m.contact_id AND o.channel = m.channel AND o.id <> m.id AND o.state IN ('sent', 'delivered')
        AND (o.state = 'delivered' OR o.opened_at IS NOT NULL OR o.clicked_at IS NOT NULL
            OR o.sent_at < coalesce(m.sent_at, statement_timestamp())))
FROM delivery_message m WHERE m.id = ANY(%s)
"""


@dataclass(frozen=True, slots=True)
class Report:
    """Word of one message. `recipient` is the address it went to; `is_hard`: the mailbox takes no mail at all."""

    message_id: int
    recipient: str
    detail: str = ""
    is_hard: bool = False


@transaction.atomic
def note(reports: Sequence[Report], *, channel: str = "email") -> None:
    """Suppress what bounced hard, and what bounced softly too often in a row. Telling it twice changes nothing."""
    hard = {report.recipient: report.detail for report in reports if report.is_hard}
    suppression.suppress_many(hard, channel=channel, reason=Suppression.Reason.HARD_BOUNCE)
    soft = [report for report in reports if not report.is_hard]
    if not soft:
        return
    around = _around([report.message_id for report in soft])
    known = [(report, *around[report.message_id]) for report in soft if report.message_id in around]
    arrivals = [soft_bounces.Arrival(report.recipient, at) for report, _, at in known if at is not None]
    soft_bounces.end(arrivals, channel=channel)
    bounces = [soft_bounces.Bounce(report.recipient, report.message_id, at, report.detail) for report, at, _ in known]
    soft_bounces.count(bounces, channel=channel)


def _around(ids: Collection[int]) -> dict[int, tuple[datetime, datetime | None]]:
    with connection.cursor() as cursor:
        cursor.execute(_AROUND, [list(ids)])
        return {key: (sent_at, arrived_at) for key, sent_at, arrived_at in cursor.fetchall()}


@transaction.atomic
def returned(reports: Sequence[Report], *, channel: str = "email") -> None:
    """Messages that had been taken and came back after all: they failed, and their addresses are told of it."""
    rows = {row.pk: row for row in _messages(reports, channel)}
    known = [_stored(report, channel) for report in reports if report.message_id in rows]
    note(known, channel=channel)
    endings = [
        Ending(report.message_id, State.FAILED, "bounced" if report.is_hard else "soft_bounce", report.detail,
               rows[report.message_id].provider_id)
        for report in known
    ]  # fmt: skip
    ledger.settle(endings, expected=MAY_STILL_BOUNCE)
    outbox.recount({row.run_id for row in rows.values()})
    _forget_the_erased(known, rows.values())


@transaction.atomic
def complained(reports: Sequence[Report], *, channel: str = "email") -> None:
    """Somebody called a message spam: never again to that address, and no consent that it could be taken for."""
    rows = {row.pk: row for row in _messages(reports, channel)}
    known = [_stored(report, channel) for report in reports if report.message_id in rows]
    told = {report.recipient: report.detail for report in known}
    suppression.suppress_many(told, channel=channel, reason=Suppression.Reason.COMPLAINT)
    for report in known:
        _withdraw(rows[report.message_id])
        _record_once(rows[report.message_id])
    _forget_the_erased(known, rows.values())


def _messages(reports: Iterable[Report], channel: str) -> list[Message]:
    """The ledger's rows, held, so that the same word told twice at once is taken once."""
    rows = Message.objects.select_for_update(of=("self",)).select_related("contact__merged_into", "run__campaign")
    ids = sorted({report.message_id for report in reports})
    return list(rows.filter(pk__in=ids, channel=channel).order_by("pk"))


def _stored(report: Report, channel: str) -> Report:
    address = suppression.normalised(report.recipient, channel)
    return Report(report.message_id, address, report.detail, report.is_hard)


def _withdraw(message: Message) -> None:
    contact = identity.living(message.contact)
    if contact.erased_at is None and consent.state(contact, message.channel) is not False:
        source = f"complaint about campaign “{message.run.campaign.name}”"[:200]
        consent.withdraw(contact, channel=message.channel, source=source)


def _record_once(message: Message) -> None:
    contact_id = identity.living(message.contact).pk
    if Event.objects.filter(name=names.COMPLAINED, contact_id=contact_id, message_id=message.pk).exists():
        return
    campaign_id, variant_id = message.run.campaign_id, message.variant_id
    ingest.record(
        names.COMPLAINED,
        contact_id=contact_id,
        campaign_id=campaign_id,
        variant_id=variant_id,
        message_id=message.pk,
    )


def _forget_the_erased(reports: Iterable[Report], rows: Iterable[Message]) -> None:
    """Word of somebody who was erased meanwhile holds too, but their address is not kept for it."""
    erased = {row.pk for row in rows if identity.living(row.contact).erased_at is not None}
    suppression.forget([report.recipient for report in reports if report.message_id in erased])
