"""Keeping to an account's rate over all workers: each group has its turn in Redis before it is handed over.

The generic cell rate algorithm, twice. First a group stands in line: it books the next free moment and waits for it
with nothing begun, so that groups come one by one and in order. Then, when its line is open and `sending` is committed,
it takes its turn right before the first byte: that one is never booked ahead, so those whom a slow connection or a late
wake-up has bunched go out apart all the same. Should Redis be away, each worker keeps to its own share of the rate.
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
# Books the next free ARGV[1] seconds if they begin within ARGV[2]; says whether it did, and how far away they are.
_BOOK = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local start = math.max(now, tonumber(redis.call('GET', KEYS[1]) or '0'))
if start - now > tonumber(ARGV[2]) then
    return {0, string.format('%.6f', start - now)}
end
local life = math.ceil((start - now + ARGV[1]) * 1000) + 1000
redis.call('SET', KEYS[1], string.format('%.6f', start + ARGV[1]), 'PX', life)
return {1, string.format('%.6f', start - now)}
"""
_STEP = 0.25  # seconds between two questions whether to stop
_LONG = 1e9


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


def stand_in_line(account: Account, count: int, *, must_stop: Callable[[], bool]) -> None:
    """Return when the turn of `count` messages is near, or soon after `must_stop` says so."""
    if account.rate_per_second is None:
        return
    _, wait = _book(f"{account.pk}:line", _seconds(account, count), within=_LONG)
    until = time.monotonic() + wait
    while (left := until - time.monotonic()) > 0 and not must_stop():
        time.sleep(min(left, _STEP))


def take_turn(account: Account, count: int, *, within: float, must_stop: Callable[[], bool]) -> bool:
    """Return true in the moment in which `count` messages may be handed over; false if none comes `within` seconds."""
    if account.rate_per_second is None:
        return True
    until = time.monotonic() + within
    while True:
        is_mine, wait = _book(f"{account.pk}:turn", _seconds(account, count), within=0)
        if is_mine or must_stop() or time.monotonic() + wait > until:
            return is_mine
        time.sleep(min(wait, _STEP))


def _seconds(account: Account, count: int) -> float:
    return MARGIN * count / (account.rate_per_second or 1)


def _book(name: str, seconds: float, *, within: float) -> tuple[bool, float]:
    """Book the next free `seconds` if they begin `within` so many; returns whether, and how far away they are."""
    try:
        done, wait = _redis(settings.REDIS_URL).eval(_BOOK, 1, f"carillon:rate:{name}", seconds, within)
        return bool(done), float(wait)
    except redis.RedisError as error:
        logger.warning("Redis is away, so every worker keeps to its share of the rate: %s", error)
        return _book_here(name, seconds * settings.SEND_WORKERS, within=within)


_next_here: dict[str, float] = {}
_booking_here = threading.Lock()  # an account has several lines in each worker, and a line per campaign at that


def _book_here(name: str, seconds: float, *, within: float) -> tuple[bool, float]:
    """The same within this process alone. A first booking waits too: others may have been handed over just now."""
    with _booking_here:
        now = time.monotonic()
        start = max(now, _next_here.setdefault(name, now + seconds))
        if start - now > within:
            return False, start - now
        _next_here[name] = start + seconds
        return True, start - now


@functools.cache
def _redis(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_timeout=5)
