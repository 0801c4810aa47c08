"""What may stand on the right side of a rule: shapes of values, checked before they come near SQL.

`parse` turns JSON into a value or raises ValueError with a sentence for the person who wrote the rule. `input` names
the control that the console's form shows; `show` says the value in a sentence.
"""

import json
import math
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

TEXT_LIMIT = 1000
LIST_LIMIT = 1000
DAYS_LIMIT = 36_500
NUMBER_LIMIT = 10**30
FIRST_YEAR, LAST_YEAR = 1000, 2999
PATTERN_LIMIT = 200
REPEAT_LIMIT = 100
VERSION = r"^v?[0-9]{1,9}([.][0-9]{1,9}){0,5}([-+][0-9A-Za-z.+-]*)?$"

_COUNTED = re.compile(r"\{([\d,]*)\}")


class Shape:
    input = "none"

    def parse(self, raw: Any) -> Any:
        """No value: operators such as “is empty” take none."""
        if raw not in (None, ""):
            raise ValueError("This comparison takes no value.")

    def show(self, value: Any) -> str:
        return ""


class TextShape(Shape):
    input = "text"

    def parse(self, raw: Any) -> str:
        return text(raw)

    def show(self, value: Any) -> str:
        return f"“{value}”"


class TextsShape(Shape):
    input = "texts"

    def parse(self, raw: Any) -> list[str]:
        if not isinstance(raw, list) or not raw:
            raise ValueError("Give at least one value, as a list.")
        if len(raw) > LIST_LIMIT:
            raise ValueError(f"At most {LIST_LIMIT:,} values fit into one rule; use an import with a tag instead.")
        return list(dict.fromkeys(text(item) for item in raw))

    def show(self, value: Any) -> str:
        shown = ", ".join(f"“{item}”" for item in value[:5])
        return f"{shown} and {len(value) - 5} more" if len(value) > 5 else shown


class NumberShape(Shape):
    input = "number"

    def parse(self, raw: Any) -> int | float:
        if isinstance(raw, str):
            raw = _number_of(raw)
        if isinstance(raw, bool) or not isinstance(raw, int | float):
            raise ValueError("Give a number.")
        if not abs(raw) <= NUMBER_LIMIT:  # so that it is true for NaN as well
            raise ValueError("This number is too large.")
        return raw

    def show(self, value: Any) -> str:
        return show_number(value)


class NumbersShape(Shape):
    input = "numbers"

    def parse(self, raw: Any) -> tuple[Any, Any]:
        return _ordered(NumberShape(), raw, "Give two numbers, from and to.")

    def show(self, value: Any) -> str:
        return f"{show_number(value[0])} and {show_number(value[1])}"


class DateShape(Shape):
    input = "date"

    def parse(self, raw: Any) -> date:
        try:
            day = date.fromisoformat(text(raw))
        except ValueError:
            raise ValueError("Give a date such as 2026-05-31.") from None
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            raise ValueError(f"Give a date from {FIRST_YEAR} to {LAST_YEAR}.")
        return day

    def show(self, value: Any) -> str:
        return f"{value:%-d %B %Y}"


class DatesShape(Shape):
    input = "dates"

    def parse(self, raw: Any) -> tuple[Any, Any]:
        return _ordered(DateShape(), raw, "Give two dates, from and to.")

    def show(self, value: Any) -> str:
        return f"{DateShape().show(value[0])} and {DateShape().show(value[1])}"


class CountShape(Shape):
    """A whole number of days or times."""

    input = "count"

    def __init__(self, least: int = 0, most: int = DAYS_LIMIT) -> None:
        self.least, self.most = least, most

    def parse(self, raw: Any) -> int:
        number = NumberShape().parse(raw)
        if number != int(number) or not self.least <= number <= self.most:
            raise ValueError(f"Give a whole number from {self.least} to {self.most:,}.")
        return int(number)

    def show(self, value: Any) -> str:
        return f"{value:,}"


class MomentShape(Shape):
    """A day, or a moment (without an offset: UTC)."""

    input = "date"

    def parse(self, raw: Any) -> date:
        if isinstance(raw, str) and len(raw) > len("2026-05-31"):
            return _moment(raw)
        return DateShape().parse(raw)

    def show(self, value: Any) -> str:
        clock = f" {value:%H:%M} UTC" if isinstance(value, datetime) else ""
        return DateShape().show(value) + clock


class PatternShape(Shape):
    """A regular expression that can't be made to run long, in either of the two ways that are known.

    PostgreSQL's engine takes time linear in the text unless a pattern refers back to what it found or looks around;
    what is left is the size of the automaton, which counted repeats inside of each other blow up. rules.py has
    PostgreSQL read the pattern, under a timeout, before it is used.
    """

    input = "pattern"

    def parse(self, raw: Any) -> str:
        pattern = text(raw)
        if len(pattern) > PATTERN_LIMIT:
            raise ValueError(f"A pattern has at most {PATTERN_LIMIT} characters.")
        if re.search(r"\\[1-9]|\(\?(?!:)|^\*\*\*", pattern):
            raise ValueError("A pattern can't refer back to what it found, look around or set options.")
        counts = [
            int(number) for repeat in re.findall(r"\{([\d,\s]*)\}", pattern) for number in re.findall(r"\d+", repeat)
        ]
        if math.prod(max(count, 1) for count in counts) > REPEAT_LIMIT:
            raise ValueError(f"The counted repeats of a pattern, such as {{2,5}}, multiply to at most {REPEAT_LIMIT}.")
        return pattern

    def show(self, value: Any) -> str:
        return f"“{value}”"


