"""What the log holds about a person: what they did, and what they did as a visitor before anyone knew them."""

from collections.abc import Iterable
from typing import Any

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from contacts.holdings import Holding, holdings
from contacts.models import Contact, Identity
from events import ingest, names, strays
from events.models import Event, Source
from events.tracking import live

# What figures are made of: of our own events which link and why, of tracked ones the money. All else goes, whatever it
# is called: nobody knows what an integrator put there.
_OUR_KEYS = ["link", "reason", "one_click", "segment", "names", "merged"]
_MONEY_KEYS = ["revenue", "total", "amount", "value", "price", "quantity"]
_KEPT = """
    CASE WHEN source_id IS NULL AND split_part(name, '.', 1) = ANY(%(ours)s) THEN key = ANY(%(our_keys)s)
    WHEN key = 'currency' THEN coalesce(value #>> '{}' ~ '^[A-Z]{3}$', false)
    WHEN key = ANY(%(money_keys)s) AND jsonb_typeof(value) = 'number' THEN abs(value::numeric) < 1e9
    ELSE false END
"""
_FORGET = f"""
    UPDATE events_event SET anonymous_id = NULL, properties = (
        SELECT coalesce(jsonb_object_agg(key, value), '{{}}') FROM jsonb_each(properties) WHERE {_KEPT})
    WHERE (contact_id = %(contact)s OR anonymous_id = ANY(%(visitors)s) AND contact_id IS NULL)
        AND (anonymous_id IS NOT NULL OR EXISTS (SELECT FROM jsonb_each(properties) WHERE NOT ({_KEPT})))
"""  # noqa: S608  our own text


@holdings.register
class Events(Holding):
    key = "events"
    label = "Events"
    models = (Event,)

    def export(self, contact: Contact) -> Iterable[dict[str, Any]]:
        return (
            {"name": event.name, "at": event.occurred_at, "label": event.label, "visitor": event.anonymous_id,
             "properties": event.properties}
            for event in self._of(contact).order_by("occurred_at", "id").iterator()
        )  # fmt: skip

    def erase(self, contact: Contact) -> None:
        """That something happened stays, so that figures add up; to whom, and with what, goes."""
        with connection.cursor() as cursor:
            cursor.execute(
                _FORGET,
                {
                    "contact": contact.pk, "visitors": _visitors(contact), "our_keys": _OUR_KEYS,
                    "money_keys": _MONEY_KEYS, "ours": [name.rstrip(".") for name in names.OURS] + ["contact"],
                },
            )  # fmt: skip
        # Pages that show what came in lately: which of it is theirs can't be told without reading all of it.
        transaction.on_commit(_forget_what_came_in, robust=True)

    def merge(self, merged: Contact, survivor: Contact) -> None:
        strays.bring_home(merged.pk, survivor.pk)
        ingest.record(names.CONTACT_MERGED, contact_id=survivor.pk, properties={"merged": str(merged.uuid)})

    @staticmethod
    def _of(contact: Contact) -> QuerySet[Event]:
        theirs = Q(contact_id=contact.pk)
        if visitors := _visitors(contact):
            theirs |= Q(anonymous_id__in=visitors, contact_id=None)
        return Event.objects.filter(theirs)


def _visitors(contact: Contact) -> list[str]:
    """The browsers and apps that are known to be theirs."""
    known = Identity.objects.filter(contact=contact, kind=Identity.Kind.ANONYMOUS)
    return list(known.values_list("value", flat=True))


def _forget_what_came_in() -> None:
    live.forget(Source.objects.values_list("pk", flat=True))
