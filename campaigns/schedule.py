"""From a wall clock and a zone, as people mean a time, to the one instant it stands for."""

import functools
import zoneinfo
from datetime import UTC, date, datetime, time, timedelta

from django.utils import timezone

from core.errors import Refused

GRACE = timedelta(hours=6)  # a start later than this is no longer what was meant: it is missed, never caught up


def instant(on: date, at: time, zone: str) -> datetime:
    """The moment, in UTC, that `at` on `on` means in `zone`; Refused for a zone nobody has.

    A local time that does not exist (clocks go forward) means the first instant that does, and one that exists twice
    (clocks go back) means its first occurrence: either way it comes once.
    """
    local = datetime.combine(on, at.replace(tzinfo=None, fold=0), tzinfo=zone_named(zone))
    before, after = local.replace(fold=1).astimezone(UTC), local.astimezone(UTC)
    # Inside a gap the two readings cross (PEP 495): fold=1 lands before the change of the clocks, fold=0 after it.
    return _change_of_clocks(before, after, local.tzinfo) if before < after else after


def upcoming(on: date, at: time, zone: str) -> datetime:
    """The same, refused when that moment has passed."""
    moment = instant(on, at, zone)
    if moment <= timezone.now():
        raise Refused(
            "in_the_past",
            f"{on:%-d %B %Y} at {at:%H:%M} ({zone}) has passed. Choose a later time, or launch the campaign now.",
        )
    return moment


def is_missed(planned_at: datetime) -> bool:
    return timezone.now() - planned_at > GRACE


def zone_named(name: str) -> zoneinfo.ZoneInfo:
    if name not in zone_names():  # never hand a person's text to a function that opens files by name
        raise Refused("unknown_zone", f"“{name}” is not a time zone. Use a name such as Europe/Berlin or UTC.")
    return zoneinfo.ZoneInfo(name)


@functools.cache
def zone_names() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def _change_of_clocks(before: datetime, after: datetime, zone: object) -> datetime:
    """The second between the two at which `zone` changes its offset."""
    assert isinstance(zone, zoneinfo.ZoneInfo)  # noqa: S101
    old = before.astimezone(zone).utcoffset()
    low, high = int(before.timestamp()), int(after.timestamp())
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == old:
            low = middle
        else:
            high = middle
    return datetime.fromtimestamp(high, UTC)
