"""What delivery holds about a person: their messages, what they did with them, and copies in the sandbox mailbox."""

from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet

from contacts.holdings import Holding, holdings
from contacts.models import Contact
from delivery import sandbox
from delivery.models import Message, SandboxMail
from events import ingest, names, strays
from events.models import Event


@holdings.register
class Messages(Holding):
    key = "messages"
    label = "Messages"

    def export(self, contact: Contact) -> list[dict[str, Any]]:
        rows = Message.objects.filter(contact=contact).select_related("run__campaign").order_by("pk")
        return [
            {
                "campaign": row.run.campaign.name, "channel": row.channel, "state": row.state, "reason": row.reason,
                "detail": row.detail, "sent_at": row.sent_at, "opened_at": row.opened_at, "clicked_at": row.clicked_at,
                "data": {key: value for key, value in (row.data or {}).items() if key != "confirm_url"},
            }
            for row in rows
        ]  # fmt: skip

    def erase(self, contact: Contact) -> None:
        # That something was sent stays, so that figures add up; servers like to repeat the address in their answers.
        Message.objects.filter(contact=contact).update(detail="", provider_id="", data=None)

    def merge(self, merged: Contact, survivor: Contact) -> None:
        """What was sent stays where the ledger has it. What is still to be sent goes to the survivor, unless the
        same run writes to them anyway: then the gate leaves out the row of the empty contact."""
        with connection.cursor() as cursor:
            cursor.execute(
                """
                UPDATE delivery_message m SET contact_id = %s
                WHERE m.contact_id = %s AND m.state = 'planned' AND NOT EXISTS (
                    SELECT FROM delivery_message o
                    WHERE o.run_id = m.run_id AND o.contact_id = %s AND o.step = m.step AND o.channel = m.channel)
                """,
                [survivor.pk, merged.pk, survivor.pk],
            )


@holdings.register
class Events(Holding):
    key = "events"
    label = "Events"

    def export(self, contact: Contact) -> list[dict[str, Any]]:
        events = Event.objects.filter(contact_id=contact.pk).order_by("occurred_at", "id")
        return [
            {"name": event.name, "at": event.occurred_at, "label": event.label, "properties": event.properties}
            for event in events
        ]

    def erase(self, contact: Contact) -> None:
        # Which link was followed stays; the address it led to may hold the person's own data.
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE events_event SET properties = properties - 'url' WHERE contact_id = %s AND properties ? 'url'",
                [contact.pk],
            )

    def merge(self, merged: Contact, survivor: Contact) -> None:
        strays.bring_home(merged.pk, survivor.pk)
        ingest.record(names.CONTACT_MERGED, contact_id=survivor.pk, properties={"merged": str(merged.uuid)})


@holdings.register
class SandboxMails(Holding):
    key = "sandbox_mails"
    label = "Mails in the sandbox"

    def export(self, contact: Contact) -> list[dict[str, Any]]:
        return [
            {"subject": mail.subject, "received_at": mail.received_at,
             "text": sandbox.text_of(sandbox.part_of(bytes(mail.raw), "plain"))}
            for mail in self._mails_to(contact).order_by("pk")
        ]  # fmt: skip

    def erase(self, contact: Contact) -> None:
        self._mails_to(contact).delete()

    def merge(self, merged: Contact, survivor: Contact) -> None:
        """They are found by their ledger rows, which stay; those of tests went to an address, whoever has it."""

    @staticmethod
    def _mails_to(contact: Contact) -> QuerySet[SandboxMail]:
        """By the address of today, which tests went to as well, and by the ledger: they may have had another one."""
        sent = Message.objects.filter(contact=contact).values("pk")
        return SandboxMail.objects.filter(Q(recipient=contact.email or "") | Q(message_id__in=sent))
