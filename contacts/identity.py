"""Who is meant: a contact by any of their names, the further names linked to them, and whom they became."""

from typing import Any
from uuid import UUID

from django.db import transaction

from contacts.models import Contact, Identity
from core.errors import Refused

Kind = Identity.Kind

# How a former name is called, by the field that holds the name of today.
FORMER = {"external_id": Kind.EXTERNAL, "email": Kind.EMAIL, "phone": Kind.PHONE}


def living(contact: Contact) -> Contact:
    """The contact itself, or the one that it was merged into. A merge leaves no chains, so one step is enough."""
    return contact.merged_into or contact


def find(uuid: UUID) -> Contact | None:
    """The contact with this public id; one that was merged leads to who took over."""
    contact = Contact.objects.select_related("merged_into").filter(uuid=uuid).first()
    return living(contact) if contact else None


def everyone(contact: Contact) -> list[Contact]:
    """The contact, and the empty shells of those that were merged into them: their messages and consent stay there."""
    return [contact, *contact.merged.order_by("pk")]


def keys(contact: Contact) -> list[int]:
    """The same as numbers, for what is asked of other tables."""
    return [contact.pk, *contact.merged.order_by("pk").values_list("pk", flat=True)]


def named(kind: str, value: str) -> Contact | None:
    """Whose further name this is."""
    identity = Identity.objects.select_related("contact").filter(kind=kind, value=value).first()
    return identity.contact if identity else None


def by(field: str, value: str | None) -> Contact | None:
    """The contact whose `field` (external_id or email) is `value`; else the one who was called so before a merge."""
    if not value:
        return None
    return Contact.objects.filter(**{field: value}).first() or named(FORMER[field], value)


def without_former_names(contact: Contact, body: dict[str, Any]) -> dict[str, Any]:
    """`body` without what only names the contact by a former name: that finds them, and doesn't rename them."""
    former = set(contact.identities.values_list("kind", "value"))
    names = {field for field in FORMER if (FORMER[field], body.get(field)) in former}
    return {field: value for field, value in body.items() if field not in names}


@transaction.atomic
def link(contact: Contact, *, kind: str, value: str) -> Identity:
    """From now on `value` means this contact. Refused if it is another's name: two people are merged, not mixed up."""
    identity, _is_new = Identity.objects.select_related("contact").get_or_create(
        kind=kind, value=value, defaults={"contact": contact}
    )
    if identity.contact_id != contact.pk:
        raise Refused("name_taken", f"“{value}” is {identity.contact}. If both are one person, merge them.")
    return identity
