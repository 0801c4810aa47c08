"""Wall clocks and zones: what a person means, when clocks change."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from campaigns import schedule
from core.errors import Refused

BERLIN, NEW_YORK, LORD_HOWE = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"


@pytest.mark.parametrize(
    ("on", "at", "zone", "expected"),
    [
        (date(2027, 1, 10), time(9), BERLIN, datetime(2027, 1, 10, 8, tzinfo=UTC)),
        (date(2027, 7, 10), time(9), BERLIN, datetime(2027, 7, 10, 7, tzinfo=UTC)),
        (date(2027, 7, 10), time(9), "UTC", datetime(2027, 7, 10, 9, tzinfo=UTC)),
        (date(2027, 7, 10), time(9), "Asia/Kathmandu", datetime(2027, 7, 10, 3, 15, tzinfo=UTC)),
    ],
)
def test_a_wall_time_stands_for_one_instant(on, at, zone, expected):
    assert schedule.instant(on, at, zone) == expected


@pytest.mark.parametrize("minute", [0, 1, 30, 59])
def test_a_time_that_berlin_skips_means_the_first_valid_instant(minute):
    # 28 March 2027: 02:00 becomes 03:00, so 02:00-02:59 do not exist.
    assert schedule.instant(date(2027, 3, 28), time(2, minute), BERLIN) == datetime(2027, 3, 28, 1, tzinfo=UTC)


@pytest.mark.parametrize("minute", [0, 30, 59])
def test_a_time_that_new_york_skips_means_the_first_valid_instant(minute):
    # 14 March 2027: 02:00 becomes 03:00 (07:00 UTC).
    assert schedule.instant(date(2027, 3, 14), time(2, minute), NEW_YORK) == datetime(2027, 3, 14, 7, tzinfo=UTC)


def test_lord_howe_skips_only_half_an_hour():
    # 3 October 2027: 02:00 becomes 02:30 (15:30 UTC the day before).
    change = datetime(2027, 10, 2, 15, 30, tzinfo=UTC)
    assert schedule.instant(date(2027, 10, 3), time(2, 0), LORD_HOWE) == change
    assert schedule.instant(date(2027, 10, 3), time(2, 29), LORD_HOWE) == change
    assert schedule.instant(date(2027, 10, 3), time(2, 30), LORD_HOWE) == change
    assert schedule.instant(date(2027, 10, 3), time(2, 45), LORD_HOWE) == change + timedelta(minutes=15)


@pytest.mark.parametrize(
    ("on", "at", "zone", "first"),
    [
        (date(2027, 10, 31), time(2, 30), BERLIN, datetime(2027, 10, 31, 0, 30, tzinfo=UTC)),
        (date(2027, 11, 7), time(1, 30), NEW_YORK, datetime(2027, 11, 7, 5, 30, tzinfo=UTC)),
        (date(2027, 4, 4), time(1, 45), LORD_HOWE, datetime(2027, 4, 3, 14, 45, tzinfo=UTC)),
    ],
)
def test_a_time_that_comes_twice_means_its_first_occurrence(on, at, zone, first):
    assert schedule.instant(on, at, zone) == first
    assert schedule.instant(on, at.replace(fold=1), zone) == first


def test_a_day_that_a_zone_left_out_means_the_first_moment_after_it():
    # Samoa crossed the date line: 30 December 2011 never was.
    moment = schedule.instant(date(2011, 12, 30), time(12), "Pacific/Apia")
    assert moment.astimezone(ZoneInfo("Pacific/Apia")) == datetime(2011, 12, 31, tzinfo=ZoneInfo("Pacific/Apia"))


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2036, 12, 31)).map(lambda moment: moment.replace(microsecond=0)),
    st.sampled_from([BERLIN, NEW_YORK, LORD_HOWE, "America/St_Johns", "Africa/Casablanca", "Asia/Tehran"]),
)
def test_an_instant_never_shows_an_earlier_clock_than_was_asked_for(moment, zone):
    found = schedule.instant(moment.date(), moment.time(), zone).astimezone(ZoneInfo(zone))
    shown = found.replace(tzinfo=None)
    assert shown >= moment
    a_second_before = (found.astimezone(UTC) - timedelta(seconds=1)).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    assert shown == moment or a_second_before < moment  # the very first instant that is late enough
    assert found.fold == 0 or shown != moment


@pytest.mark.parametrize("zone", ["", "Mars/Base", "../../etc/passwd", "/etc/passwd", "America", "Europe/Berlin\n"])
def test_a_zone_nobody_has_is_refused(zone):
    with pytest.raises(Refused) as refused:
        schedule.instant(date(2027, 1, 1), time(9), zone)
    assert refused.value.code == "unknown_zone"


@time_machine.travel("2027-05-01T12:00:00Z", tick=False)
def test_the_past_is_refused_with_a_sentence():
    with pytest.raises(Refused, match="has passed. Choose a later time") as refused:
        schedule.upcoming(date(2027, 5, 1), time(14), BERLIN)
    assert refused.value.code == "in_the_past"
    assert schedule.upcoming(date(2027, 5, 1), time(14, 1), BERLIN) == datetime(2027, 5, 1, 12, 1, tzinfo=UTC)
