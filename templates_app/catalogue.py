"""Which variables a template may use, for the insert menu, for linting and for previews without a contact."""

from dataclasses import dataclass
from typing import Any

from contacts.models import AttributeDefinition


@dataclass(frozen=True, slots=True)
class Variable:
    name: str
    label: str
    group: str
    example: Any


_CONTACT = [
    Variable("contact.first_name", "First name", "Contact", "Robin"),
    Variable("contact.last_name", "Last name", "Contact", "Example"),
    Variable("contact.full_name", "Full name", "Contact", "Robin Example"),
    Variable("contact.email", "Email address", "Contact", "robin@example.com"),
    Variable("contact.phone", "Phone", "Contact", "+15550100123"),
    Variable("contact.locale", "Language", "Contact", "en"),
    Variable("contact.time_zone", "Time zone", "Contact", "Europe/Berlin"),
    Variable("contact.external_id", "Your id for them", "Contact", "C-1001"),
    Variable("contact.tags", "Tags (a list)", "Contact", ["customer"]),
]
_SYSTEM = [
    Variable("unsubscribe_url", "Unsubscribe link", "Message", "https://example.com/unsubscribe"),
    Variable("preferences_url", "Link to their preferences", "Message", "https://example.com/preferences"),
    Variable("sender.name", "Sender's name", "Message", "Example Sender"),
    Variable("sender.email", "Sender's address", "Message", "hello@example.com"),
    Variable("sender.postal_address", "Postal address", "Message", "1 Example Street, 12345 Example City"),
    Variable("campaign.name", "Campaign name", "Message", "Example campaign"),
]
_EXAMPLES: dict[str, object] = {
    AttributeDefinition.Type.TEXT: "example",
    AttributeDefinition.Type.NUMBER: 42,
    AttributeDefinition.Type.BOOLEAN: True,
    AttributeDefinition.Type.DATE: "2026-05-20",
    AttributeDefinition.Type.DATETIME: "2026-05-20T09:30:00Z",
    AttributeDefinition.Type.LIST: ["one", "two"],
    AttributeDefinition.Type.PLACE: {"city": "Berlin", "country": "DE"},
    AttributeDefinition.Type.VERSION: "2.10.3",
}


# What a program may hand over with a single message: free in shape, so that this is only an example for previews.
_DATA = {
    "order_number": "1001",
    "items": [
        {"name": "First example item", "quantity": 2, "price": "38.00 EUR"},
        {"name": "Second example item", "quantity": 1, "price": "12.50 EUR"},
    ],
    "total": "50.50 EUR",
}


def variables() -> list[Variable]:
    """All variables, the team's own attributes between the contact's fields and the message's."""
    attributes = [
        Variable(_attribute_path(definition.key), definition.label, "Attributes", _EXAMPLES[definition.type])
        for definition in AttributeDefinition.objects.all()
    ]
    return [*_CONTACT, *attributes, *_SYSTEM]


def names() -> frozenset[str]:
    return frozenset(variable.name for variable in variables()) | {"contact.attributes"}


def example_context() -> dict[str, Any]:
    """Every variable with an example value; what delivery fills in besides the contact is in here too."""
    context: dict[str, Any] = {"data": _DATA}
    for variable in variables():
        *path, last = variable.name.split(".")
        place = context
        for key in path:
            place = place.setdefault(key, {})
        place[last] = variable.example
    return context


def _attribute_path(key: str) -> str:
    return f"contact.attributes.{key}"
