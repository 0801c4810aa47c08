"""The console's pages of accounts and the ledger: secrets stay secret, and settling asks for the right."""

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from delivery.models import Account, Message
from team.models import User
from tests.campaigns.test_console import signed_in
from tests.conftest import make_user
from tests.delivery.conftest import Provider, make_account, make_campaign, make_people, plan

SECRET = "s3cret-of-the-relay"
ADD, ALL = reverse("admin:delivery_account_add"), reverse("admin:delivery_account_changelist")


@pytest.fixture
def administrator(db: None) -> Client:
    return signed_in(make_user("dan", "Administrator"))


def posted(**changes: object) -> dict[str, object]:
    values: dict[str, object] = {
        "name": "Relay", "provider": "smtp", "max_connections": "2", "rate_per_second": "",
        "config_host": "smtp.example.com", "config_port": "587", "config_security": "starttls",
        "config_username": "news", "config_password": SECRET,
    }  # fmt: skip
    return values | changes


def change(account: Account) -> str:
    return reverse("admin:delivery_account_change", args=[account.pk])


@pytest.fixture
def account(administrator: Client) -> Account:
    assert administrator.post(ADD, posted()).status_code == 302
    return Account.objects.get()


def test_an_account_is_kept_with_its_settings_and_its_secret(account: Account) -> None:
    assert account.channel == "email"
    assert account.config == {
        "host": "smtp.example.com", "port": 587, "security": "starttls", "username": "news", "password": SECRET,
    }  # fmt: skip


def test_a_secret_is_never_shown_again_and_stays_when_its_field_is_left_empty(
    account: Account, administrator: Client
) -> None:
    text = administrator.get(change(account)).content.decode()
    assert SECRET not in text
    assert "Stored. Leave empty to keep it." in text
    administrator.post(change(account), posted(config_password="", max_connections="4", name="Renamed"))
    account.refresh_from_db()
    assert (account.name, account.max_connections, account.config["password"]) == ("Renamed", 4, SECRET)


def test_a_secret_is_replaced_by_a_new_one(account: Account, administrator: Client) -> None:
    administrator.post(change(account), posted(config_password="another"))
    account.refresh_from_db()
    assert account.config["password"] == "another"


@pytest.mark.parametrize(
    "elsewhere",
    [{"config_host": "evil.example"}, {"config_security": "none"}, {"config_port": "2525"}, {"config_username": "me"}],
)
def test_a_stored_secret_goes_nowhere_it_was_not_given_for(
    account: Account, administrator: Client, elsewhere: dict[str, object]
) -> None:
    answer = administrator.post(change(account), posted(config_password="", **elsewhere))
    assert answer.status_code == 200
    assert "again" in str(answer.context["adminform"].form.errors["config_password"])
    account.refresh_from_db()
    assert account.config["host"] == "smtp.example.com"
    assert administrator.post(change(account), posted(**elsewhere)).status_code == 302


def test_a_secret_is_not_kept_for_a_provider_that_has_none(account: Account, administrator: Client) -> None:
    administrator.post(change(account), posted(provider="sandbox", config_password=""))
    account.refresh_from_db()
    assert account.config == {}


def test_secrets_are_encrypted_where_they_are_stored(account: Account) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT config::text FROM delivery_account")
        assert SECRET not in cursor.fetchone()[0]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"config_host": ""}, "config_host"),
        ({"config_port": "0"}, "config_port"),
        ({"config_port": "x"}, "config_port"),
        ({"config_security": "magic"}, "config_security"),
        ({"provider": "pigeon"}, "provider"),
        ({"name": ""}, "name"),
        ({"max_connections": "-1"}, "max_connections"),
    ],
)
def test_a_form_with_errors_says_where(administrator: Client, changes: dict[str, object], field: str) -> None:
    answer = administrator.post(ADD, posted(**changes))
    assert answer.status_code == 200
    assert field in answer.context["adminform"].form.errors
    assert not Account.objects.exists()


def test_a_new_default_replaces_the_old_one(account: Account, administrator: Client) -> None:
    administrator.post(change(account), posted(is_default="on", config_password=""))
    assert administrator.post(ADD, posted(name="Second", is_default="on")).status_code == 302
    assert list(Account.objects.filter(is_default=True).values_list("name", flat=True)) == ["Second"]


