"""What stands beside a person's timeline: short lists of what they are part of. Apps above add theirs."""

from dataclasses import dataclass

from django.urls import reverse

from contacts.models import Contact, Employment, Identity
from core.registry import Registry

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Shown:
    """One item: its text, what kind of thing it is, and where it leads."""

    text: str
    note: str = ""
    url: str = ""


class Fact:
    """A list with a title, of at most SHOWN items; nothing is shown where it is empty."""

    key: str
    label: str

    def of(self, contact: Contact) -> list[Shown]:
        raise NotImplementedError


facts: Registry[Fact] = Registry("fact about a person")


@facts.register
class Companies(Fact):
    key = "companies"
    label = "Companies"

    def of(self, contact: Contact) -> list[Shown]:
        rows = Employment.objects.filter(contact=contact).select_related("company").order_by("company__name")
        return [
            Shown(str(row.company), url=reverse("admin:contacts_company_change", args=[row.company_id]))
            for row in rows[:SHOWN]
        ]


@facts.register
class Names(Fact):
    key = "names"
    label = "Also known as"

    def of(self, contact: Contact) -> list[Shown]:
        rows = Identity.objects.filter(contact=contact).order_by("-created_at", "value")
        return [Shown(row.value, note=row.get_kind_display()) for row in rows[:SHOWN]]


def about(contact: Contact) -> list[tuple[str, list[Shown]]]:
    """Every list that has something in it."""
    return [(fact.label, shown) for fact in facts.values() if (shown := fact.of(contact))]
