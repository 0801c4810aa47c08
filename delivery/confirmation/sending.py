"""Requests that wait for their mail become rows of the send ledger, each once."""

import logging
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from campaigns.models import Campaign, Sender
from contacts import optin
from contacts.models import Confirmation, Contact, Topic
from core.errors import Refused
from delivery import outbox
from delivery.confirmation import builtin
from delivery.models import ConfirmationMail
from team import brand

logger = logging.getLogger(__name__)
BATCH = 500
TRY_AGAIN = timedelta(minutes=5)
ONE_AT_A_TIME = 7_401_002  # the advisory lock under which the built-in campaign is made


def send_due(limit: int = BATCH) -> int:
    """Give each confirmation that is due its row in the ledger; how many got one. Two at once give each only one."""
    now = timezone.now()
    due = Confirmation.objects.filter(due_at__lte=now, sent_at=None, confirmed_at=None, expires_at__gt=now)
    return sum(
        _tried(pk, contact_id) for pk, contact_id in due.order_by("due_at").values_list("pk", "contact_id")[:limit]
    )


def _tried(pk: int, contact_id: int) -> bool:
    """What keeps one mail from being sent keeps no other from it."""
    try:
        return _send(pk, contact_id)
    except DatabaseError:
        logger.exception("confirmation %s could not be given a row in the ledger; it is tried again", pk)
        return False


@transaction.atomic
def _send(pk: int, contact_id: int) -> bool:
    # 1. The contact before the confirmation, as everyone takes them.
    contact = Contact.objects.select_for_update(no_key=True).get(pk=contact_id)
    waiting = Confirmation.objects.select_for_update(of=("self",)).select_related("request").filter(pk=pk, sent_at=None)
    confirmation = waiting.filter(confirmed_at=None).first()
    if confirmation is None:
        return False
    # 2. The row of the ledger and the note that it is there, both or neither.
    try:
        message = outbox.add(campaign_for(confirmation.topic), contact, data=_data(confirmation))
    except Refused as refused:
        confirmation.failure, confirmation.due_at = refused.message, timezone.now() + TRY_AGAIN
        confirmation.save(update_fields=["failure", "due_at"])
        return False
    confirmation.message_id, confirmation.sent_at, confirmation.failure = message.pk, timezone.now(), ""
    confirmation.save(update_fields=["message_id", "sent_at", "failure"])
    return True


def campaign_for(topic: str) -> Campaign:
    """The campaign that the team chose for the topic, else for all topics; else the one that comes with the product."""
    chosen = ConfirmationMail.objects.select_related("campaign__sender")
    found = chosen.filter(topic__key=topic).first() or chosen.filter(topic=None).first() or _with_builtin()
    return _from_the_default_sender(found.campaign)


def _with_builtin() -> ConfirmationMail:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ONE_AT_A_TIME])
    made = ConfirmationMail.objects.select_related("campaign__sender").filter(topic=None).first()
    return made or ConfirmationMail.objects.create(campaign=builtin.make(_default_sender()))


def _default_sender() -> Sender:
    sender = Sender.objects.order_by("-is_default", "pk").first()
    if sender is None:
        raise Refused("no_sender", "There is no sender yet. Add one under Campaigns, Senders.")
    return sender


def _from_the_default_sender(campaign: Campaign) -> Campaign:
    """What came with the product follows the team's default; of their own campaigns the sender was approved."""
    if campaign.created_by_id is None and not campaign.approvals.exists():
        sender = _default_sender()
        if sender.pk != campaign.sender_id:
            Campaign.objects.filter(pk=campaign.pk).update(sender=sender)
            campaign.sender = sender
    return campaign


def _data(confirmation: Confirmation) -> dict[str, Any]:
    """What the template may use as `data`. None where there is nothing: in Liquid an empty text counts as something."""
    topic = Topic.objects.filter(key=confirmation.topic).first()
    return {
        "confirm_url": optin.link(confirmation),
        "topic": {"name": topic.name if topic else "", "description": (topic.description or None) if topic else None},
        "wording": confirmation.request.wording or None,
        "expires_on": confirmation.expires_at.date().isoformat(),
        "brand": _brand(),
    }


def _brand() -> dict[str, Any]:
    ours = brand.current()
    palette, base = brand.palette(ours), settings.PUBLIC_URL.rstrip("/")
    return {
        "name": ours.name or None,
        "logo": f"{base}{reverse('team:logo', args=[ours.logo_digest])}" if ours.logo_digest else None,
        "logo_height": ours.logo_height,
        "accent": palette.accent,
        "on_accent": palette.on_accent,
        "privacy_url": ours.privacy_url or None,
    }