def test_trying_the_connection_is_a_deed_and_so_no_get(administrator: Client, provider: Provider, editor: User) -> None:
    account = make_account(provider)
    address = reverse("admin:delivery_account_try", args=[account.pk])
    assert administrator.get(address).status_code == 405
    assert "answers and lets us in" in administrator.post(address, follow=True).content.decode()
    assert "Try the connection" in administrator.get(change(account)).content.decode()
    provider.stop()
    assert "reached" in administrator.post(address, follow=True).content.decode()
    assert signed_in(editor).post(address).status_code == 403
    assert administrator.post(reverse("admin:delivery_account_try", args=[account.pk + 1])).status_code == 404


def test_only_administrators_change_accounts(account: Account, editor: User, stranger: User) -> None:
    text = signed_in(editor).get(change(account)).content.decode()
    assert SECRET not in text
    assert "Try the connection" not in text
    assert signed_in(editor).post(change(account), posted(name="Mine")).status_code == 403
    assert signed_in(editor).get(ADD).status_code == 403
    assert signed_in(stranger).get(ALL).status_code == 403
    account.refresh_from_db()
    assert account.name == "Relay"


def test_an_account_that_is_refused_shows_it_in_the_list_with_what_was_said(
    account: Account, administrator: Client
) -> None:
    assert "Working" in administrator.get(ALL).content.decode()
    Account.objects.update(failing_since="2026-01-01T00:00Z", failure="550 blocked")
    assert "Refused" in administrator.get(ALL).content.decode()
    assert "550 blocked" in administrator.get(change(account)).content.decode()


# --- the ledger


LEDGER = reverse("admin:delivery_message_changelist")


@pytest.fixture
def unknown(editor: User) -> list[Message]:
    make_people(3)
    plan(make_campaign(editor))
    ids = list(Message.objects.order_by("pk").values_list("pk", flat=True)[:2])
    Message.objects.filter(pk__in=ids).update(state="unknown", reason="no_answer")
    return list(Message.objects.filter(pk__in=ids))


def settle(client: Client, verb: str, rows: list[Message]) -> str:
    body = {"action": verb, "_selected_action": [row.pk for row in rows]}
    return client.post(LEDGER, body, follow=True).content.decode()


@pytest.mark.parametrize(
    ("verb", "state"), [("settle_as_sent", "sent"), ("settle_as_failed", "failed"), ("send_again", "planned")]
)
def test_an_administrator_settles_what_is_unknown(
    administrator: Client, unknown: list[Message], verb: str, state: str
) -> None:
    assert "2 settled." in settle(administrator, verb, unknown)
    assert set(Message.objects.filter(reason="settled").values_list("state", flat=True)) == {state}


def test_a_row_that_is_not_unknown_is_refused_with_a_reason(administrator: Client, unknown: list[Message]) -> None:
    text = settle(administrator, "settle_as_sent", list(Message.objects.all()))
    assert "Only rows in the state" in text
    assert Message.objects.filter(state="unknown").count() == 2


def test_others_look_and_settle_nothing(editor: User, stranger: User, unknown: list[Message]) -> None:
    text = signed_in(editor).get(LEDGER).content.decode()
    assert "settle_as_sent" not in text
    settle(signed_in(editor), "settle_as_sent", unknown)
    assert Message.objects.filter(state="unknown").count() == 2
    assert signed_in(stranger).get(LEDGER).status_code == 403


def test_nothing_of_the_ledger_is_added_changed_or_deleted_by_hand(
    administrator: Client, unknown: list[Message]
) -> None:
    one = reverse("admin:delivery_message_change", args=[unknown[0].pk])
    assert administrator.get(one).status_code == 200
    administrator.post(one, {"state": "sent", "detail": "Mine"})
    unknown[0].refresh_from_db()
    assert (unknown[0].state, unknown[0].detail) == ("unknown", "")
    assert administrator.get(reverse("admin:delivery_message_add")).status_code == 403
    assert administrator.post(reverse("admin:delivery_message_delete", args=[unknown[0].pk])).status_code == 403


@pytest.mark.parametrize("words", ["person0@example.com", "nobody@example.com", "9" * 40, "%"])
def test_the_ledger_is_searched_by_person(editor: User, unknown: list[Message], words: str) -> None:
    answer = signed_in(editor).get(LEDGER, {"q": words}, follow=True)
    assert answer.status_code == 200
    assert answer.context["cl"].result_count == (1 if words == "person0@example.com" else 0)
