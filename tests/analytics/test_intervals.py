"""Intervals against published values, and how often they hold."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.intervals import Rate, difference, wilson


@pytest.mark.parametrize(
    # Newcombe, Statist. Med. 17 (1998) 857-872, table I, method 3 (Wilson without continuity correction)
    ("count", "of", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilsons_interval_has_its_published_values(count: int, of: int, low: float, high: float) -> None:
    assert wilson(count, of) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    # Newcombe, Statist. Med. 17 (1998) 873-890, table II, method 10
    ("first", "second", "low", "high"),
    [((56, 70), (48, 80), 0.0524, 0.3339), ((9, 10), (3, 10), 0.1705, 0.8090), ((0, 20), (0, 10), -0.2775, 0.1611)],
)
def test_newcombes_interval_has_its_published_values(
    first: tuple[int, int], second: tuple[int, int], low: float, high: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analytics.intervals.ENOUGH", 1)
    found = difference(Rate(*first), Rate(*second))
    assert found is not None
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 10**6), st.data())
def test_an_interval_holds_its_rate_and_stays_within_bounds(of: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, of))
    low, high = wilson(count, of)
    assert 0 <= low <= count / of + 1e-12
    assert count / of - 1e-12 <= high <= 1


def test_of_two_alike_variants_a_difference_is_shown_about_one_time_in_twenty() -> None:
    rng, shown, rounds = random.Random(7), 0, 1500
    for _ in range(rounds):
        first, second = (sum(rng.random() < 0.1 for _ in range(300)) for _ in range(2))
        found = difference(Rate(first, 300), Rate(second, 300))
        shown += found is not None and found.is_shown
    assert 0.02 < shown / rounds < 0.075


def test_few_people_show_no_difference_whatever_their_rates() -> None:
    assert difference(Rate(29, 29), Rate(0, 500)) is None


def test_more_clicks_than_messages_do_not_break_a_rate() -> None:
    rate = Rate(5, 3)
    assert rate.value == 1.0
    assert rate.interval is not None
    assert Rate(0, 0).value is None
