"""Whether this process is alive, and whether the installation as a whole is ready to take and do work."""

from collections.abc import Callable
from datetime import timedelta

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache

from delivery.models import WorkerBeat

# A worker that lives but no longer consumes looks healthy from outside; its last progress does not.
SILENCE = timedelta(seconds=60)


@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """Alive: asks nothing of anyone else, so that an unreachable database doesn't make a supervisor kill us."""
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """Ready: database, broker, and a tick that went from beat through the broker to a worker a short while ago."""
    checks = {name: check() for name, check in CHECKS.items()}
    is_ready = all(answer == "ok" for answer in checks.values())
    return JsonResponse({"ready": is_ready, "checks": checks, "progress": _progress()}, status=200 if is_ready else 503)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "does not answer"
    return "ok"


def _broker() -> str:
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2) as server:
            server.ping()
    except redis.RedisError:
        return "does not answer"
    return "ok"


def _workers() -> str:
    """Beat ticks the sweep every few seconds, the broker carries it, a worker runs it: it proves all three."""
    since = _progress().get("sweep")
    if since is None:
        return "no sweep has run yet"
    return "ok" if since < SILENCE.total_seconds() else f"the last sweep was {since:.0f} s ago"


def _progress() -> dict[str, float]:
    """Seconds since each kind of work last got on; empty if the database can't tell."""
    try:
        beats = list(WorkerBeat.objects.all())
    except DatabaseError:
        return {}
    now = timezone.now()
    return {beat.name: round((now - beat.at).total_seconds(), 1) for beat in beats}


CHECKS: dict[str, Callable[[], str]] = {"database": _database, "broker": _broker, "workers": _workers}
