"""Secrets at rest: in the database only as ciphertext, and readable after a key was rotated."""

import pytest
from django.db import connection
from django.test import override_settings

from delivery.models import Account

pytestmark = pytest.mark.django_db
CANARY = "canary-password-7f3a"


@pytest.fixture
def account() -> Account:
    return Account.objects.create(name="Relay", provider="smtp", config={"password": CANARY, "port": 587})


def stored() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT config FROM delivery_account")
        return str(cursor.fetchone()[0])


def test_the_database_never_sees_the_secret(account: Account) -> None:
    assert CANARY not in stored()
    assert Account.objects.get().config == {"password": CANARY, "port": 587}


def test_two_writes_of_one_secret_look_different(account: Account) -> None:
    before = stored()
    account.save()
    assert stored() != before


def test_rotated_keys_read_the_old_and_write_the_new(account: Account, settings: object) -> None:
    (old,) = settings.FIELD_KEYS  # type: ignore[attr-defined]
    with override_settings(FIELD_KEYS=["a new key", old]):
        Account.objects.get().save()
    with override_settings(FIELD_KEYS=["a new key"]):
        assert Account.objects.get().config["password"] == CANARY


def test_a_key_removed_too_early_is_named_as_the_cause(account: Account) -> None:
    with override_settings(FIELD_KEYS=["another key"]), pytest.raises(ValueError, match="removed too early"):
        Account.objects.get()
