"""What segments tell in a timeline: when a person came in and left."""

from collections.abc import Iterable

from django.db.models import Exists, OuterRef, QuerySet, TextField
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast
from django.urls import reverse

from contacts.timeline import Entry, Kind, kinds
from events.models import Event
from segments.models import Membership, Segment

ENTERED = "segment.entered"
_VERBS = {ENTERED: "Entered a segment", "segment.left": "Left a segment"}
GROUP = "segment"
_TEXT = TextField()
_UUID = Cast("uuid", _TEXT)


@kinds.register
class Moves(Kind):
    """By the log."""

    key = "segment"
    label = "Segments"
    icon = "filter_alt"
    place = 5
    moment = "occurred_at"

    def rows(self, people: list[int]) -> QuerySet[Event]:
        return Event.objects.filter(contact_id__in=people, name__in=list(_VERBS))

    def entries(self, rows: list[Event]) -> Iterable[Entry]:
        named = {str(row.properties.get("segment")) for row in rows}
        segments = {str(segment.uuid): segment for segment in Segment.objects.alias(text=_UUID).filter(text__in=named)}
        return [self._entry(row, segments.get(str(row.properties.get("segment")))) for row in rows]

    def _entry(self, row: Event, segment: Segment | None) -> Entry:
        data = {"segment": row.properties.get("segment")}
        if segment is None:
            return self.says(row, row.name, _VERBS[row.name], detail="The segment was deleted.", data=data)
        return self.says(row, row.name, f"{_VERBS[row.name]}: {segment}", url=_page(segment), data=data)


@kinds.register
class Members(Kind):
    """Memberships of today whose beginning the log doesn't have: of static segments, and from before it told them."""

    key = "membership"
    group = GROUP
    label = "Segments"
    icon = "filter_alt"
    place = 5
    moment = "entered_at"
    number = "segment_id"

    def rows(self, people: list[int]) -> QuerySet[Membership]:
        entered = Event.objects.filter(contact_id=OuterRef("contact_id"), name=ENTERED)
        told = entered.alias(named=KeyTextTransform("segment", "properties")).filter(
            named=Cast(OuterRef("segment__uuid"), _TEXT)
        )
        return Membership.objects.filter(~Exists(told), contact__in=people).select_related("segment")

    def entry(self, row: Membership) -> Entry:
        data = {"segment": str(row.segment.uuid)}
        return self.says(row, ENTERED, f"{_VERBS[ENTERED]}: {row.segment}", url=_page(row.segment), data=data)


def _page(segment: Segment) -> str:
    return reverse("admin:segments_segment_change", args=[segment.pk])
