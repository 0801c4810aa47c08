"""Our own checks for `manage.py check --deploy`: what hurts in production and looks fine at home."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import redis
from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning

SHORTEST_SECRET = 40
LOCAL_NAMES = ("127.0.0.1", "localhost", "::1")


def secrets_are_strong(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Every secret is long, and the long-lived ones are not the session's."""
    found: list[CheckMessage] = []
    for name in ("TOKEN_KEYS", "FIELD_KEYS"):
        if any(len(key) < SHORTEST_SECRET or len(set(key)) < 10 for key in getattr(settings, name)):
            hint = 'Make one: python -c "import secrets; print(secrets.token_urlsafe(50))"'
            found.append(Error(f"{name} holds a weak key.", hint=hint, id="carillon.E001"))
        if settings.SECRET_KEY in getattr(settings, name):
            hint = f"Give {name} a key of its own, so that SECRET_KEY can be changed without losing what {name} guards."
            found.append(Warning(f"{name} shares its key with SECRET_KEY.", hint=hint, id="carillon.W001"))
    return found


def public_url_is_https(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Links in sent mail live for years, so their address must be right from the first one."""
    address = urlsplit(settings.PUBLIC_URL)
    if address.scheme != "https" or address.hostname in LOCAL_NAMES:
        hint = "Set PUBLIC_URL to the address that recipients reach, e.g. https://mail.example.com"
        return [Error(f"PUBLIC_URL is {settings.PUBLIC_URL}.", hint=hint, id="carillon.E002")]
    return []


def proxy_is_declared(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """The web process speaks plain HTTP, so with HTTPS there is a proxy, whose word on scheme and address counts."""
    if settings.HAS_HTTPS and not getattr(settings, "SECURE_PROXY_SSL_HEADER", None):
        hint = "Set BEHIND_PROXY=1, and have the proxy set X-Forwarded-Proto and append to X-Forwarded-For."
        return [Warning("HTTPS is on without a proxy: every request would redirect.", hint=hint, id="carillon.W002")]
    return []


def broker_keeps_everything(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **_: Any
) -> list[CheckMessage]:
    """A Redis that evicts keys when memory is short drops wake-ups, rate limits and sessions without a word.

    Like Django's own checks of databases it asks the server only when `--database` is given: settings can be checked
    where no server is within reach.
    """
    if not databases:
        return []
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=3) as server:
            policy = server.config_get("maxmemory-policy").get("maxmemory-policy")
    except redis.ResponseError:
        return []  # managed Redis forbids CONFIG: nothing can be said
    except redis.RedisError as error:
        return [Error(f"Redis does not answer: {error}", hint="See REDIS_URL.", id="carillon.E003")]
    if policy not in (None, "noeviction"):
        hint = "Set maxmemory-policy noeviction in Redis."
        return [Error(f"Redis may evict keys (maxmemory-policy {policy}).", hint=hint, id="carillon.E004")]
    return []
