"""Signing in: with the user name or the email address, whichever a person remembers, and not by trying passwords."""

from typing import Any

import redis
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
        who = f"{str(self.cleaned_data.get('username', '')).lower()} {address}"
        # Counted before the password is looked at: a parallel burst gets no more guesses than a patient one.
        if wait := _wait(who, address):
            minutes = -(-wait // 60)
            plural = "s" if minutes > 1 else ""
            raise ValidationError(f"Too many attempts. Try again in {minutes} minute{plural}.", code="too_many")
        cleaned: dict[str, Any] = super().clean()
        ATTEMPTS_PER_NAME.forget(who)
        return cleaned


def _wait(who: str, address: str) -> int:
    """Without the counter nobody gets in: that would be the moment for guessing."""
    try:
        return max(ATTEMPTS_PER_NAME.take(who), ATTEMPTS_PER_ADDRESS.take(address))
    except redis.RedisError as error:
        message = "Nobody can sign in just now, because Redis does not answer. Whoever is signed in stays so."
        raise ValidationError(message, code="unavailable") from error