class VersionShape(Shape):
    input = "version"

    def parse(self, raw: Any) -> str:
        version = text(str(raw) if isinstance(raw, int | float) and not isinstance(raw, bool) else raw)
        if not re.fullmatch(VERSION, version, re.ASCII):
            raise ValueError("Give a version such as 2.10.3.")
        return version

    def show(self, value: Any) -> str:
        return str(value)


class VersionsShape(Shape):
    input = "versions"

    def parse(self, raw: Any) -> tuple[str, str]:
        if not isinstance(raw, list) or len(raw) != 2:
            raise ValueError("Give two versions, from and to.")
        first, last = map(VersionShape().parse, raw)
        if version_parts(first) > version_parts(last):
            raise ValueError("The first value must not be greater than the second.")
        return first, last

    def show(self, value: Any) -> str:
        return f"{value[0]} and {value[1]}"


class CircleShape(Shape):
    """A point and a distance: {"lat": 52.52, "lon": 13.405, "km": 50}."""

    input = "circle"
    limits = (("lat", -90, 90), ("lon", -180, 180), ("km", 0.001, 20_038))

    def parse(self, raw: Any) -> tuple[float, float, float]:
        if not isinstance(raw, dict) or raw.keys() != {"lat", "lon", "km"}:
            raise ValueError('Give a latitude, a longitude and kilometres: {"lat": 52.52, "lon": 13.405, "km": 50}.')
        found = []
        for key, least, most in self.limits:
            number = NumberShape().parse(raw[key])
            if not least <= number <= most:
                raise ValueError(f"“{key}” is a number from {least:g} to {most:,}.")
            found.append(float(number))
        return found[0], found[1], found[2]

    def show(self, value: Any) -> str:
        return f"{show_number(value[2])} km of {value[0]:g}, {value[1]:g}"


class PercentShape(NumberShape):
    def parse(self, raw: Any) -> int | float:
        number = super().parse(raw)
        if not 0 <= number <= 100:
            raise ValueError("Give a number from 0 to 100.")
        return number

    def show(self, value: Any) -> str:
        return f"{show_number(value)}%"


class PercentsShape(NumbersShape):
    def parse(self, raw: Any) -> tuple[Any, Any]:
        return _ordered(PercentShape(), raw, "Give two numbers from 0 to 100, from and to.")

    def show(self, value: Any) -> str:
        return f"{show_number(value[0])}% and {show_number(value[1])}%"


class FlagShape(Shape):
    input = "flag"

    def parse(self, raw: Any) -> bool:
        if raw in ("true", "false"):
            return bool(raw == "true")
        if not isinstance(raw, bool):
            raise ValueError("Give true or false.")
        return raw

    def show(self, value: Any) -> str:
        return "yes" if value else "no"


class ChoiceShape(Shape):
    """One of the choices of the rule's field; fields.py knows them and checks."""

    input = "choice"

    def parse(self, raw: Any) -> str:
        return text(raw)

    def show(self, value: Any) -> str:
        return str(value)


def text(raw: Any) -> str:
    """A text that PostgreSQL can hold: not empty, not endless, without NUL and without halves of surrogate pairs."""
    if not isinstance(raw, str):
        raise ValueError("Give a text.")
    if not raw:
        raise ValueError("Give a value.")
    if len(raw) > TEXT_LIMIT:
        raise ValueError(f"A value has at most {TEXT_LIMIT:,} characters.")
    if "\x00" in raw or any(0xD800 <= ord(character) <= 0xDFFF for character in raw):
        raise ValueError("The value contains a character that can't be stored.")
    return raw


def version_parts(version: str) -> list[int]:
    """Six numbers and a mark, -1 before a release: they compare as versions do. operands.VersionKey makes the same."""
    numbers, mark, _ = version.lstrip("v").partition("-") if "-" in version else (version.lstrip("v"), "", "")
    found = [int(number) for number in numbers.partition("+")[0].split(".")]
    return [*found, 0, 0, 0, 0, 0, 0][:6] + [-1 if mark else 0]


def show_number(value: float | Decimal) -> str:
    return f"{value:,}" if isinstance(value, int) or value != int(value) else f"{int(value):,}"


def as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _number_of(raw: str) -> int | float:
    try:
        return int(raw) if raw.strip().lstrip("+-").isdecimal() else float(raw)
    except ValueError:
        raise ValueError("Give a number.") from None


def _moment(raw: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text(raw))
        moment = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("Give a date such as 2026-05-31, or a moment such as 2026-05-31T14:30:00Z.") from None
    DateShape().parse(moment.date().isoformat())
    return moment


def _ordered(shape: Shape, raw: Any, hint: str) -> tuple[Any, Any]:
    if not isinstance(raw, list) or len(raw) != 2:
        raise ValueError(hint)
    first, last = map(shape.parse, raw)
    if first > last:
        raise ValueError("The first value must not be greater than the second.")
    return first, last


def quoted(names: Iterable[Any]) -> str:
    """Names from outside for a sentence: short, and only if they are texts at all."""
    shown = sorted(name[:60] if isinstance(name, str) else f"({type(name).__name__})" for name in names)
    return " or ".join(f"“{name}”" for name in shown[:3])
