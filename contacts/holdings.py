"""What is held about a person, app by app: each app registers its tables here for export and erasure.

An app above contacts adds its own from its `apps.py` or a module it always loads:

    @holdings.register
    class Messages(Holding):
        key = "messages"
        label = "Messages"
        def export(self, contact): ...
        def erase(self, contact): ...
        def merge(self, merged, survivor): ...
"""

from typing import Any

from contacts import identity
from contacts.models import Contact
from core.registry import Registry


class Holding:
    """One kind of personal data: `export` gives it as plain JSON values, `erase` removes it or makes it anonymous."""

    key: str
    label: str

    def export(self, contact: Contact) -> list[dict[str, Any]]:
        raise NotImplementedError

    def erase(self, contact: Contact) -> None:
        """Nothing to do unless the rows themselves hold personal data; runs inside the erasure's transaction."""

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

    def export(self, contact: Contact) -> list[dict[str, Any]]:
        return [
            {
                "channel": record.channel, "topic": record.topic, "action": record.action, "source": record.source,
                "wording": record.wording, "legal_basis": record.legal_basis, "ip_address": record.ip_address,
                "occurred_at": record.occurred_at, "recorded_at": record.recorded_at,
            }
            for record in contact.consent_records.all()
        ]  # fmt: skip

    def erase(self, contact: Contact) -> None:
        # What was agreed and when stays, as proof; from which computer is no longer needed for it.
        contact.consent_records.update(ip_address=None)
        contact.consent_states.filter(is_granted=True).delete()

    def merge(self, merged: Contact, survivor: Contact) -> None:
        """The ledger stays as it was written; `consent.take_stricter` has derived the survivor's state from both."""
        merged.consent_states.all().delete()


def everything_about(contact: Contact) -> dict[str, Any]:
    """All that is held about the contact: their row and what each app holds, ready for JSON."""
    row = {
        "id": contact.uuid, "email": contact.email, "phone": contact.phone, "external_id": contact.external_id,
        "first_name": contact.first_name, "last_name": contact.last_name, "locale": contact.locale,
        "time_zone": contact.time_zone, "attributes": contact.attributes, "tags": contact.tags,
        "created_at": contact.created_at, "updated_at": contact.updated_at, "erased_at": contact.erased_at,
    }  # fmt: skip
    people = identity.everyone(contact)
    return {"contact": row} | {
        key: [found for person in people for found in holding.export(person)] for key, holding in holdings.items()
    }
