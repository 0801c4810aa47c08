"""Companies: what is said about each, within bounds, and who belongs to which."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from contacts.attributes import BadValue
from contacts.models import Company, Contact, Employment

MOST_ATTRIBUTES = 100  # of one company
KEY_LENGTH, NAME_LENGTH, TEXT_LENGTH = 60, 200, 1_000


def checked(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes as somebody wrote them, if they will do; else BadValue. None, which removes one, is left in."""
    if len(attributes) > MOST_ATTRIBUTES:
        raise BadValue(f"A company has at most {MOST_ATTRIBUTES} attributes.")
    for key, value in attributes.items():
        if not key or len(key) > KEY_LENGTH or "\0" in key:
            raise BadValue(f"{key[:KEY_LENGTH]}: a name has at most {KEY_LENGTH} characters.")
        if isinstance(value, list | dict):
            raise BadValue(f"{key}: a company's attribute is a text, a number or true or false.")
        if isinstance(value, str) and (len(value) > TEXT_LENGTH or "\0" in value):
            raise BadValue(f"{key}: a text has at most {TEXT_LENGTH:,} characters.")
    return dict(attributes)


@transaction.atomic
def save(external_id: str, *, name: str | None = None, attributes: Mapping[str, Any]) -> tuple[Company, bool]:
    """Make the company, or change the one with this id; True if it is new."""
    company, is_new = Company.objects.select_for_update().get_or_create(external_id=external_id)
    return change(company, name=name, attributes=attributes), is_new


@transaction.atomic
def change(company: Company, *, name: str | None = None, attributes: Mapping[str, Any]) -> Company:
    """Another name if one is given; attributes are merged into those there are, and None removes one."""
    company = Company.objects.select_for_update().get(pk=company.pk)
    known = company.attributes | attributes
    company.attributes = {key: value for key, value in known.items() if value is not None}
    checked(company.attributes)
    company.name = company.name if name is None else name
    company.save(update_fields=["name", "attributes", "updated_at"])
    return company


def employ(company: Company, people: Iterable[Contact]) -> int:
    """These belong to the company from now on; returns how many did not before. Nobody who was erased."""
    living = {contact.pk for contact in people if contact.erased_at is None}
    known = set(company.employments.filter(contact__in=living).values_list("contact_id", flat=True))
    new = [Employment(contact_id=pk, company=company, since=timezone.now()) for pk in sorted(living - known)]
    Employment.objects.bulk_create(new, ignore_conflicts=True)
    return len(new)


def dismiss(company: Company, contact: Contact) -> bool:
    """The person no longer belongs to the company; False if they didn't."""
    return bool(company.employments.filter(contact=contact).delete()[0])
