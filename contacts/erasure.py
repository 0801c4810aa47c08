"""Erasing a person: personal data goes, the row stays so that figures and the ledger still add up."""

import json
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from contacts.holdings import holdings
from contacts.importing import errorfile
from contacts.models import Contact, ImportJob
from team.models import User

EMPTY: dict[str, Any] = {
    "email": None, "phone": None, "external_id": None, "first_name": "", "last_name": "", "locale": "",
    "time_zone": "", "attributes": {}, "tags": [],
}  # fmt: skip


@transaction.atomic
def erase(contact: Contact, *, by: User | None) -> None:
    """Empty everything that says who the contact was; a suppression of their address stays, so nobody writes again.

    `by` asked for it. Erasing twice changes nothing.
    """
    known = Contact.objects.select_for_update().get(pk=contact.pk)  # `contact` may have been read some time ago
    if known.erased_at is None:
        now = timezone.now()
        Contact.objects.filter(pk=known.pk).update(**EMPTY, erased_at=now, updated_at=now)
        _forget_in_imports(known)
        for person in (known, *known.merged.all()):  # what was theirs before a merge is theirs
            # The apps above first: they may need to see what those below still hold.
            for holding in reversed([*holdings.values()]):
                holding.erase(person)
    contact.refresh_from_db()


def _forget_in_imports(contact: Contact) -> None:
    """Uploads keep their first rows for the preview, and rows with errors; those of a file that shows them go."""
    shown = Q()
    # an id may be as short as “1”: only a whole cell is it
    whole = json.dumps(contact.external_id, ensure_ascii=False) if contact.external_id else None
    for text in filter(None, (contact.email, contact.phone, whole)):
        shown |= Q(sample__icontains=text) | Q(first_errors__icontains=text)
    for job in ImportJob.objects.filter(shown) if shown else ():
        transaction.on_commit(partial(errorfile.remove, job))
        ImportJob.objects.filter(pk=job.pk).update(sample=[], first_errors=[])
