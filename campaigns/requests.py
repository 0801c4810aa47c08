"""Reading a request of the API: its checked body, who sent it, what they may, and whom it names."""

from typing import Any

from rest_framework import exceptions
from rest_framework.request import Request

from team.apikeys import need_scope
from team.models import User


def valid(shape: Any, request: Request) -> dict[str, Any]:
    """The body as `shape` has it; a 400 naming the fields otherwise."""
    asked = shape(data=request.data)
    asked.is_valid(raise_exception=True)
    return dict(asked.validated_data)


def user_of(request: Request) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - the permission let nobody else through
    return request.user


def need_contacts(request: Request) -> None:
    """What tells of single contacts, whatever its own scope is, needs the right to see them."""
    need_scope(request, "contacts:read")
    if not user_of(request).has_perm("contacts.view_contact"):
        raise exceptions.PermissionDenied("Your role does not let you see contacts.")
