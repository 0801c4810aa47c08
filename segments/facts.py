"""Which segments somebody is in, beside their timeline."""

from django.urls import reverse

from contacts.facts import SHOWN, Fact, Shown, facts
from contacts.models import Contact
from segments.models import Membership


@facts.register
class InSegments(Fact):
    key = "segments"
    label = "In segments"

    def of(self, contact: Contact) -> list[Shown]:
        rows = Membership.objects.filter(contact=contact).select_related("segment").order_by("segment__name")
        return [
            Shown(row.segment.name, url=reverse("admin:segments_segment_change", args=[row.segment_id]))
            for row in rows[:SHOWN]
        ]
