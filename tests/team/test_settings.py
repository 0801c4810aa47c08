"""Your settings: everybody sets their own name and zone there, and nothing else."""

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from team.models import User

pytestmark = pytest.mark.django_db
PAGE = "/admin/team/user/settings/"


@pytest.fixture
def console(stranger: User) -> Client:
    client = Client()
    client.force_login(stranger)
    return client


def mine(**changes: object) -> dict[str, object]:
    return {"first_name": "Cyd", "last_name": "Charles", "time_zone": "Asia/Tokyo"} | changes


def test_anybody_sets_their_own_name_and_zone_whatever_their_roles(console: Client, stranger: User) -> None:
    answer = console.post(PAGE, mine(), follow=True)
    assert "Your settings are saved." in answer.content.decode()
    stranger.refresh_from_db()
    assert (stranger.get_full_name(), stranger.time_zone) == ("Cyd Charles", "Asia/Tokyo")
    assert 'data-admin-utc-offset="32400"' in answer.content.decode()  # and times are shown in it from now on
    assert LogEntry.objects.filter(user=stranger, object_id=str(stranger.pk)).exists()


@pytest.mark.parametrize("field", ["is_superuser", "is_staff", "is_active", "groups", "email", "username", "password"])
def test_nobody_posts_more_about_themselves_than_the_form_shows(
    console: Client, stranger: User, editor: User, field: str
) -> None:
    before = User.objects.values(field).get(pk=stranger.pk)
    role = editor.groups.get().pk
    console.post(PAGE, mine(**{field: role if field == "groups" else "1"}, pk=editor.pk, id=editor.pk))
    assert User.objects.values(field).get(pk=stranger.pk) == before
    editor.refresh_from_db()
    assert editor.first_name == ""


def test_a_zone_that_does_not_exist_is_refused_and_nothing_is_changed(console: Client, stranger: User) -> None:
    answer = console.post(PAGE, mine(time_zone="Moon/Tranquility"))
    assert answer.status_code == 200
    assert "Select a valid choice" in answer.content.decode()
    stranger.refresh_from_db()
    assert (stranger.first_name, stranger.time_zone) == ("", "UTC")


def test_the_page_is_offered_in_everybody_s_menu_and_leads_to_the_password(console: Client) -> None:
    assert f'href="{PAGE}"' in console.get("/admin/").content.decode()
    assert 'href="/admin/password_change/"' in console.get(PAGE).content.decode()


def test_who_has_not_signed_in_is_asked_to(client: Client) -> None:
    assert client.get(PAGE)["Location"].startswith("/admin/login/")
