"""An account's rate, shared by workers of any number, with Redis and without."""

import itertools
import random
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings
from django.test import override_settings

from delivery import throttle
from delivery.models import Account


@override_settings(SEND_WORKERS=8, LEASE_SECONDS=120)
def test_what_all_workers_claim_at_once_goes_out_within_a_lease() -> None:
    account = Account(pk=1, rate_per_second=10)
    assert 8 * throttle.batch_size(account, 500) / 10 <= 60


@override_settings(SEND_WORKERS=2, REDIS_URL="unix:///nowhere/redis.sock")
def test_without_redis_the_lines_of_a_worker_share_its_part_of_the_rate() -> None:
    account = Account(pk=987_654, rate_per_second=20)
    began = time.monotonic()
    with ThreadPoolExecutor(3) as lines:
        list(lines.map(lambda _: throttle.stand_in_line(account, 1, must_stop=lambda: False), range(6)))
    assert time.monotonic() - began >= 6 * 2 / 20


@pytest.mark.parametrize("redis", [settings.REDIS_URL, "unix:///nowhere/redis.sock"])
def test_groups_that_were_held_up_together_go_out_apart(redis: str) -> None:
    account = Account(pk=random.randrange(10**9, 10**10), rate_per_second=20)
    with override_settings(SEND_WORKERS=1, REDIS_URL=redis), ThreadPoolExecutor(6) as lines:
        turns = sorted(lines.map(lambda _: turn(account, within=5), range(6)))
    gaps = [later - earlier for earlier, later in itertools.pairwise(turns)]
    assert sum(gaps) >= 5 / 20
    assert sum(gaps) < 2 * 5 / 20 + 1


def test_a_turn_that_would_come_too_late_or_after_a_stop_is_not_taken() -> None:
    account = Account(pk=random.randrange(10**9, 10**10), rate_per_second=1)
    assert throttle.take_turn(account, 1, within=0, must_stop=lambda: False)
    assert not throttle.take_turn(account, 1, within=0.5, must_stop=lambda: False)
    assert not throttle.take_turn(account, 1, within=60, must_stop=lambda: True)


def turn(account: Account, *, within: float) -> float:
    assert throttle.take_turn(account, 1, within=within, must_stop=lambda: False)
    return time.monotonic()
