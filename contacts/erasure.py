"""Erasing a person: personal data goes, the row stays so that figures and the ledger still add up."""

from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from contacts.holdings import holdings
from contacts.models import Contact, ImportJob
from team.models import User

_EMPTY: dict[str, Any] = {
    "email": None, "phone": None, "external_id": None, "first_name": "", "last_name": "", "locale": "",
    "time_zone": "", "attributes": {}, "tags": [],
}  # fmt: skip


@transaction.atomic
def erase(contact: Contact, *, by: User | None) -> None:
    """Empty everything that says who the contact was; a suppression of their address stays, so nobody writes again.

    `by` asked for it. Erasing twice changes nothing.
    """
    now = timezone.now()
    changed = Contact.objects.filter(pk=contact.pk, erased_at=None).update(**_EMPTY, erased_at=now, updated_at=now)
    if not changed:
        return
    _forget_in_imports(contact)
    for holding in holdings.values():
        holding.erase(contact)
    contact.refresh_from_db()


def _forget_in_imports(contact: Contact) -> None:
    """Uploads keep their first rows for the preview; one that shows this person's address loses them."""
    shown = Q()
    for address in filter(None, (contact.email, contact.phone, contact.external_id)):
        shown |= Q(sample__icontains=address) | Q(first_errors__icontains=address)
    if shown:
        ImportJob.objects.filter(shown).update(sample=[], first_errors=[])
