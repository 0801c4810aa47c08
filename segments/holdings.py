"""What segments hold about a person: which ones they are in."""

from typing import Any

from contacts.holdings import Holding, holdings
from contacts.models import Contact
from segments.models import Membership


@holdings.register
class Memberships(Holding):
    key = "segments"
    label = "Segments"

    def export(self, contact: Contact) -> list[dict[str, Any]]:
        rows = Membership.objects.filter(contact=contact).select_related("segment").order_by("segment__name")
        return [{"segment": row.segment.name, "since": row.entered_at} for row in rows]

    def erase(self, contact: Contact) -> None:
        Membership.objects.filter(contact=contact).delete()
