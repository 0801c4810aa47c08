"""Keeping to an account's rate over all workers: each group books its moment in Redis before it is handed over.

The generic cell rate algorithm, one number per account: when the next group may start. Should Redis be away, each
worker keeps to its own share, so that the provider's limit holds all the same.
"""

import functools
import logging
import threading
import time
from collections.abc import Callable

import redis
from django.conf import settings

from delivery.models import Account

logger = logging.getLogger(__name__)

GROUPS_PER_SECOND = 10
# With ten groups a second spaced this much wider, no second of the provider's clock ever sees eleven.
MARGIN = 1.12
_BOOK = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local start = math.max(now, tonumber(redis.call('GET', KEYS[1]) or '0'))
local life = math.ceil((start - now + ARGV[1]) * 1000) + 1000
redis.call('SET', KEYS[1], string.format('%.6f', start + ARGV[1]), 'PX', life)
return string.format('%.6f', start - now)
"""


def group_size(account: Account, most: int) -> int:
    """How many messages go out at once, so that a second's worth is spread over the second."""
    if account.rate_per_second is None:
        return most
    return max(1, min(most, account.rate_per_second // GROUPS_PER_SECOND))


def batch_size(account: Account, most: int) -> int:
    """How many rows to claim at once: what goes out well within a lease while every worker holds as many."""
    if account.rate_per_second is None:
        return most
    return max(1, min(most, account.rate_per_second * settings.LEASE_SECONDS // (4 * settings.SEND_WORKERS)))


def wait_turn(account: Account, count: int, *, must_stop: Callable[[], bool]) -> None:
    """Return when `count` messages may be handed over, or soon after `must_stop` says so."""
    if account.rate_per_second is None:
        return
    until = time.monotonic() + _booked(account.pk, MARGIN * count / account.rate_per_second)
    while (left := until - time.monotonic()) > 0 and not must_stop():
        time.sleep(min(left, 0.25))


def _booked(account_id: int, seconds: float) -> float:
    """Book the next free `seconds` of an account; returns how far away their start is."""
    try:
        return float(_redis(settings.REDIS_URL).eval(_BOOK, 1, f"carillon:rate:{account_id}", seconds))
    except redis.RedisError as error:
        logger.warning("Redis is away, so every worker keeps to its share of the rate: %s", error)
        return _booked_here(account_id, seconds * settings.SEND_WORKERS)


_next_here: dict[int, float] = {}
_booking_here = threading.Lock()  # an account has several lines in each worker, and a line per campaign at that


def _booked_here(account_id: int, seconds: float) -> float:
    """The same within this process alone. A first booking waits too: others may have been handed over just now."""
    with _booking_here:
        now = time.monotonic()
        start = max(now + seconds, _next_here.get(account_id, 0))
        _next_here[account_id] = start + seconds
        return start - now


@functools.cache
def _redis(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_timeout=5)
