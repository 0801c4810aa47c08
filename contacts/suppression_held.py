"""What the suppression list holds about people: entries of their addresses, releases of them, and soft bounces."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import Q

from contacts import suppression
from contacts.channels import channels
from contacts.holdings import Holding, holdings
from contacts.models import Contact, Identity, SoftBounces, Suppression, SuppressionRelease

FORMER = (Identity.Kind.EMAIL, Identity.Kind.PHONE)


@holdings.register
class Suppressions(Holding):
    """Further names go last in an erasure, so it still sees which addresses were theirs."""

    key = "suppressions"
    label = "Suppression list"
    models = (Suppression, SuppressionRelease, SoftBounces)

    def export(self, contact: Contact) -> Iterable[dict[str, Any]]:
        for address in _addresses(contact):
            yield from _entries(address)
            yield from _releases(address)
            yield from _bounces(address)

    def erase(self, contact: Contact) -> None:
        """An entry goes on to hold by its hash: nobody writes to the address again, and nobody reads it here."""
        suppression.forget(_addresses(contact))

    def merge(self, merged: Contact, survivor: Contact) -> None:
        """Addresses are suppressed whoever has them; merging.py makes a wish about one that goes into a withdrawal."""


def _addresses(contact: Contact) -> list[str]:
    """Today's and former ones."""
    today = [getattr(contact, field) for field in sorted({channel.address_field for channel in channels.values()})]
    former = Identity.objects.filter(contact=contact, kind__in=FORMER).order_by("value")
    return list(dict.fromkeys([*filter(None, [*today, contact.phone]), *former.values_list("value", flat=True)]))


def _entries(address: str) -> Iterator[dict[str, Any]]:
    for row in Suppression.objects.filter(_of(address)).order_by("pk"):
        yield {"address": address, "channel": row.channel, "reason": row.reason, "detail": row.detail,
               "since": row.created_at}  # fmt: skip


def _releases(address: str) -> Iterator[dict[str, Any]]:
    for row in SuppressionRelease.objects.filter(_of(address)).order_by("pk"):
        yield {"address": address, "channel": row.channel, "reason": row.reason, "detail": row.detail,
               "since": row.suppressed_at, "released_at": row.released_at, "why": row.why}  # fmt: skip


def _bounces(address: str) -> Iterator[dict[str, Any]]:
    for row in SoftBounces.objects.filter(address=address).order_by("channel"):
        yield {"address": address, "channel": row.channel, "soft_bounces": row.count, "arrived_at": row.arrived_at}


def _of(address: str) -> Q:
    return Q(address_hash=suppression.hashed(address))
