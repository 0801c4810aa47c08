"""Who may do what over the API: every operation of the schema, by everyone who should not get in, on real objects."""

import re
from functools import cache as kept
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from contacts import suppression
from contacts.models import Contact, Suppression, Topic
from segments.models import Segment
from team import apikeys
from team.models import User
from team.roles import MARKETER
from tests.conftest import make_user
from tests.contacts.files import csv_bytes, uploaded
from tests.delivery.conftest import make_campaign

pytestmark = pytest.mark.django_db
READS = {"get"}
# What a POST only asks and doesn't keep: it needs the right to see, no more.
QUESTIONS = re.compile(r"/(preview|validate|explain|compare|check)/?$")


@kept
def operations() -> list[tuple[str, str]]:
    paths = dict(SchemaGenerator().get_schema(request=None, public=True))["paths"]
    return sorted((path, method) for path, item in paths.items() for method in item if path.startswith("/api/"))


@pytest.fixture
def objects(editor: User) -> dict[str, str]:
    """One of each thing that an address can name, made by somebody else than who asks."""
    cache.clear()
    ada = Contact.objects.create(email="ada@example.com")
    campaign = make_campaign(editor)
    topic = Topic.objects.create(key="news", name="News")
    segment = Segment.objects.create(name="Chosen", kind="static")
    template = campaign.variants.get().template
    job = uploaded(csv_bytes(["email"], ["a@example.com"]))
    barred = suppression.suppress("bob@example.com", reason=Suppression.Reason.COMPLAINT)
    return {
        "campaigns": campaign.uuid, "approvals": campaign.uuid, "contacts": ada.uuid, "topics": topic.uuid,
        "segments": segment.uuid, "templates": template.uuid, "imports": job.uuid, "users": ada.uuid,
        "notifications": segment.uuid, "suppressions": barred.pk,
    }  # fmt: skip


def addressed(path: str, objects: dict[str, Any]) -> str:
    """The path with a real object wherever it names one."""
    parts = path.split("/")
    for at, part in enumerate(parts):
        if part.startswith("{"):
            of = next((name for name in reversed(parts[:at]) if name in objects), "contacts")
            parts[at] = str(objects[of])
    return "/".join(parts)


def ask(client: Client, path: str, method: str) -> int:
    body: dict[str, Any] = {"data": "{}", "content_type": "application/json"} if method != "get" else {}
    return int(getattr(client, method)(path, **body).status_code)


def everything() -> dict[str, int | list[Any]]:
    models = [model for model in apps.get_models() if model._meta.label not in ("sessions.Session", "team.ApiKey")]
    return {model._meta.label: sorted(map(repr, model.objects.values())) for model in models}


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def with_key(user: User, *scopes: str) -> Client:
    return Client(headers={"Authorization": f"Bearer {apikeys.issue(user, name='p', scopes=list(scopes))[1]}"})


def test_there_are_operations_and_each_is_addressed(objects: dict[str, Any]) -> None:
    assert len(operations()) > 60
    assert all("{" not in addressed(path, objects) for path, _ in operations())


def outsiders(stranger: User, editor: User) -> dict[str, tuple[Client, set[int]]]:
    """Everybody who gets nowhere, and how they are told so."""
    customer = make_user("dee", MARKETER, staff=False)
    left = make_user("eve", MARKETER)
    left_client = with_key(left, *apikeys.SCOPES)
    User.objects.filter(pk=left.pk).update(is_active=False)
    return {
        "nobody": (Client(), {401}),
        "a wrong key": (Client(headers={"Authorization": "Bearer car_00000000_x"}), {401, 429}),
        "a stranger": (signed_in(stranger), {403}),
        "a stranger's key": (with_key(stranger, *apikeys.SCOPES), {403}),
        "a key without scopes": (with_key(editor), {403}),
        "somebody who is not of the team": (signed_in(customer), {401, 403}),
        "the key of somebody who left": (left_client, {401, 429}),
    }


@pytest.mark.parametrize("who", ["nobody", "a wrong key", "a stranger", "a stranger's key", "a key without scopes",
                                 "somebody who is not of the team", "the key of somebody who left"])  # fmt: skip
def test_outsiders_get_nothing_from_any_operation(
    who: str, objects: dict[str, Any], stranger: User, editor: User, settings: Any
) -> None:
    settings.API_RATE_PER_MINUTE = 10_000
    client, refusals = outsiders(stranger, editor)[who]
    before = everything()
    for path, method in operations():
        status = ask(client, addressed(path, objects), method)
        assert status in refusals, f"{who}: {method.upper()} {path} answered {status}"
    assert everything() == before


def test_a_key_that_may_only_read_changes_nothing(objects: dict[str, Any], settings: Any) -> None:
    settings.API_RATE_PER_MINUTE = 10_000
    admin = make_user("ann", None)
    admin.groups.set(Group.objects.all())
    client = with_key(admin, *(scope for scope in apikeys.SCOPES if scope.endswith(":read")))
    before = everything()
    for path, method in operations():
        if method not in READS and not QUESTIONS.search(path):
            assert ask(client, addressed(path, objects), method) in (403, 405), f"{method.upper()} {path}"
    assert everything() == before


def test_an_approver_changes_no_contact_segment_or_template(
    approver: User, objects: dict[str, Any], settings: Any
) -> None:
    settings.API_RATE_PER_MINUTE = 10_000
    client, before = signed_in(approver), everything()
    for path, method in operations():
        is_theirs = path.startswith(("/api/campaigns", "/api/approvals", "/api/campaign-templates"))
        if method not in READS and not is_theirs and not QUESTIONS.search(path):
            assert ask(client, addressed(path, objects), method) == 403, f"{method.upper()} {path}"
    assert everything() == before


@pytest.mark.parametrize("foreign", ["00000000-0000-4000-8000-000000000000", "1", "../../etc/passwd", "%00", "1'--"])
def test_what_is_not_there_is_not_found_whoever_asks(foreign: str, editor: User, settings: Any) -> None:
    settings.API_RATE_PER_MINUTE = 10_000
    cache.clear()
    client = signed_in(User.objects.create_superuser("root", "root@example.com", "root-secret-1"))
    for path, method in operations():
        if method == "get" and "{" in path:
            address = re.sub(r"\{[^}]+\}", foreign, path)
            assert ask(client, address, method) in (400, 404), f"{method.upper()} {address}"


@pytest.mark.parametrize("field", ["id", "uuid", "pk", "created_at", "erased_at", "merged_into", "is_superuser"])
def test_no_body_sets_what_is_not_offered(field: str, editor: User) -> None:
    cache.clear()
    ada = Contact.objects.create(email="ada@example.com")
    before = Contact.objects.values().get()
    answer = signed_in(editor).patch(f"/api/contacts/{ada.uuid}", {field: "1"}, content_type="application/json")
    assert answer.status_code == 400
    assert Contact.objects.values().get() == before
