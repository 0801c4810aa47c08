"""What a column of a file can become, and how its text is read.

Python is the judge of every value. Each target also has an SQL test for text that is plainly fine, so that only the
rest has to be carried to Python; a property test holds the two together.
"""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from contacts import attributes
from contacts.addresses import BadAddress, normalise_email, normalise_phone
from contacts.attributes import SPACES, BadValue
from contacts.models import AttributeDefinition

ATTRIBUTE = "attribute:"
NEW = "new:"
_locale = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")


@dataclass(frozen=True)
class Target:
    """`plain` is an SQL test and `value` an SQL expression over `{v}`, the column's text without spaces around it.

    `read` gives the canonical text or raises BadValue or BadAddress; `value` of a plain text must give the same text.
    """

    key: str
    label: str
    plain: str
    value: str
    read: Callable[[str], str]
    guesses: tuple[str, ...] = ()


def _bounded(limit: int) -> Callable[[str], str]:
    def read(text: str) -> str:
        if len(text) > limit:
            raise BadValue(f"The text is longer than {limit} characters.")
        return text

    return read


def read_locale(text: str) -> str:
    if len(text) > 16 or not _locale.fullmatch(text):
        raise BadValue("This is not a language. Use a tag such as en, de or pt-BR.")
    return text.replace("_", "-")


def read_zone(text: str) -> str:
    try:
        zone: tzinfo = ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadValue("This is not a time zone. Use a name such as Europe/Berlin.") from error
    if len(str(zone)) > 64:
        raise BadValue("The name of the time zone is too long.")
    return text


TAG_RULE = "a tag can't be empty or hold “,”, “;” or “|”, which separate tags in files."


def split_tags(text: str) -> list[str]:
    """Each tag once, in order; what separates them can be no part of one."""
    tags = sorted({part.strip() for part in re.split(r"[,;|]", text) if part.strip()})
    if any(len(tag) > 60 for tag in tags):
        raise BadValue("A tag is longer than 60 characters.")
    return tags


def _read_tags(text: str) -> str:
    return json.dumps(split_tags(text))


# Without counted repeats, which PostgreSQL expands: with {1,63} this takes forty times as long.
_EMAIL = "^ *[A-Za-z0-9_+-]+(?:[.][A-Za-z0-9_+-]+)*@(?:[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*[.])+[A-Za-z][A-Za-z0-9]+ *$"
_LOWER = 'lower({v} COLLATE "C")'

FIELDS = {
    target.key: target
    for target in (
        Target(
            "email", "Email",
            f"octet_length({{raw}}) <= 64 AND {{raw}} COLLATE \"C\" ~ '{_EMAIL}'", _LOWER, normalise_email,
            ("email", "emailaddress", "mail", "emailadresse", "correo"),
        ),
        Target(
            "phone", "Phone", r"{raw} ~ '^\+[1-9][0-9]{{7,14}}$'", "{v}", normalise_phone,
            ("phone", "mobile", "phonenumber", "tel", "telephone", "cell", "mobilephone"),
        ),
        Target(
            "external_id", "External id", "octet_length({raw}) <= 200", "{v}", _bounded(200),
            ("externalid", "customerid", "id", "customernumber", "userid", "crmid"),
        ),
        Target(
            "first_name", "First name", "octet_length({raw}) <= 120", "{v}", _bounded(120),
            ("firstname", "givenname", "forename", "vorname", "fname"),
        ),
        Target(
            "last_name", "Last name", "octet_length({raw}) <= 120", "{v}", _bounded(120),
            ("lastname", "surname", "familyname", "nachname", "lname"),
        ),
        Target(
            "locale", "Language", "{raw} ~ '^[a-z]{{2}}(-[A-Z]{{2}})?$'", "{v}", read_locale,
            ("locale", "language", "lang"),
        ),
        Target("time_zone", "Time zone", "false", "{v}", read_zone, ("timezone", "tz")),
        Target("tags", "Tags", "false", "{v}", _read_tags, ("tags", "labels")),
    )
}  # fmt: skip
ADDRESSES = ("external_id", "email", "phone")

_ATTRIBUTE_SQL = {
    "text": (f"octet_length({{raw}}) <= {attributes.TEXT_LENGTH}", "{v}"),
    "number": ("octet_length({raw}) <= 15 AND {raw} ~ '^(?:-?[1-9][0-9]*|0)$'", "{v}"),
    "boolean": ("{raw} IN ('true', 'false')", "{v}"),
    "date": ("{raw} ~ '^[12][0-9]{{3}}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])$'", "{v}"),
    "datetime": ("false", "{v}"),
    "list": ("false", "{v}"),
    "place": ("false", "{v}"),
    "version": ("false", "{v}"),
}
# How the canonical text becomes a JSON value: texts are quoted, the rest is JSON already.
JSON_OF = {
    "text": "{v}", "date": "{v}", "datetime": "{v}", "number": "({v})::numeric", "boolean": "({v})::boolean",
    "list": "({v})::jsonb", "place": "({v})::jsonb", "version": "{v}",
}  # fmt: skip


def of_attribute(definition: AttributeDefinition) -> Target:
    plain, value = _ATTRIBUTE_SQL[definition.type]
    return Target(ATTRIBUTE + definition.key, definition.label, plain, value, _reader(definition.type))


def _reader(kind: str) -> Callable[[str], str]:
    if kind in {"text", "date", "datetime", "version"}:
        return lambda text: str(attributes.coerce(kind, text))
    return lambda text: json.dumps(attributes.coerce(kind, text), ensure_ascii=False)


def read(target: Target, text: str) -> tuple[str | None, str | None]:
    """The canonical text, or the sentence that says what is wrong with it; neither for text that is only space."""
    stripped = text.strip(SPACES)
    if not stripped:
        return None, None
    try:
        return target.read(stripped), None
    except (BadValue, BadAddress) as error:
        return None, str(error)


def guess(header: list[str], sample: list[list[str]]) -> dict[str, str]:
    """A mapping to begin with: by the column's name, then by its content, else a new attribute of the guessed type."""
    catalogue = set(AttributeDefinition.objects.values_list("key", flat=True))
    mapping: dict[str, str] = {}
    for position, name in enumerate(header):
        values = [row[position] for row in sample if position < len(row)]
        mapping[name] = _guess_one(name, values, catalogue, set(mapping.values()))
    return mapping


def _guess_one(name: str, values: list[str], catalogue: set[str], taken: set[str]) -> str:
    plain = re.sub(r"[^a-z]", "", name.lower())
    by_name = next((key for key, target in FIELDS.items() if plain in target.guesses), None)
    is_likely = by_name not in ("email", "phone") or not any(map(str.strip, values)) or _mostly(by_name, values)
    if by_name and by_name not in taken and is_likely:
        return by_name
    key = attributes.key_for(name)
    if key in catalogue:
        return ATTRIBUTE + key if ATTRIBUTE + key not in taken else ""
    if "email" not in taken and _mostly("email", values):
        return "email"
    return f"{NEW}{attributes.guess_type(values)}"


def _mostly(field: str, values: Iterable[str]) -> bool:
    filled = [value for value in values if value.strip()]
    good = sum(read(FIELDS[field], value)[1] is None for value in filled)
    return bool(filled) and good * 2 >= len(filled)


def has_address(row: Iterable[str]) -> bool:
    """Whether a cell is an address: no header has one, so this is a row of a file without."""
    return any(cell.strip() and read(FIELDS[field], cell)[1] is None for cell in row for field in ("email", "phone"))
