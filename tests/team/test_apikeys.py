"""API keys: what lets a program in, and what doesn't."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connections
from django.test import override_settings
from django.urls import path
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIClient
from rest_framework.views import APIView

from core.api import PROBLEM
from team import apikeys
from team.models import ApiKey, User
from team.roles import PERMISSIONS


class Contacts(APIView):
    """A stand-in endpoint with scopes and permissions like any of ours."""

    scopes = {"read": "contacts:read", "write": "contacts:write"}
    permission_model = "contacts.contact"

    def get(self, request: Request) -> Response:
        return Response({"as": str(request.user)})

    def post(self, request: Request) -> Response:
        return Response({})


urlpatterns = [path("api/test", Contacts.as_view())]
pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


def call(key: str | None, method: str = "get") -> Any:
    client = APIClient()
    if key is not None:
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    return getattr(client, method)("/api/test")


def assert_problem(answer: Any, status: int) -> None:
    assert answer.status_code == status
    assert answer["Content-Type"] == PROBLEM
    assert answer.json()["status"] == status


@pytest.fixture
def key(editor: User) -> str:
    cache.clear()
    return apikeys.issue(editor, name="Web shop", scopes=["contacts:read"])[1]


def test_wrong_keys_are_counted_by_address_and_right_ones_come_in_all_the_same(key: str) -> None:
    for _ in range(apikeys.WRONG_KEYS.limit):
        assert_problem(call("car_0_guess"), 401)
    refused = call("car_0_guess")
    assert_problem(refused, 429)
    assert 0 < int(refused["Retry-After"]) <= apikeys.WRONG_KEYS.seconds
    assert call(key).status_code == 200
    elsewhere = APIClient(REMOTE_ADDR="203.0.113.10", HTTP_AUTHORIZATION="Bearer car_0_guess")
    assert elsewhere.get("/api/test").status_code == 401


def test_a_good_key_lets_in_as_its_owner_and_notes_its_use(key: str, editor: User) -> None:
    answer = call(key)
    assert answer.status_code == 200
    assert answer.json() == {"as": str(editor)}
    assert ApiKey.objects.get().last_used_at is not None


def test_only_a_hash_of_the_key_is_stored(key: str) -> None:
    row = ApiKey.objects.values().get()
    assert key not in str(row)
    assert key.split("_", 2)[2] not in str(row)


@pytest.mark.parametrize("spoil", ["", "car_", "car_x_y", "Bearer", "car_{prefix}_wrong", "{key}x", "{key_lower}"])
def test_a_wrong_key_is_refused(key: str, spoil: str) -> None:
    prefix = ApiKey.objects.get().prefix
    assert_problem(call(spoil.format(prefix=prefix, key=key, key_lower=key.lower())), 401)


def test_an_expired_key_is_refused(key: str) -> None:
    ApiKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert_problem(call(key), 401)


def test_a_revoked_key_is_refused(key: str) -> None:
    apikeys.revoke(ApiKey.objects.get())
    assert_problem(call(key), 401)


def test_a_key_ends_with_its_owner_leaving(key: str, editor: User) -> None:
    User.objects.filter(pk=editor.pk).update(is_active=False)
    assert_problem(call(key), 401)


def test_a_key_without_the_scope_is_refused_and_told_which_it_lacks(key: str) -> None:
    answer = call(key, "post")
    assert_problem(answer, 403)
    assert "contacts:write" in answer.json()["detail"]


def test_a_key_allows_nothing_that_its_owner_may_not(stranger: User) -> None:
    _row, key = apikeys.issue(stranger, name="x", scopes=["contacts:read"])
    answer = call(key)
    assert_problem(answer, 403)
    assert "contacts.view_contact" in answer.json()["detail"]


def test_no_key_at_all_is_refused_with_how_to_sign_in(key: str) -> None:
    answer = call(None)
    assert_problem(answer, 401)
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_unknown_scopes_are_not_issued(editor: User) -> None:
    with pytest.raises(ValueError, match="everything"):
        apikeys.issue(editor, name="x", scopes=["everything"])


def test_a_rotated_key_works_beside_the_old_one_for_a_day(key: str) -> None:
    _row, fresh = apikeys.rotate(ApiKey.objects.get())
    assert call(key).status_code == 200
    assert call(fresh).status_code == 200
    ApiKey.objects.exclude(expires_at=None).update(expires_at=timezone.now())
    assert_problem(call(key), 401)
    assert call(fresh).status_code == 200


def test_every_scope_is_explained() -> None:
    assert all(scope in label for scope, label in apikeys.scope_choices())


def test_roles_name_only_permissions_that_exist(db: None) -> None:
    everyone = User.objects.create_superuser("root")
    known = everyone.get_all_permissions()
    assert set().union(*map(set, PERMISSIONS.values())) <= known


@override_settings(API_RATE_PER_MINUTE=10)
@pytest.mark.django_db(transaction=True)
def test_a_parallel_burst_gets_no_more_than_the_limit(key: str) -> None:
    def shoot(_: int) -> int:
        try:
            return int(call(key).status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(shoot, range(40)))
    assert set(statuses) == {200, 429}
    assert statuses.count(200) <= 20  # twice the limit only if the clock minute turned meanwhile


@override_settings(API_RATE_PER_MINUTE=1)
def test_whoever_is_too_fast_is_told_how_long_to_wait(key: str) -> None:
    answers = [call(key) for _ in range(3)]
    assert_problem(answers[-1], 429)
    assert 0 < int(answers[-1]["Retry-After"]) <= 60
