"""Signing in: with the user name or the email address, whichever a person remembers, and not by trying passwords."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from rest_framework.throttling import BaseThrottle
from unfold.forms import AuthenticationForm

from team.models import User
from team.throttling import Attempts

# Per name and address, so that nobody can lock a colleague out from elsewhere; and per address, for lists of names.
ATTEMPTS_PER_NAME = Attempts("login-name", limit=5, seconds=300)
ATTEMPTS_PER_ADDRESS = Attempts("login-address", limit=50, seconds=300)


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


class LoginForm(AuthenticationForm):
    """The console's login form; too many wrong passwords make one wait, and the message says how long."""

    def clean(self) -> dict[str, Any]:
        assert self.request is not None  # noqa: S101
        address = BaseThrottle().get_ident(self.request)
        name = str(self.cleaned_data.get("username", "")).lower()
        # Counted before the password is looked at: a parallel burst gets no more guesses than a patient one.
        wait = max(ATTEMPTS_PER_NAME.take(f"{name} {address}"), ATTEMPTS_PER_ADDRESS.take(address))
        if wait:
            minutes = -(-wait // 60)
            raise ValidationError(
                f"Too many attempts. Try again in {minutes} minute{'s' if minutes > 1 else ''}.",
                code="too_many_attempts",
            )
        cleaned: dict[str, Any] = super().clean()
        ATTEMPTS_PER_NAME.forget(f"{name} {address}")
        return cleaned
