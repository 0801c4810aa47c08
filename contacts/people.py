"""Saving one person from outside: created, or found by external id, else email, and updated."""

from typing import Any

from django.db import IntegrityError, transaction

from contacts import identity
from contacts.models import Contact
from core.errors import Refused


def save(body: dict[str, Any]) -> tuple[Contact, bool]:
    """The contact that `body` (validated fields) means, with its values; whether they are new."""
    known = _find(body)
    if known is not None:
        return change(known, identity.without_former_names(known, body)), False
    try:
        return change(Contact(), body), True
    except Refused:
        # someone else created them between our look and our insert
        known = _find(body)
        if known is None:
            raise
        return change(known, identity.without_former_names(known, body)), False


@transaction.atomic
def change(contact: Contact, body: dict[str, Any]) -> Contact:
    """Set what `body` says and leave the rest; attributes are merged, null ones go."""
    contact = held(contact) if contact.pk else contact
    if contact.merged_into is not None:
        raise Refused("merged", f"This contact was merged into {contact.merged_into.uuid}. Change that one.")
    if contact.erased_at is not None:
        raise Refused("erased", "This contact was erased and cannot be changed. Create a new one.")
    _set(contact, body)
    if not (contact.external_id or contact.email or contact.phone):
        raise Refused("no_address", "A contact needs an external id, an email or a phone. Leave one of them filled.")
    try:
        with transaction.atomic():
            contact.save()
    except IntegrityError as error:
        raise Refused("address_taken", "Another contact has this email address or external id.") from error
    return contact


def held(contact: Contact) -> Contact:
    """As they are now, and until the transaction ends: else a save could bring back who is being erased."""
    return Contact.objects.select_for_update().get(pk=contact.pk)


def _set(contact: Contact, body: dict[str, Any]) -> None:
    for name, value in body.items():
        if name == "attributes":
            merged = contact.attributes | value
            value = {key: one for key, one in merged.items() if one is not None}
        setattr(contact, name, value)


def _find(body: dict[str, Any]) -> Contact | None:
    """By external id, else email, else phone if neither is given; the same order as in files."""
    external_id, email, phone = body.get("external_id"), body.get("email"), body.get("phone")
    by_id, by_email = identity.by("external_id", external_id), identity.by("email", email)
    if by_id and by_email and by_id != by_email:
        raise Refused("two_contacts", "The external id and the email belong to two different contacts.")
    if by_email and not by_id and external_id and by_email.external_id:
        raise Refused("other_external_id", "The contact with this email has another external id.")
    if by_id or by_email or external_id or email:
        return by_id or by_email
    return _only_one_with(phone)


def _only_one_with(phone: str | None) -> Contact | None:
    found = list(Contact.objects.filter(phone=phone)[:2]) if phone else []
    if len(found) > 1:
        raise Refused("shared_phone", "Several contacts have this phone number. Add an email or an external id.")
    return found[0] if found else None
