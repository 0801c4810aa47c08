"""Rate limits of the API, counted atomically in Redis so that a parallel burst cannot slip through."""

import time
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.cache import cache
from rest_framework import throttling
from rest_framework.request import Request

from team.models import ApiKey

if TYPE_CHECKING:  # the framework's views import this module while they load
    from rest_framework.views import APIView

WINDOW_SECONDS = 60


class PerKey(throttling.BaseThrottle):
    """At most API_RATE_PER_MINUTE requests per key, signed-in person or address in each clock minute."""

    def allow_request(self, request: Request, view: "APIView") -> bool:
        window = int(time.time()) // WINDOW_SECONDS
        name = f"throttle:{self._who(request)}:{window}"
        cache.add(name, 0, timeout=WINDOW_SECONDS * 2)
        return int(cache.incr(name)) <= settings.API_RATE_PER_MINUTE

    def wait(self) -> float:
        return WINDOW_SECONDS - time.time() % WINDOW_SECONDS

    def _who(self, request: Request) -> str:
        if isinstance(request.auth, ApiKey):
            return f"key:{request.auth.pk}"
        if request.user and request.user.is_authenticated:
            return f"user:{request.user.pk}"
        return f"address:{self.get_ident(request)}"
