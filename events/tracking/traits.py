"""Traits as what we know about people: some are fields of theirs, the others attributes typed by the catalogue."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from contacts import attributes
from contacts.addresses import BadAddress
from contacts.attributes import BadValue
from contacts.importing import targets
from events.tracking import catalogue

MOST_TRAITS = 100  # of one message
FIELDS = {
    "email": "email", "phone": "phone", "firstName": "first_name", "first_name": "first_name",
    "lastName": "last_name", "last_name": "last_name", "locale": "locale", "language": "locale",
    "timezone": "time_zone", "timeZone": "time_zone", "time_zone": "time_zone",
}  # fmt: skip


@dataclass(slots=True)
class Learned:
    """What one message says about a person; an attribute that is None goes. `notes` say what was left out, and why."""

    fields: dict[str, str] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read_all(said: dict[int, dict[str, Any]]) -> dict[int, Learned]:
    """What each of these traits say. What doesn't fit is left out and noted: one odd trait must not cost the others."""
    learned = {key: Learned() for key in said}
    values = {key: _read_fields(learned[key], traits) for key, traits in said.items()}
    types = catalogue.types_of({name: value for one in values.values() for name, value in one.items()})
    for key, attributes_said in values.items():
        _read_attributes(learned[key], attributes_said, types)
    return learned


def _read_fields(learned: Learned, traits: dict[str, Any]) -> dict[str, Any]:
    """Read those that are fields; the others are returned, by the keys of attributes."""
    if len(traits) > MOST_TRAITS:
        learned.notes.append(f"Only the first {MOST_TRAITS} traits were taken.")
        traits = dict(list(traits.items())[:MOST_TRAITS])
    for name, value in traits.items():
        if name in FIELDS:
            _read_field(learned, FIELDS[name], name, value)
    if isinstance(traits.get("name"), str):
        _split_name(learned, traits["name"])
    return dict(_flat(learned, traits))


def _read_field(learned: Learned, target: str, name: str, value: Any) -> None:
    text = "" if value is None or isinstance(value, list | dict) else attributes.as_text(value).strip()
    if not text:
        return  # nothing said: as in files, that erases nothing
    try:
        if "\0" in text:
            raise BadValue("The text has a NUL character.")
        learned.fields.setdefault(target, targets.FIELDS[target].read(text))
    except (BadValue, BadAddress) as error:
        learned.notes.append(f"{name}: {error}")


def _split_name(learned: Learned, name: str) -> None:
    first, _, last = name.strip().rpartition(" ")
    if not first:
        first, last = last, ""
    for target, text in (("first_name", first), ("last_name", last)):
        if target not in learned.fields:
            _read_field(learned, target, "name", text)


def _read_attributes(learned: Learned, values: dict[str, Any], types: dict[str, str]) -> None:
    for key, value in values.items():
        if value is not None and key not in types:
            learned.notes.append(f"{key}: the catalogue of attributes is full. Remove one that nobody needs.")
            continue
        try:
            learned.attributes[key] = None if value is None else attributes.coerce_json(types[key], value)
        except BadValue as error:
            learned.notes.append(f"{key}: {error}")


def _flat(learned: Learned, traits: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Key and value of each attribute; of an object, such as an address, one for each of its parts."""
    for name, value in traits.items():
        if name in FIELDS or name == "name":
            continue
        parts = {f"{name}_{part}": one for part, one in value.items()} if isinstance(value, dict) else {name: value}
        for part, one in list(parts.items())[:MOST_TRAITS]:
            try:
                if isinstance(one, dict):
                    raise BadValue("Objects within objects are not kept.")
                yield catalogue.key_of(part), one
            except BadValue as error:
                learned.notes.append(f"{part}: {error}")
