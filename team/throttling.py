"""Rate limits, counted atomically in Redis so that a parallel burst cannot slip through."""

import hashlib
import logging
import time
from typing import TYPE_CHECKING

import redis
from django.conf import settings
from django.core.cache import cache
from rest_framework import throttling
from rest_framework.request import Request

from team.models import ApiKey

if TYPE_CHECKING:  # the framework's views import this module while they load
    from rest_framework.views import APIView

logger = logging.getLogger(__name__)
WINDOW_SECONDS = 60


class PerKey(throttling.BaseThrottle):
    """At most API_RATE_PER_MINUTE requests per key, signed-in person or address in each clock minute."""

    def allow_request(self, request: Request, view: "APIView") -> bool:
        window = int(time.time()) // WINDOW_SECONDS
        try:
            count = _count(f"throttle:{self._who(request)}:{window}", seconds=WINDOW_SECONDS * 2)
        except redis.RedisError:
            logger.warning("Redis does not answer: requests are not limited meanwhile")
            return True  # every request is authenticated all the same, and programs should not stop with a counter
        return count <= settings.API_RATE_PER_MINUTE

    def wait(self) -> float:
        return WINDOW_SECONDS - time.time() % WINDOW_SECONDS

    def _who(self, request: Request) -> str:
        if isinstance(request.auth, ApiKey):
            return f"key:{request.auth.pk}"
        if request.user and request.user.is_authenticated:
            return f"user:{request.user.pk}"
        return f"address:{self.get_ident(request)}"


class Attempts:
    """So many attempts at something by one party in each window of time."""

    def __init__(self, what: str, *, limit: int, seconds: int) -> None:
        self.what, self.limit, self.seconds = what, limit, seconds

    def take(self, who: str) -> int:
        """Count one attempt; the seconds to wait if there are none left, else 0. Raises redis.RedisError."""
        count = _count(self._key(who), seconds=self.seconds * 2)
        return self.seconds - int(time.time()) % self.seconds if count > self.limit else 0

    def forget(self, who: str) -> None:
        cache.delete(self._key(who))

    def _key(self, who: str) -> str:
        digest = hashlib.sha256(who.encode()).hexdigest()[:32]  # of any length and with any characters
        return f"attempts:{self.what}:{digest}:{int(time.time()) // self.seconds}"


def _count(key: str, *, seconds: int) -> int:
    """One more at `key`; INCR alone is atomic, and ADD before it only sets when the key vanishes."""
    cache.add(key, 0, timeout=seconds)
    return int(cache.incr(key))
