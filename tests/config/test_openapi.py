"""The OpenAPI document says what really happens: errors of every endpoint, and the tracking API with its examples."""

import base64
from functools import cache
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator
from rest_framework.test import APIClient

from contacts.models import Topic
from core.api import PROBLEM
from events.models import Event
from events.tracking import openapi, sources
from events.tracking.reading import KINDS
from team import apikeys
from team.models import User


@cache
def document() -> dict[str, Any]:
    return dict(SchemaGenerator().get_schema(request=None, public=True))


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, one) for path, item in document()["paths"].items() for method, one in item.items()]


def errors_in(said: Any, schema: str) -> list[str]:
    whole = {"$ref": f"#/components/schemas/{schema}", "components": document()["components"]}
    return [error.message for error in Draft202012Validator(whole).iter_errors(said)]


@pytest.mark.django_db
def test_every_endpoint_says_what_it_answers_when_something_is_wrong() -> None:
    for path, method, operation in operations():
        if not path.startswith("/api/"):
            continue
        needed = {"401", "403", "429"} | ({"404"} if "{" in path else set())
        needed |= {"409"} if method != "get" else set()
        needed |= {"400"} if method in ("post", "put", "patch") else set()
        assert needed <= operation["responses"].keys(), (method, path)
        for status in needed:
            assert list(operation["responses"][status]["content"]) == [PROBLEM], (method, path, status)


@pytest.mark.django_db
def test_real_errors_are_those_that_the_document_describes(editor: User) -> None:
    _, key = apikeys.issue(editor, name="tests", scopes=["contacts:read", "contacts:write", "segments:write"])
    api, nobody = APIClient(), "00000000-0000-0000-0000-000000000000"
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    Topic.objects.create(key="news", name="News")
    for answer, status in (
        (api.post("/api/contacts", {"colour": "red"}), 400),
        (APIClient().get("/api/contacts"), 401),
        (api.get("/api/campaigns"), 403),
        (api.get(f"/api/contacts/{nobody}"), 404),
        (api.post("/api/segments/", {"name": "x", "rules": {"all": []}, "kind": "static"}), 400),
    ):
        assert (answer.status_code, answer["Content-Type"]) == (status, PROBLEM)
        assert errors_in(answer.json(), "Problem") == []
        assert answer.json()["status"] == status


@pytest.mark.django_db
def test_every_address_of_the_tracking_api_is_described_and_takes_its_example(client: Client) -> None:
    source, key = sources.add(name="Shop", by=None)
    basic = base64.b64encode(f"{key}:".encode()).decode()
    for name in (*KINDS, "batch", "import"):
        operation = document()["paths"][f"/v1/{name}"]["post"]
        body = operation["requestBody"]["content"]["application/json"]
        schema = body["schema"]["$ref"].rpartition("/")[2]
        assert errors_in(body["example"], schema) == [], name
        answer = client.post(
            f"/v1/{name}", body["example"], content_type="application/json",
            headers={"authorization": f"Basic {basic}", "x-strict-mode": "1"},
        )  # fmt: skip
        assert answer.status_code == 200, answer.content
        assert errors_in(answer.json(), "TrackingTaken") == []
        assert operation["security"] == [{openapi.SECURITY: []}]
    assert Event.objects.filter(source_id=source.pk).count() >= 3


@pytest.mark.django_db
def test_what_the_tracking_api_refuses_is_what_the_document_describes(client: Client) -> None:
    _, key = sources.add(name="Shop", by=None)
    for body, status in (
        ({"writeKey": "wk_no", "batch": []}, 401),
        ({"writeKey": key}, 400),
        ({"writeKey": key, "batch": [{"type": "track", "event": "x"}]}, 400),
    ):
        answer = client.post("/v1/batch", body, content_type="application/json", headers={"x-strict-mode": "1"})
        assert answer.status_code == status
        assert errors_in(answer.json(), "TrackingRefused") == []
    for kind, body in (("track", {"userId": "u"}), ("group", {"userId": "u"}), ("alias", {"userId": "u"})):
        answer = client.post(
            f"/v1/{kind}", body | {"writeKey": key}, content_type="application/json", headers={"x-strict-mode": "1"}
        )
        assert answer.status_code == 400
        assert errors_in(body, f"Tracking{kind.title()}") != [], "the document asks for it as well"


def test_the_document_has_the_versions_name() -> None:
    assert document()["openapi"].startswith(settings.SPECTACULAR_SETTINGS["OAS_VERSION"][:3])
