"""Typed values of custom attributes: text from files and forms becomes what the catalogue says it is."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.dateparse import parse_date, parse_datetime
from django.utils.text import slugify

from contacts.models import AttributeDefinition

Type = AttributeDefinition.Type
SPACES = " \t\r\n\v\f\u00a0\u2007\u202f\u3000\ufeff"  # stripped by Python and SQL alike
TEXT_LENGTH, LIST_LENGTH = 5000, 200
TRUE_WORDS = {"true", "yes", "y", "1", "on", "t", "x"}
FALSE_WORDS = {"false", "no", "n", "0", "off", "f"}
_thousands = re.compile(r"[+-]?\d{1,3}([ ,'\u00a0]\d{3})+(\.\d+)?")
_plain_number = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)")
_code = re.compile(r"0\d+")
_version_number = re.compile(r"v?[0-9]{1,9}([.][0-9]{1,9}){0,5}([-+][0-9A-Za-z.+-]{0,60})?")
_DEGREES = {"lat": 90, "lon": 180}
PLACE_WORDS = ("city", "region", "country")
PLACE_HINT = 'This is not a place. Use degrees, e.g. 52.52, 13.405, or JSON: {"city": "Berlin", "country": "DE"}.'
_day_first = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")


class BadValue(ValueError):
    """A value that does not fit its attribute's type; the message is a sentence that says what would."""


def coerce(kind: str, text: str) -> Any:
    """`text` as the JSON value of an attribute of type `kind`; raises BadValue."""
    return _readers[kind](text.strip(SPACES))


def coerce_json(kind: str, value: Any) -> Any:
    """A value that came as JSON (the API), checked against its attribute's type; None empties it."""
    if value is None:
        return None
    if kind == Type.LIST and isinstance(value, list):
        return _checked_list([_text(str(item).strip()) for item in value])
    if kind == Type.PLACE and isinstance(value, dict):
        return _checked_place(value)
    if isinstance(value, list | dict):
        raise BadValue("This attribute takes a single value, not a list or an object.")
    return coerce(kind, as_text(value))


def coerce_all(values: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes that came as JSON, typed by the catalogue; raises BadValue naming the attribute."""
    kinds = dict(AttributeDefinition.objects.values_list("key", "type"))  # all: any text may stand among our keys
    unknown = sorted(values.keys() - kinds.keys())
    if unknown:
        raise BadValue(f"Unknown attributes: {', '.join(unknown[:5])}. Add them to the catalogue first.")
    typed = {}
    for key, value in values.items():
        try:
            typed[key] = coerce_json(kinds[key], value)
        except BadValue as error:
            raise BadValue(f"{key}: {error}") from error
    return typed


def as_text(value: Any) -> str:
    """How a stored value is shown in forms and files; reading it again gives the same value."""
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    if isinstance(value, dict):
        is_point = list(value) == ["lat", "lon"]
        return ", ".join(map(as_text, value.values())) if is_point else json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return format(Decimal(str(value)), "f")  # str() says 1e-05, which no reader of numbers takes
    return "" if value is None else str(value)


def guess_type(samples: Iterable[str]) -> str:
    """The narrowest type that reads all of the filled samples; text when there are none."""
    filled = [sample.strip() for sample in samples if sample.strip()]
    if any(_code.fullmatch(sample) for sample in filled):
        return Type.TEXT  # zip codes and the like: as numbers they would lose their leading zeros
    candidates = (Type.NUMBER, Type.DATE, Type.DATETIME, Type.BOOLEAN)
    return next((kind for kind in candidates if filled and all(_reads(kind, text) for text in filled)), Type.TEXT)


def key_for(header: str) -> str:
    """A catalogue key made from a column's name, e.g. `Zip code` as `zip_code`."""
    return slugify(header).replace("-", "_")[:60].strip("_") or "attribute"


def _reads(kind: str, text: str) -> bool:
    try:
        coerce(kind, text)
    except BadValue:
        return False
    return True


def _text(text: str) -> str:
    if len(text) > TEXT_LENGTH:
        raise BadValue(f"The text is longer than {TEXT_LENGTH} characters.")
    if "\x00" in text:
        raise BadValue("The text has a NUL character.")
    return text


def _number(text: str) -> int | float:
    plain = re.sub(r"[ ,'\u00a0]", "", text) if _thousands.fullmatch(text) else text
    if not _plain_number.fullmatch(plain) or len(plain) > 40:
        raise BadValue("This is not a number. Use digits with a point for decimals, e.g. 1234.5.")
    try:
        number = Decimal(plain)
    except InvalidOperation as error:
        raise BadValue("This is not a number.") from error
    return int(number) if number == number.to_integral_value() else float(number)


def _boolean(text: str) -> bool:
    word = text.lower()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise BadValue("This is neither yes nor no. Use yes, no, true, false, 1 or 0.")


def _date(text: str) -> str:
    match = _day_first.fullmatch(text)
    try:
        day = date(*map(int, reversed(match.groups()))) if match else parse_date(text)
    except ValueError as error:
        raise BadValue("There is no such day.") from error
    if day is None:
        raise BadValue("This is not a date. Use year-month-day, e.g. 2026-03-31.")
    return day.isoformat()


def _datetime(text: str) -> str:
    try:
        moment = parse_datetime(text.replace(" UTC", "Z")) or datetime.fromisoformat(_date(text))
    except BadValue as error:
        raise BadValue("This is not a date and time. Use e.g. 2026-03-31 14:30 or 2026-03-31T14:30:00Z.") from error
    except ValueError as error:
        raise BadValue("There is no such moment.") from error
    return moment.isoformat()


def _list(text: str) -> list[str]:
    return _checked_list([part.strip() for part in re.split(r"[,;|]", text) if part.strip()])


def _checked_list(items: list[str]) -> list[str]:
    if len(items) > LIST_LENGTH:
        raise BadValue(f"The list has more than {LIST_LENGTH} entries.")
    return [_text(item) for item in items]


def _place(text: str) -> dict[str, Any]:
    if text.startswith("{"):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise BadValue(PLACE_HINT) from error
        return _checked_place(value)
    degrees = [part.strip() for part in text.split(",")]
    if len(degrees) != 2:
        raise BadValue(PLACE_HINT)
    return _checked_place({"lat": _number(degrees[0]), "lon": _number(degrees[1])})


def _checked_place(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or not value or value.keys() - {*_DEGREES, *PLACE_WORDS}:
        raise BadValue(PLACE_HINT)
    if ("lat" in value) != ("lon" in value):
        raise BadValue("A place has both a latitude and a longitude, or neither.")
    place: dict[str, Any] = {key: _degrees(key, value[key]) for key in _DEGREES if key in value}
    for word in PLACE_WORDS:
        if word in value:
            place[word] = _text(str(value[word]).strip())
    return place


def _degrees(key: str, value: Any) -> int | float:
    number = _number(as_text(value))
    if isinstance(value, bool) or abs(number) > _DEGREES[key]:
        raise BadValue(f"“{key}” is a number from -{_DEGREES[key]} to {_DEGREES[key]}.")
    return number


def _version(text: str) -> str:
    if not _version_number.fullmatch(text):
        raise BadValue("This is not a version. Use numbers with points between them, e.g. 2.10.3.")
    return text


_readers: dict[str, Callable[[str], Any]] = {
    Type.TEXT: _text,
    Type.NUMBER: _number,
    Type.BOOLEAN: _boolean,
    Type.DATE: _date,
    Type.DATETIME: _datetime,
    Type.LIST: _list,
    Type.PLACE: _place,
    Type.VERSION: _version,
}
