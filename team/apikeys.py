"""API keys: issued once, stored as a hash, limited by scopes; and the console's session as another way in.

A key looks like `car_<prefix>_<secret>` and is sent as `Authorization: Bearer <key>`.
"""

import hashlib
import hmac
import logging
import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

import redis
from django.db import transaction
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import authentication, exceptions, permissions
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from core.errors import Refused
from team.models import ApiKey, User
from team.throttling import Attempts

if TYPE_CHECKING:  # the framework's views import this module while they load
    from rest_framework.views import APIView

SCOPES = {
    "contacts:read": "See contacts, their timeline and consent",
    "contacts:write": "Create, change, import and erase contacts; record consent",
    "segments:read": "See segments and their members",
    "segments:write": "Create and change segments",
    "templates:read": "See templates",
    "templates:write": "Create, change and publish templates",
    "campaigns:read": "See campaigns and their figures",
    "campaigns:write": "Create and change campaigns, ask for approval",
    "campaigns:approve": "Approve and reject campaigns",
    "campaigns:launch": "Schedule, launch, pause, resume and cancel campaigns",
}


ROTATION_GRACE = timedelta(days=1)
# Nobody guesses 256 bits, but whoever tries, or goes on with a revoked key, need not be looked up for ever. Right keys
# come in all the same: behind one address there may be many programs.
WRONG_KEYS = Attempts("wrong-key", limit=30, seconds=300)
logger = logging.getLogger(__name__)


def scope_choices() -> list[tuple[str, str]]:
    return [(scope, f"{scope}: {what}") for scope, what in SCOPES.items()]


def issue(owner: User, *, name: str, scopes: list[str], expires_at: datetime | None = None) -> tuple[ApiKey, str]:
    """Make a key; returns its row and the key itself, which nobody can read again."""
    unknown = set(scopes) - SCOPES.keys()
    if unknown:
        raise ValueError(f"Unknown scopes: {', '.join(sorted(unknown))}")
    prefix, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
    key = f"car_{prefix}_{secret}"
    row = ApiKey.objects.create(
        owner=owner, name=name, scopes=sorted(scopes), expires_at=expires_at, prefix=prefix, key_hash=_hash(key)
    )
    return row, key


def revoke(key: ApiKey) -> bool:
    """End a key at once; False if it had been revoked before."""
    return bool(ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now()))


def rotate(key: ApiKey) -> tuple[ApiKey, str]:
    """A new key with the same name, scopes and expiry; the old one ends in a day, so that a program can be switched."""
    now = timezone.now()
    if not key.is_usable:
        raise Refused("key_not_usable", "This key has expired or was revoked. Make a new one instead.")
    with transaction.atomic():
        fresh = issue(key.owner, name=key.name, scopes=key.scopes, expires_at=key.expires_at)
        ends_at = min(key.expires_at or now + ROTATION_GRACE, now + ROTATION_GRACE)
        ApiKey.objects.filter(pk=key.pk).update(expires_at=ends_at)
    return fresh


def _hash(key: str) -> str:
    # A key carries 256 bits of randomness, so a fast hash is enough: there is nothing to guess.
    return hashlib.sha256(key.encode()).hexdigest()


class ApiKeyAuthentication(authentication.BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        parts = key.strip().split("_", 2)
        row = None
        if len(parts) == 3 and parts[0] == "car":
            row = ApiKey.objects.select_related("owner").filter(prefix=parts[1]).first()
        if row is None or not hmac.compare_digest(row.key_hash, _hash(key.strip())) or not row.is_usable:
            raise _refusal(request)
        now = timezone.now()
        if row.last_used_at is None or row.last_used_at < now - timedelta(minutes=1):
            ApiKey.objects.filter(pk=row.pk).update(last_used_at=now)  # at most one write a minute a key
        return row.owner, row

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def _refusal(request: Request) -> exceptions.APIException:
    """What a wrong key gets: 401, and 429 once too many came from the same address."""
    try:
        wait = WRONG_KEYS.take(BaseThrottle().get_ident(request))
    except redis.RedisError:
        logger.warning("Redis does not answer: wrong keys are not limited meanwhile")
        wait = 0
    if wait:
        return exceptions.Throttled(wait, detail="Too many requests with wrong API keys came from this address.")
    return exceptions.AuthenticationFailed("This API key is unknown, expired or revoked.")


class ConsoleAuthentication(authentication.SessionAuthentication):
    """The signed-in console, with CSRF protection."""


class HasScope(permissions.BasePermission):
    """A view names its scopes in `scopes = {"read": ..., "write": ...}`, and an action may override with `scope=`.

    A key needs the scope, and its owner the console's permission besides, of the view's `permission_model` or as the
    action says with `permission=`: a key never allows what its owner could not do in the console.
    """

    verbs: ClassVar[dict[str, str]] = {"create": "add", "destroy": "delete"}  # other writing actions change

    def has_permission(self, request: Request, view: "APIView") -> bool:
        user = request.user
        if not (user and user.is_authenticated and user.is_staff):
            return False
        is_read = request.method in permissions.SAFE_METHODS
        scope = getattr(view, "scope", None) or getattr(view, "scopes", {}).get("read" if is_read else "write")
        need_scope(request, scope)
        required = self._required(view, is_read)
        if not user.has_perms(required):
            raise exceptions.PermissionDenied(f"Your role lacks: {', '.join(required)}.")
        return True

    @classmethod
    def _required(cls, view: "APIView", is_read: bool) -> list[str]:
        explicit: Any = getattr(view, "permission", None)
        if explicit:
            return [explicit]
        model = getattr(view, "permission_model", None)
        if not model:
            return []
        app, name = model.split(".")
        verb = "view" if is_read else cls.verbs.get(getattr(view, "action", ""), "change")
        return [f"{app}.{verb}_{name}"]


def need_scope(request: Request, scope: str | None) -> None:
    """For what a body may ask for beyond its endpoint's own scope, too."""
    if isinstance(request.auth, ApiKey) and scope not in request.auth.scopes:
        raise exceptions.PermissionDenied(f"This key lacks the scope {scope}.")


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "team.apikeys.ApiKeyAuthentication"
    name = "ApiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "An API key, made in the console under Team."}


class ConsoleScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "team.apikeys.ConsoleAuthentication"
    name = "Console"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": "sessionid", "description": "The signed-in console."}
