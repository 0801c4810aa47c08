"""What delivery holds about a person: their messages, and copies of them in the sandbox mailbox."""

from collections.abc import Iterable
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet

from contacts.holdings import Holding, holdings
from contacts.models import Contact, Identity
from delivery import sandbox
from delivery.models import Account, Message, SandboxMail


@holdings.register
class Messages(Holding):
    key = "messages"
    label = "Messages"
    models = (Message, Account)

    def export(self, contact: Contact) -> Iterable[dict[str, Any]]:
        rows = Message.objects.filter(contact=contact).select_related("run__campaign").order_by("pk")
        return (
            {
                "campaign": row.run.campaign.name, "channel": row.channel, "state": row.state, "reason": row.reason,
                "detail": row.detail, "sent_at": row.sent_at, "opened_at": row.opened_at, "clicked_at": row.clicked_at,
                "data": {key: value for key, value in (row.data or {}).items() if key != "confirm_url"},
            }
            for row in rows.iterator()
        )  # fmt: skip

    def erase(self, contact: Contact) -> None:
        # That something was sent stays, so that figures add up; servers like to repeat the address in their answers.
        Message.objects.filter(contact=contact).update(detail="", provider_id="", data=None)
        if contact.email:
            Account.objects.filter(failure__icontains=contact.email).update(failure="The provider refuses.")

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
class SandboxMails(Holding):
    key = "sandbox_mails"
    label = "Mails in the sandbox"
    models = (SandboxMail,)

    def export(self, contact: Contact) -> Iterable[dict[str, Any]]:
        return (
            {"subject": mail.subject, "received_at": mail.received_at,
             "text": sandbox.text_of(sandbox.part_of(bytes(mail.raw), "plain"))}
            for mail in self._mails_to(contact).order_by("pk").iterator(chunk_size=50)
        )  # fmt: skip

    def erase(self, contact: Contact) -> None:
        self._mails_to(contact).delete()

    def merge(self, merged: Contact, survivor: Contact) -> None:
        """They are found by their ledger rows, which stay; those of tests went to an address, whoever has it."""

    @staticmethod
    def _mails_to(contact: Contact) -> QuerySet[SandboxMail]:
        """By their addresses, also former ones, which tests went to as well; and by the ledger."""
        sent = Message.objects.filter(contact=contact).values("pk")
        former = contact.identities.filter(kind=Identity.Kind.EMAIL).values_list("value", flat=True)
        addresses = [contact.email or "", *former]
        return SandboxMail.objects.filter(Q(recipient__in=addresses) | Q(message_id__in=sent))
