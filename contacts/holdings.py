"""What is held about a person, app by app: each app registers its tables here for export and erasure.

An app above contacts adds its own from its `apps.py` or a module it always loads:

    @holdings.register
    class Messages(Holding):
        key = "messages"
        label = "Messages"
        models = (Message,)
        def export(self, contact): ...
        def erase(self, contact): ...
        def merge(self, merged, survivor): ...
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from django.db.models import Model

from contacts import identity
from contacts.models import ConsentRecord, ConsentState, Contact
from core.registry import Registry


class Holding:
    """One kind of personal data: `export` gives it as plain JSON values, `erase` removes it or makes it anonymous."""

    key: str
    label: str
    models: tuple[type[Model], ...]  # whose rows it answers for; a test finds models that nobody answers for
    is_erased_last = False  # others find theirs by it

    def export(self, contact: Contact) -> Iterable[dict[str, Any]]:
        """Row by row, so that it may be any number."""
        raise NotImplementedError

    def erase(self, contact: Contact) -> None:
        """Nothing to do unless the rows themselves hold personal data; runs inside the erasure's transaction.

        It runs a second time some minutes later, for what came in meanwhile. `contact` still has its names and
        addresses both times; in its row they are gone.
        """

    def merge(self, merged: Contact, survivor: Contact) -> None:
        """What becomes of the rows when `merged` becomes `survivor`, inside the merge's transaction.

        Move them, or leave them and read them by `identity.keys`; each holding has to say which. `merged` still has
        its values, in its row they are gone.
        """
        raise NotImplementedError(f"{type(self).__name__} doesn't say what a merge does with its rows.")


holdings: Registry[Holding] = Registry("holding")


@holdings.register
class ConsentLedger(Holding):
    key = "consent"
    label = "Consent ledger"
    models = (ConsentRecord, ConsentState)

    def export(self, contact: Contact) -> Iterable[dict[str, Any]]:
        return (
            {
                "channel": record.channel, "topic": record.topic, "action": record.action, "source": record.source,
                "wording": record.wording, "legal_basis": record.legal_basis, "ip_address": record.ip_address,
                "occurred_at": record.occurred_at, "recorded_at": record.recorded_at,
            }
            for record in contact.consent_records.iterator()
        )  # fmt: skip

    def erase(self, contact: Contact) -> None:
        # What was agreed and when stays, as proof; from which computer is no longer needed for it.
        contact.consent_records.exclude(ip_address=None).update(ip_address=None)
        contact.consent_states.filter(is_granted=True).delete()

    def merge(self, merged: Contact, survivor: Contact) -> None:
        """The ledger stays as it was written; `consent.take_stricter` has derived the survivor's state from both."""
        merged.consent_states.all().delete()


def row_of(contact: Contact) -> dict[str, Any]:
    """The contact's own row, as it is handed over."""
    return {
        "id": contact.uuid, "email": contact.email, "phone": contact.phone, "external_id": contact.external_id,
        "first_name": contact.first_name, "last_name": contact.last_name, "locale": contact.locale,
        "time_zone": contact.time_zone, "attributes": contact.attributes, "tags": contact.tags,
        "created_at": contact.created_at, "updated_at": contact.updated_at, "erased_at": contact.erased_at,
    }  # fmt: skip


def held(contact: Contact) -> Iterator[tuple[Holding, Iterator[dict[str, Any]]]]:
    """Each holding with its rows about the contact, and about those merged into them, read as they are asked for."""
    people = identity.everyone(contact)
    for holding in holdings.values():
        yield holding, chain.from_iterable(holding.export(person) for person in people)


def everything_about(contact: Contact) -> dict[str, Any]:
    """All that is held about the contact: their row and what each app holds, ready for JSON."""
    return {"contact": row_of(contact)} | {holding.key: list(rows) for holding, rows in held(contact)}
