"""The team's pages: nobody can be raised above whoever does it, and a key is seen once."""

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.contrib.sessions.models import Session
from django.test import Client

from team import apikeys, notices
from team.models import ApiKey, User
from team.roles import ADMINISTRATOR, APPROVER, MARKETER
from tests.conftest import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def administrator(db: None) -> User:
    return make_user("dora", ADMINISTRATOR)


@pytest.fixture
def root(db: None) -> User:
    return User.objects.create_superuser("root", "root@example.com", "root-secret-1")


@pytest.fixture
def console(administrator: User) -> Client:
    client = Client()
    client.force_login(administrator)
    return client


def fields_of(user: User, **changes: object) -> dict[str, object]:
    return {
        "username": user.username,
        "email": user.email,
        "first_name": "",
        "last_name": "",
        "time_zone": "Europe/Berlin",
        "groups": [group.pk for group in user.groups.all()],
        "is_active": "on",
    } | changes


def test_an_administrator_gives_roles_and_a_time_zone(console: Client, editor: User) -> None:
    role = Group.objects.get(name=APPROVER)
    answer = console.post(f"/admin/team/user/{editor.pk}/change/", fields_of(editor, groups=[role.pk]))
    assert answer.status_code == 302
    editor.refresh_from_db()
    assert [group.name for group in editor.groups.all()] == [APPROVER]
    assert editor.time_zone == "Europe/Berlin"


@pytest.mark.parametrize("field", ["is_superuser", "user_permissions", "is_staff"])
def test_an_administrator_cannot_post_privileges_that_the_form_does_not_show(
    console: Client, editor: User, field: str
) -> None:
    console.post(f"/admin/team/user/{editor.pk}/change/", fields_of(editor, **{field: ["1"]}))
    editor.refresh_from_db()
    assert not editor.is_superuser
    assert not editor.user_permissions.exists()


def test_an_administrator_cannot_raise_themselves(console: Client, administrator: User) -> None:
    console.post(f"/admin/team/user/{administrator.pk}/change/", fields_of(administrator, is_superuser="on"))
    administrator.refresh_from_db()
    assert not administrator.is_superuser


def test_an_administrator_can_neither_edit_a_superuser_nor_set_their_password(console: Client, root: User) -> None:
    before = root.password
    assert console.post(f"/admin/team/user/{root.pk}/change/", fields_of(root, is_active="")).status_code == 403
    passwords = {"password1": "new-secret-123", "password2": "new-secret-123"}
    assert console.post(f"/admin/team/user/{root.pk}/password/", passwords).status_code == 403
    root.refresh_from_db()
    assert root.is_active
    assert root.password == before


def test_a_new_team_member_can_sign_in_and_has_the_roles_given(console: Client) -> None:
    role = Group.objects.get(name=MARKETER)
    answer = console.post(
        "/admin/team/user/add/",
        {
            "username": "nia",
            "email": "nia@example.com",
            "time_zone": "UTC",
            "groups": [role.pk],
            "password1": "quiet-river-1947",
            "password2": "quiet-river-1947",
            "is_superuser": "on",
        },
    )
    assert answer.status_code == 302
    nia = User.objects.get(username="nia")
    assert nia.is_staff
    assert not nia.is_superuser
    assert nia.has_perm("campaigns.submit_campaign")


def test_people_are_made_inactive_and_never_deleted(console: Client, editor: User) -> None:
    assert console.post(f"/admin/team/user/{editor.pk}/delete/", {"post": "yes"}).status_code == 403
    assert User.objects.filter(pk=editor.pk).exists()


@pytest.mark.parametrize("page", ["user/", "user/add/", "apikey/", "apikey/add/"])
def test_a_marketer_sees_none_of_it(editor: User, page: str) -> None:
    client = Client()
    client.force_login(editor)
    assert client.get(f"/admin/team/{page}").status_code == 403


def make_key(console: Client, **changes: object) -> tuple[str, bytes]:
    answer = console.post("/admin/team/apikey/add/", {"name": "Web shop", "scopes": ["contacts:read"]} | changes)
    found = re.search(rb'value="(car_[^"]+)"', answer.content)
    assert found, answer.content[-2000:]
    return found[1].decode(), answer.content


def test_a_key_is_shown_once_and_kept_nowhere(
    console: Client, administrator: User, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    key, _ = make_key(console)
    row = ApiKey.objects.get()
    secret = key.split("_", 2)[2]
    assert row.owner == administrator
    assert secret not in str(ApiKey.objects.values().get())
    assert secret not in str(list(LogEntry.objects.values()))
    assert secret not in caplog.text
    assert not any(secret in str(session.get_decoded()) for session in Session.objects.all())
    for page in ("", f"{row.pk}/change/", f"{row.pk}/history/"):
        assert secret not in console.get(f"/admin/team/apikey/{page}").content.decode()


def test_the_page_with_the_key_is_not_kept_by_browsers(console: Client) -> None:
    answer = console.post("/admin/team/apikey/add/", {"name": "Web shop", "scopes": ["contacts:read"]})
    assert "no-store" in answer["Cache-Control"]


def test_a_key_acts_as_whoever_made_it_whatever_was_posted(console: Client, administrator: User, root: User) -> None:
    make_key(console, owner=str(root.pk))
    assert ApiKey.objects.get().owner == administrator


@pytest.mark.parametrize(
    "changes", [{"scopes": []}, {"scopes": ["everything"]}, {"name": ""}, {"expires_at": "2001-01-01"}]
)
def test_a_wrong_form_makes_no_key(console: Client, changes: dict[str, object]) -> None:
    answer = console.post("/admin/team/apikey/add/", {"name": "x", "scopes": ["contacts:read"]} | changes)
    assert answer.status_code == 200
    assert not ApiKey.objects.exists()


def test_rotating_gives_a_new_key_and_lets_the_old_one_end_in_a_day(console: Client) -> None:
    make_key(console)
    old = ApiKey.objects.get()
    answer = console.post(f"/admin/team/apikey/{old.pk}/rotate/")
    assert b"car_" in answer.content
    old.refresh_from_db()
    assert old.expires_at is not None
    assert old.is_usable
    assert ApiKey.objects.exclude(pk=old.pk).get().scopes == old.scopes


def test_a_revoked_key_cannot_be_rotated(console: Client) -> None:
    make_key(console)
    key = ApiKey.objects.get()
    console.post(f"/admin/team/apikey/{key.pk}/revoke/")
    console.post(f"/admin/team/apikey/{key.pk}/rotate/")
    assert ApiKey.objects.count() == 1


def test_nobody_rotates_the_key_of_another(console: Client, root: User) -> None:
    key, _secret = apikeys.issue(root, name="theirs", scopes=["contacts:read"])
    assert console.post(f"/admin/team/apikey/{key.pk}/rotate/").status_code == 403


@pytest.mark.parametrize("verb", ["revoke", "rotate"])
def test_looking_at_an_address_changes_no_key(console: Client, verb: str) -> None:
    make_key(console)
    key = ApiKey.objects.get()
    assert console.get(f"/admin/team/apikey/{key.pk}/{verb}/").status_code == 405
    assert ApiKey.objects.get().is_usable


def test_people_see_their_own_notices_and_those_for_everyone(editor: User, approver: User) -> None:
    notices.tell("for all")
    notices.tell("for Ada", user=editor)
    notices.tell("for Ben", user=approver)
    client = Client()
    client.force_login(editor)
    page = client.get("/admin/team/notice/").content.decode()
    assert "for all" in page
    assert "for Ada" in page
    assert "for Ben" not in page
