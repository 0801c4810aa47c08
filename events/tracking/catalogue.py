"""The catalogue of attributes growing by what traits bring: new keys get a type from their first value."""

import re
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.db import connection

from contacts import attributes
from contacts.attributes import BadValue
from contacts.models import AttributeDefinition

Type = AttributeDefinition.Type
MOST_ATTRIBUTES = 500  # in the whole catalogue: a program that makes up names would fill forms and files with them
REMEMBERED_SECONDS = 5.0
_hump = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_date = re.compile(r"\d{4}-\d\d-\d\d")
_datetime = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
_remembered: tuple[float, dict[str, str]] = (0.0, {})

# Those that somebody else adds at the same moment are theirs to type.
_ADD = """
INSERT INTO contacts_attributedefinition (key, label, type, description, created_at)
SELECT key, label, type, 'Came in by the tracking API.', now()
FROM unnest(%s::text[], %s::text[], %s::text[]) AS new(key, label, type) ORDER BY key
ON CONFLICT (key) DO NOTHING"""


def types_of(values: Mapping[str, Any]) -> dict[str, str]:
    """The type of each key; what is not in the catalogue yet is added, unless that is full, and then missing here."""
    if not values:
        return {}
    known = _known()
    new = {key: value for key, value in values.items() if key not in known and value is not None}
    if new:
        known = known | _add(new, room=MOST_ATTRIBUTES - len(known))
        forget_remembered()
    return {key: known[key] for key in values if key in known}


@lru_cache(maxsize=4_096)
def key_of(trait: str) -> str:
    """`favouriteColour` as `favourite_colour`; BadValue for a name without a single Latin letter or digit."""
    key = attributes.key_for(_hump.sub("_", trait))
    if key == "attribute" and trait.lower() != "attribute":
        raise BadValue("The name of a trait needs Latin letters or digits.")
    return key


def type_of(value: Any) -> str:
    """The type that suits a value that came as JSON."""
    if isinstance(value, bool):
        return Type.BOOLEAN
    if isinstance(value, int | float):
        return Type.NUMBER
    if isinstance(value, list):
        return Type.LIST
    text = str(value)
    for kind, pattern in ((Type.DATE, _date.fullmatch), (Type.DATETIME, _datetime.match)):
        if pattern(text) and _reads(kind, text):
            return kind
    return Type.TEXT


def forget_remembered() -> None:
    """Read the catalogue afresh the next time."""
    global _remembered
    _remembered = (0.0, {})


def _known() -> dict[str, str]:
    global _remembered
    until, types = _remembered
    if time.monotonic() >= until:
        types = dict(AttributeDefinition.objects.values_list("key", "type"))
        _remembered = (time.monotonic() + REMEMBERED_SECONDS, types)
    return types


def _add(new: Mapping[str, Any], *, room: int) -> dict[str, str]:
    keys = sorted(new)[: max(room, 0)]
    labels = [key.replace("_", " ").capitalize()[:120] for key in keys]
    with connection.cursor() as cursor:
        cursor.execute(_ADD, [keys, labels, [str(type_of(new[key])) for key in keys]])
    # Asked again rather than taken for granted; beyond what is remembered there may be keys of another process.
    return dict(AttributeDefinition.objects.filter(key__in=list(new)).values_list("key", "type"))


def _reads(kind: str, text: str) -> bool:
    try:
        attributes.coerce(kind, text)
    except BadValue:
        return False
    return True
