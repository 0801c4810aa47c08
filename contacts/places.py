"""Languages and time zones to choose from, named as a reader of the current language knows them."""

import functools
import zoneinfo
from collections import defaultdict
from typing import Any

from babel import Locale, UnknownLocaleError
from django.conf import settings
from django.utils import translation

# Region of a time zone's name to the territory that names it in every language.
_REGIONS = {"Africa": "002", "America": "019", "Antarctica": "AQ", "Asia": "142", "Australia": "AU", "Europe": "150"}


def languages(current: str) -> list[tuple[str, str]]:
    """The languages of our pages, each in its own words, and the person's own if it is none of them."""
    known = dict(settings.LANGUAGES)
    is_known = not current or current in known
    return [("", ""), *known.items()] + ([] if is_known else [(current, _language(current))])


def time_zones(current: str) -> list[tuple[str, Any]]:
    """Cities by continent; `current` too, if it is an old name or an offset."""
    grouped = _time_zones(translation.get_language() or "en")
    extra = [] if not current or current in zone_names() else [(current, current)]
    return [("", ""), *extra, *grouped]


@functools.cache
def zone_names() -> frozenset[str]:
    """Places people know, not the historical aliases and offsets that the database holds besides."""
    return frozenset(name for name in zoneinfo.available_timezones() if name.partition("/")[0] in _AREAS)


_AREAS = {*_REGIONS, "Atlantic", "Indian", "Pacific"}


@functools.cache
def _time_zones(code: str) -> list[tuple[str, list[tuple[str, str]]]]:
    locale = _locale(code) or Locale("en")
    by_region: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for name in zone_names():
        region, _, _rest = name.partition("/")
        by_region[locale.territories.get(_REGIONS.get(region, ""), region)].append((name, _city(name, locale)))
    return [(region, sorted(by_region[region], key=lambda pair: pair[1])) for region in sorted(by_region)]


def _city(name: str, locale: Locale) -> str:
    translated = locale.time_zones.get(name, {}).get("city")
    return str(translated or name.partition("/")[2].replace("_", " ").replace("/", ", "))


def _language(tag: str) -> str:
    locale = _locale(tag)
    return (locale.get_display_name() if locale else None) or tag


def _locale(tag: str) -> Locale | None:
    try:
        return Locale.parse(tag, sep="-")
    except (ValueError, UnknownLocaleError):
        return None
