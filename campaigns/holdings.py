"""What campaigns hold about a person: nothing but, in approvals, that a list of people is the one approved."""

from typing import Any

from campaigns import approval
from campaigns.models import Approval
from contacts.holdings import Holding, holdings
from contacts.models import Contact


@holdings.register
class Approvals(Holding):
    key = "approvals"
    label = "Approvals"
    models = (Approval,)

    def export(self, contact: Contact) -> list[dict[str, Any]]:
        return []

    def erase(self, contact: Contact) -> None:
        approval.leave_out(contact)

    def merge(self, merged: Contact, survivor: Contact) -> None:
        """A list with another person in it is another list: its approvals lapse."""
