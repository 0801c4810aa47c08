"""What holds for the site as a whole: security headers, error pages, the schema and its page, deployment checks."""

from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.core.management import call_command
from django.http import HttpResponse
from django.test import Client, RequestFactory, override_settings

from config import checks, errors
from config.middleware import ClientAddress
from team.models import User


def script_sources(answer: Any) -> str:
    policy = answer["Content-Security-Policy"]
    return next(part for part in policy.split("; ") if part.startswith("script-src"))


@pytest.mark.django_db
def test_only_the_console_may_evaluate_scripts_and_nothing_runs_inline(client: Client) -> None:
    assert script_sources(client.get("/admin/login/")) == "script-src 'self' 'unsafe-eval'"
    for path in ("/api/docs", "/nothing-here"):
        assert script_sources(client.get(path)) == "script-src 'self'"


@pytest.mark.django_db
def test_a_missing_page_says_so_in_our_look(client: Client) -> None:
    answer = client.get("/nothing-here")
    assert answer.status_code == 404
    assert b"There is nothing here." in answer.content


@pytest.mark.django_db
def test_a_missing_address_of_the_api_is_a_problem_document(client: Client) -> None:
    answer = client.get("/api/nothing-here")
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "not_found"


def test_an_error_of_ours_needs_no_database(rf: RequestFactory) -> None:
    answer = errors.server_error(rf.get("/somewhere"))
    assert answer.status_code == 500
    assert b"Something broke on our side." in answer.content


@pytest.mark.django_db
def test_a_post_without_its_token_is_refused_kindly(editor: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(editor)
    answer = client.post("/admin/logout/")
    assert answer.status_code == 403
    assert b"open for too long" in answer.content


@pytest.mark.django_db
def test_the_schema_and_its_page_are_served(client: Client) -> None:
    assert client.get("/api/schema").status_code == 200
    page = client.get("/api/docs").content.decode()
    assert "//cdn" not in page
    assert "drf_spectacular_sidecar" in page


@pytest.mark.django_db
def test_times_are_shown_in_the_zone_of_whoever_looks(editor: User, client: Client) -> None:
    User.objects.update(time_zone="Asia/Tokyo")
    client.force_login(editor)
    assert 'data-admin-utc-offset="32400"' in client.get("/admin/").content.decode()


@pytest.mark.django_db
def test_models_and_migrations_agree() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


@pytest.mark.parametrize(
    ("forwarded", "seen"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("10.0.0.1, 203.0.113.7", "203.0.113.7"),  # the first is what the client claimed
        ("2001:db8::1", "2001:db8::1"),
        ("203.0.113.7, not-an-address", "127.0.0.1"),
        ("", "127.0.0.1"),
    ],
)
def test_behind_a_proxy_the_address_is_the_one_it_appended(rf: RequestFactory, forwarded: str, seen: str) -> None:
    request = rf.get("/", headers={"X-Forwarded-For": forwarded})
    with override_settings(IS_BEHIND_PROXY=True):
        ClientAddress(lambda request: HttpResponse())(request)
    assert request.META["REMOTE_ADDR"] == seen


def test_without_a_proxy_nobody_claims_an_address() -> None:
    with override_settings(IS_BEHIND_PROXY=False), pytest.raises(MiddlewareNotUsed):
        ClientAddress(lambda request: HttpResponse())


def ids(found: list[Any]) -> list[str]:
    return [message.id for message in found]


@override_settings(SECRET_KEY="s" * 50, TOKEN_KEYS=["s" * 50], FIELD_KEYS=["short"])
def test_weak_and_shared_keys_are_found() -> None:
    assert ids(checks.secrets_are_strong(None)) == ["carillon.E001", "carillon.W001", "carillon.E001"]


@pytest.mark.parametrize("url", ["http://mail.example.com", "https://localhost", "http://127.0.0.1:8000"])
def test_links_that_recipients_cannot_reach_are_found(url: str) -> None:
    with override_settings(PUBLIC_URL=url):
        assert ids(checks.public_url_is_https(None)) == ["carillon.E002"]


def test_a_broker_that_forgets_is_found() -> None:
    assert checks.broker_keeps_everything(None, databases=["default"]) == []
    with override_settings(REDIS_URL="redis://127.0.0.1:1/0"):
        assert ids(checks.broker_keeps_everything(None, databases=["default"])) == ["carillon.E003"]
        assert checks.broker_keeps_everything(None) == []  # no server is asked unless --database says so


def test_static_files_of_ours_are_where_templates_look_for_them() -> None:
    for name in ("carillon/console.css", "carillon/error.css", "carillon/bell.svg"):
        assert (settings.BASE_DIR / "config" / "static" / name).exists()
