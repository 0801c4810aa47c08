"""An account's rate, shared by workers of any number, with Redis and without."""

import time
from concurrent.futures import ThreadPoolExecutor

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
        list(lines.map(lambda _: throttle.wait_turn(account, 1, must_stop=lambda: False), range(6)))
    assert time.monotonic() - began >= 6 * 2 / 20
