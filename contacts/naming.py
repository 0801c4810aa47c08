"""People as someone names them in a form or over the API: by email address, public id, external id or former name.

Whoever was merged is found as the contact that they became.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

from contacts import identity
from contacts.models import Contact, Identity

AT_ONCE = 1000
_FORMER = [Identity.Kind.EMAIL, Identity.Kind.EXTERNAL]


def person(name: str) -> Contact | None:
    """Also somebody who was erased, named by their public id."""
    return people([name])[name]


def reachable(name: str) -> Contact | None:
    """The same, but nobody who was erased."""
    found = person(name)
    return found if found and found.erased_at is None else None


def people(names: Iterable[str]) -> dict[str, Contact | None]:
    """Each name with whom it means, or None; a few questions to the database, however many names there are."""
    plain = {name: _plain(name) for name in names}
    by_uuid = _by("uuid", [key for key in plain.values() if isinstance(key, UUID)])
    texts = [key for key in plain.values() if isinstance(key, str) and key]
    by_email = _by("email", [text.lower() for text in texts])
    by_id = _by("external_id", texts)
    found = {name: by_uuid.get(key) or by_email.get(str(key).lower()) or by_id.get(key) for name, key in plain.items()}
    return found | _by_former([name for name, contact in found.items() if contact is None and plain[name]])


def _plain(name: str) -> UUID | str:
    name = name.strip()
    try:
        return UUID(name)
    except ValueError:
        return "" if "\x00" in name else name


def _by(field: str, keys: Sequence[object]) -> dict[object, Contact]:
    found = Contact.objects.select_related("merged_into").filter(**{f"{field}__in": keys}) if keys else ()
    return {getattr(contact, field): identity.living(contact) for contact in found}


def _by_former(names: list[str]) -> dict[str, Contact | None]:
    values = {name: [name.strip(), name.strip().lower()] for name in names}
    wanted = [value for pair in values.values() for value in pair]
    rows = Identity.objects.filter(kind__in=_FORMER, value__in=wanted).select_related("contact") if wanted else ()
    known = {row.value: row.contact for row in rows}
    return {name: known.get(value) or known.get(lower) for name, (value, lower) in values.items()}
