"""What the log tells in a timeline: what people did, under the names that integrators chose."""

from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q, QuerySet

from contacts.timeline import Entry, Kind, kinds
from events.models import Event
from events.names import CONTACT_MERGED

# These have kinds of their own, of messages, of segments, of merges; or say something to the log's readers alone.
_FAMILIES = ("message.", "segment.", "log.")
_OTHERS = reduce(or_, (Q(name__startswith=family) for family in _FAMILIES), Q(name=CONTACT_MERGED))
SHOWN = 4
_SHOWN_LENGTH = 80


@kinds.register
class Events(Kind):
    key = "event"
    label = "Events"
    icon = "bolt"
    place = 3
    moment = "occurred_at"
    has_names = True

    def rows(self, people: list[int]) -> QuerySet[Event]:
        return Event.objects.filter(~_OTHERS, contact_id__in=people)

    def entry(self, row: Event) -> Entry:
        data = {"properties": row.properties, "label": row.label}
        return self.says(row, row.name, row.name, detail=in_short(row.properties), data=data)


def in_short(properties: dict[str, Any]) -> str:
    """The first plain values of an event in one line."""
    plain = [(key, value) for key, value in properties.items() if isinstance(value, str | int | float) and value != ""]
    shown = ", ".join(f"{key}: {_short(value)}" for key, value in plain[:SHOWN])
    return shown + (", …" if len(plain) > SHOWN else "")


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= _SHOWN_LENGTH else text[: _SHOWN_LENGTH - 1] + "…"
