"""Double opt-in: the signed link of a confirmation, and what following it does. The mail itself is delivery's."""

import hashlib

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from contacts import consent, identity
from contacts.channels import channels
from contacts.models import Confirmation, ConsentRecord, Contact
from core import tokens
from core.errors import Refused

PURPOSE = "confirm"
_ID_BYTES, _ADDRESS_BYTES = 8, 8
_TOO_OLD = Refused("expired", "This link is too old. Please sign up again: we will send you a new one.")
_GONE = Refused("gone", "This link is no longer valid: what it was about has been taken back or sent again.")


def link(confirmation: Confirmation) -> str:
    """The address that goes into the mail. It holds for the address it was sent to only."""
    return f"{settings.PUBLIC_URL.rstrip('/')}{reverse('confirm', args=[token_of(confirmation)])}"


def token_of(confirmation: Confirmation) -> str:
    payload = confirmation.pk.to_bytes(_ID_BYTES) + _digest(_address(confirmation))
    return tokens.sign(PURPOSE, payload)


def find(token: str) -> Confirmation:
    """The confirmation that a link is about; BadToken for one that we did not make, Refused for one that is over.

    One that was followed before is found too: following it again changes nothing and says so.
    """
    payload = tokens.verify(PURPOSE, token)
    found = Confirmation.objects.select_related("contact__merged_into", "request").filter(
        pk=int.from_bytes(payload[:_ID_BYTES])
    ).first()  # fmt: skip
    if found is None:
        raise _GONE
    found.contact = identity.living(found.contact)  # the page is about whom they became
    if found.contact.erased_at is not None or payload[_ID_BYTES:] not in _digests(found):
        raise _GONE
    if found.confirmed_at is None and found.expires_at <= timezone.now():
        raise _TOO_OLD
    return found


def confirm(token: str, *, ip_address: str | None = None) -> Confirmation:
    """Grant what was asked for. Twice is once: the second finds it confirmed."""
    with transaction.atomic():
        found = find(token)
        # 1. The contact before the confirmation, in the order in which opt_in takes them.
        Contact.objects.select_for_update(no_key=True).get(pk=found.contact_id)
        # 2. Withdrawn, erased or confirmed meanwhile?
        held = find(token)
        if held.confirmed_at is None:
            _grant(held, ip_address)
            held.confirmed_at = timezone.now()
            held.save(update_fields=["confirmed_at"])
        return held


def _grant(confirmation: Confirmation, ip_address: str | None) -> ConsentRecord:
    asked = confirmation.request
    return consent.join(
        confirmation.contact,
        channel=confirmation.channel,
        topic=consent.topic_called(confirmation.topic),
        source=f"confirmed by the link in the mail; asked for at: {asked.source}"[:200],
        wording=asked.wording,
        ip_address=ip_address,
    )


def _digests(confirmation: Confirmation) -> list[bytes]:
    """Of addresses that the mail can have gone to. One of before a merge proves nothing new; it shows what was done."""
    found = [_digest(_address(confirmation))]
    if confirmation.confirmed_at is not None:
        kind = identity.FORMER[channels[confirmation.channel].address_field]
        former = confirmation.contact.identities.filter(kind=kind).values_list("value", flat=True)
        found += [_digest(address) for address in former]
    return found


def _address(confirmation: Confirmation) -> str:
    return getattr(confirmation.contact, channels[confirmation.channel].address_field) or ""


def _digest(address: str) -> bytes:
    return hashlib.blake2b(address.encode(), digest_size=_ADDRESS_BYTES).digest()
