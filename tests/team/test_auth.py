"""Signing in: by name or address, with an end to guessing."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.test import Client, override_settings

from team.models import User
from team.throttling import Attempts

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh_counters() -> None:
    cache.clear()


def sign_in(username: str, password: str, **extra: str) -> tuple[bool, str]:
    answer = Client().post("/admin/login/", {"username": username, "password": password}, **extra)
    return answer.status_code == 302, answer.content.decode()


@pytest.mark.parametrize("name", ["ada", "ada@example.com", "ADA@Example.com"])
def test_a_person_signs_in_by_name_or_address(editor: User, name: str) -> None:
    assert sign_in(name, "ada-secret-1")[0]


def test_an_inactive_person_does_not_sign_in(editor: User) -> None:
    User.objects.update(is_active=False)
    assert not sign_in("ada", "ada-secret-1")[0]


def test_guessing_ends_after_five_wrong_passwords_and_says_for_how_long(editor: User) -> None:
    for _ in range(5):
        assert "Too many attempts" not in sign_in("ada", "wrong")[1]
    signed_in, page = sign_in("ada", "ada-secret-1")
    assert not signed_in
    assert "Too many attempts. Try again in" in page


def test_a_colleague_at_another_address_is_not_locked_out(editor: User) -> None:
    for _ in range(6):
        sign_in("ada", "wrong", REMOTE_ADDR="203.0.113.9")
    assert sign_in("ada", "ada-secret-1", REMOTE_ADDR="203.0.113.10")[0]


def test_an_invented_forwarding_header_gives_no_more_guesses(editor: User) -> None:
    for number in range(6):
        sign_in("ada", "wrong", HTTP_X_FORWARDED_FOR=f"198.51.100.{number}")
    assert not sign_in("ada", "ada-secret-1")[0]


def test_a_right_password_starts_the_count_afresh(editor: User) -> None:
    for _ in range(4):
        sign_in("ada", "wrong")
    assert sign_in("ada", "ada-secret-1")[0]
    for _ in range(4):
        sign_in("ada", "wrong")
    assert sign_in("ada", "ada-secret-1")[0]


def test_an_email_address_is_one_person_s_however_it_is_written(editor: User) -> None:
    with pytest.raises(ValidationError, match="Another team member has this email address"):
        User(username="other", email="ADA@Example.com", password="x").full_clean()
    with pytest.raises(IntegrityError, match="team_user_email_once"):
        User.objects.create_user("other", "ADA@example.com")


def test_a_parallel_burst_gets_no_more_attempts_than_a_patient_one() -> None:
    attempts = Attempts("burst", limit=5, seconds=3600)
    with ThreadPoolExecutor(20) as pool:
        waits = list(pool.map(lambda _: attempts.take("someone"), range(100)))
    assert sum(wait == 0 for wait in waits) == 5


def test_without_the_counter_nobody_signs_in_and_is_told_why(editor: User) -> None:
    nowhere = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1/0"}
    with override_settings(CACHES={"default": nowhere}):
        signed_in, page = sign_in("ada", "ada-secret-1")
    assert not signed_in
    assert "Redis does not answer" in page
