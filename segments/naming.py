"""People as someone names them in a form or over the API: by email address, public id or external id."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from contacts.models import Contact

AT_ONCE = 1000


def person(name: str) -> Contact | None:
    return people([name])[name]


def people(names: Iterable[str]) -> dict[str, Contact | None]:
    """Each name with whom it means, or None; two questions to the database, however many names there are."""
    plain = {name: _plain(name) for name in names}
    by_uuid = _by("uuid", [key for key in plain.values() if isinstance(key, UUID)])
    texts = [key for key in plain.values() if isinstance(key, str) and key]
    by_email = _by("email", [text.lower() for text in texts])
    by_id = _by("external_id", texts)
    return {name: by_uuid.get(key) or by_email.get(str(key).lower()) or by_id.get(key) for name, key in plain.items()}


def _plain(name: str) -> UUID | str:
    name = name.strip()
    try:
        return UUID(name)
    except ValueError:
        return "" if "\x00" in name else name


def _by(field: str, keys: Sequence[object]) -> dict[object, Contact]:
    found = Contact.objects.filter(**{f"{field}__in": keys}) if keys else ()
    return {getattr(contact, field): contact for contact in found}
