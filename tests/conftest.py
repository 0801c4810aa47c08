"""Three people whom most tests need: an editor, an approver and a stranger; and the roles they hold."""

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import Group
from django.test import override_settings

from team.models import User
from team.roles import APPROVER, MARKETER


@pytest.fixture(scope="session", autouse=True)
def _quick_passwords() -> Iterator[None]:
    """A password hash is slow on purpose; here it is only in the way."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


def make_user(name: str, role: str | None, *, staff: bool = True) -> User:
    user = User.objects.create_user(name, f"{name}@example.com", f"{name}-secret-1", is_staff=staff)
    if role:
        user.groups.add(Group.objects.get(name=role))
    return user


@pytest.fixture
def editor(db: None) -> User:
    """Ada plans campaigns."""
    return make_user("ada", MARKETER)


@pytest.fixture
def approver(db: None) -> User:
    """Ben approves them."""
    return make_user("ben", APPROVER)


@pytest.fixture
def stranger(db: None) -> User:
    """Cyd can sign in and may do nothing."""
    return make_user("cyd", None)
