"""What people do with their own data by themselves: have it erased. Taking it along is handing_over.py."""

from django.db import transaction

from contacts import erasure, subscriptions, suppression
from contacts.channels import channels
from contacts.models import Contact, Suppression
from contacts.subscriptions import Told


@transaction.atomic
def erase(contact: Contact, *, keeps_away: bool, told: Told) -> None:
    """Withdraw everything and erase the person, as they asked; `keeps_away` also bars their addresses for good."""
    subscriptions.leave_all(contact, told=told)
    for channel in channels.values() if keeps_away else ():
        address = getattr(contact, channel.address_field)
        if address:
            why = f"Asked for it when erasing their data, at {told.source}"
            suppression.suppress(address, channel=channel.key, reason=Suppression.Reason.OBJECTION, detail=why)
    erasure.erase(contact, by=None)
