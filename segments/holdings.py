"""What segments hold about a person: which ones they are in."""

from typing import Any

from django.db import connection

from contacts.holdings import Holding, holdings
from contacts.models import Contact
from segments import sizes, standing
from segments.models import Membership, SpendingDay, Standing, Transition


@holdings.register
class Memberships(Holding):
    key = "segments"
    label = "Segments"
    models = (Membership,)

    def export(self, contact: Contact) -> list[dict[str, Any]]:
        rows = Membership.objects.filter(contact=contact).select_related("segment").order_by("segment__name")
        return [{"segment": row.segment.name, "since": row.entered_at} for row in rows]

    def erase(self, contact: Contact) -> None:
        _leave(contact)

    def merge(self, merged: Contact, survivor: Contact) -> None:
        """The survivor is put where somebody had put the other by hand; rules are asked again by the next refresh."""
        with connection.cursor() as cursor:
            cursor.execute(
                """
                INSERT INTO segments_membership (segment_id, contact_id, entered_at)
                SELECT m.segment_id, %s, m.entered_at
                FROM segments_membership m JOIN segments_segment s ON s.id = m.segment_id
                WHERE m.contact_id = %s AND s.kind <> 'dynamic' FOR KEY SHARE OF s
                ON CONFLICT DO NOTHING RETURNING segment_id
                """,
                [survivor.pk, merged.pk],
            )
            entered = [segment for (segment,) in cursor.fetchall()]
        Transition.objects.bulk_create(
            Transition(segment_id=segment, is_entry=True, contact_ids=[survivor.pk]) for segment in entered
        )
        sizes.move(dict.fromkeys(entered, (1, 0)))
        _leave(merged)


def _leave(contact: Contact) -> None:
    """At once, with the sizes; no word of it is kept about someone who is being forgotten."""
    held = Membership.objects.filter(contact=contact)
    left = dict.fromkeys(held.values_list("segment_id", flat=True), (0, 1))
    held.delete()
    sizes.move(left)


@holdings.register
class Totals(Holding):
    key = "standing"
    label = "Spending, engagement and subscription"
    models = (Standing, SpendingDay)

    def export(self, contact: Contact) -> list[dict[str, Any]]:
        return [
            {
                "spent": row.spent, "purchase_count": row.purchase_count, "first_purchase_at": row.first_purchase_at,
                "last_purchase_at": row.last_purchase_at, "last_active_at": row.last_active_at, "tier": row.tier,
                "by_day": {
                    day.on.isoformat(): day.spent for day in SpendingDay.objects.filter(contact=contact).order_by("on")
                },
            }
            for row in Standing.objects.filter(contact=contact)
        ]  # fmt: skip

    def erase(self, contact: Contact) -> None:
        standing.forget([contact.pk])

    def merge(self, merged: Contact, survivor: Contact) -> None:
        """Counted again for the survivor, who has the events of both by then or is told of by `log.joined`."""
        standing.forget([merged.pk])
        standing.recount([survivor.pk])
