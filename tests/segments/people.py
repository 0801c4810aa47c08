"""People and events for the tests of segments, made in a line each."""

from datetime import datetime
from typing import Any

from django.db import connection

from contacts.models import AttributeDefinition, Contact
from events.models import Event
from segments.membership import refresh
from segments.models import Segment
from segments.rules import compile

CATALOGUE = {
    "channel": "text", "history": "number", "newbie": "boolean", "birthday": "date", "renewed": "datetime",
    "brands": "list", "home": "place", "app": "version",
}  # fmt: skip


def make_catalogue() -> None:
    AttributeDefinition.objects.bulk_create(
        [AttributeDefinition(key=key, label=key, type=kind) for key, kind in CATALOGUE.items()], ignore_conflicts=True
    )


def person(name: str, **fields: Any) -> Contact:
    return Contact.objects.create(**{"email": f"{name.lower()}@example.com", "first_name": name} | fields)


def did(contact: Contact, event: str, at: datetime, label: str = "human", **properties: Any) -> None:
    Event.objects.create(name=event, occurred_at=at, contact_id=contact.pk, label=label, properties=properties)


def found(rules: Any, now: datetime | None = None) -> set[int]:
    """Ids of the people whom the rules find."""
    question = compile(rules, now=now)
    with connection.cursor() as cursor:
        cursor.execute(question.sql, question.params)
        return {row[0] for row in cursor.fetchall()}


def names(rules: Any, now: datetime | None = None) -> str:
    """First names of the people whom the rules find, in order, for asserts that can be read."""
    people = Contact.objects.filter(pk__in=found(rules, now)).order_by("first_name")
    return " ".join(people.values_list("first_name", flat=True))


def rule(field: str, operator: str, value: Any = None) -> dict[str, Any]:
    return {"field": field, "operator": operator} | ({} if value is None else {"value": value})


def segment(name: str, rules: Any) -> Segment:
    made = Segment.objects.create(name=name, rules=rules)
    refresh(made)
    return made
