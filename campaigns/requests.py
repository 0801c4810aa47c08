"""Reading a request of the API: its checked body, who sent it, what they may, and whom it names."""

from typing import Any
from uuid import UUID

from django.db.models import Q
from rest_framework import exceptions
from rest_framework.request import Request

from contacts.models import Contact
from team.models import ApiKey, User


def valid(shape: Any, request: Request) -> dict[str, Any]:
    """The body as `shape` has it; a 400 naming the fields otherwise."""
    asked = shape(data=request.data)
    asked.is_valid(raise_exception=True)
    return dict(asked.validated_data)


def user_of(request: Request) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - the permission let nobody else through
    return request.user


def need_scope(request: Request, scope: str) -> None:
    """For what a body may ask for beyond its endpoint's own scope."""
    if isinstance(request.auth, ApiKey) and scope not in request.auth.scopes:
        raise exceptions.PermissionDenied(f"This key lacks the scope {scope}.")


def need_contacts(request: Request) -> None:
    """A preview prints what is known of a contact, so it needs the right to see contacts."""
    need_scope(request, "contacts:read")
    if not user_of(request).has_perm("contacts.view_contact"):
        raise exceptions.PermissionDenied("Your role does not let you see contacts.")


def contact_named(key: str) -> Contact | None:
    """Whoever has this id or email and is not erased."""
    return Contact.objects.reachable().filter(_is(key)).first()


def _is(key: str) -> Q:
    try:
        return Q(uuid=UUID(key))
    except ValueError:
        return Q(email=key.strip().lower())
