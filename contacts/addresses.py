"""Addresses in the one form in which they are stored: email in lower case with an ASCII domain, phone as E.164."""

import re

import phonenumbers
from idna import IDNAError, encode

EMAIL_LENGTH, LOCAL_PART_LENGTH = 254, 64
_local_part = re.compile(r"[a-z0-9_!#$%&'*+/=?^`{|}~-]+(\.[a-z0-9_!#$%&'*+/=?^`{|}~-]+)*")
_label = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_taken_as_is = re.compile(r"\+[1-9][0-9]{7,14}")
_e164 = re.compile(r"\+[1-9][0-9]{6,14}")


class BadAddress(ValueError):
    """Not an address; the message is a sentence for the person who typed it."""


def normalise_email(text: str) -> str:
    """`text` as we store it, e.g. `Jörg@Müller.DE ` as `jörg@xn--mller-kva.de`; raises BadAddress."""
    local, at, domain = text.strip().lower().rpartition("@")
    if not at or not local or not domain:
        raise BadAddress("This is not an email address: it needs a name, an @ and a domain.")
    if not _local_part.fullmatch(local) or len(local) > LOCAL_PART_LENGTH:
        raise BadAddress("The part of the email address before the @ has characters that mail servers refuse.")
    address = f"{local}@{_ascii_domain(domain)}"
    if len(address) > EMAIL_LENGTH:
        raise BadAddress(f"The email address is longer than {EMAIL_LENGTH} characters.")
    return address


def _ascii_domain(domain: str) -> str:
    try:
        ascii_domain = domain if domain.isascii() else encode(domain, uts46=True).decode()
    except IDNAError as error:
        raise BadAddress("The domain of the email address is not valid.") from error
    labels = ascii_domain.split(".")
    if len(labels) < 2 or labels[-1].isdigit() or not all(_label.fullmatch(label) for label in labels):
        raise BadAddress("The domain of the email address is not valid.")
    return ascii_domain


def normalise_phone(text: str) -> str:
    """`+49 (151) 123-45678` as `+4915112345678`; raises BadAddress.

    A number without its country is refused, not guessed.
    """
    stripped = text.strip().removeprefix("'")  # our own exports put one before the plus (core/tabular.py)
    if _taken_as_is.fullmatch(stripped):
        return stripped
    international = f"+{stripped[2:]}" if stripped.startswith("00") else stripped
    if not international.startswith("+"):
        raise BadAddress("The phone number needs its country code, e.g. +49 151 12345678.")
    try:
        number = phonenumbers.parse(international, None)
    except phonenumbers.NumberParseException as error:
        raise BadAddress("This is not a phone number.") from error
    formatted = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if not phonenumbers.is_possible_number(number) or not _e164.fullmatch(formatted):
        raise BadAddress("The phone number is too short or too long for its country.")
    return formatted


_normalisers = {"email": normalise_email, "phone": normalise_phone}


def normalise(field: str, text: str) -> str:
    """The address of a channel in its stored form; `field` is the channel's `address_field`."""
    return _normalisers[field](text)


def masked(address: str | None) -> str:
    """Enough of an address to know one's own, too little to learn somebody else's: a link may be forwarded."""
    name, _, domain = (address or "").partition("@")
    if domain:
        return f"{name[:1]}…@{domain}"
    return f"…{name[-2:]}" if name else ""
