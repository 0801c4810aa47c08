"""Signing in: with the user name or the email address, whichever a person remembers."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from team.models import User


class EmailOrUsername(ModelBackend):
    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **_: Any
    ) -> User | None:
        if not username or password is None:
            return None
        user = User.objects.filter(username=username).first() or User.objects.filter(email__iexact=username).first()
        if user is None:
            User().set_password(password)  # as slow as a wrong password, so that names can't be told apart by time
            return None
        return user if user.check_password(password) and self.user_can_authenticate(user) else None
