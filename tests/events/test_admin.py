"""The console's pages of sources and events: who may do what there, and that what comes in is shown and not run."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from events import overview
from events.models import Source
from team.models import User
from team.roles import ADMINISTRATOR
from tests.conftest import make_user
from tests.events.conftest import Sender

pytestmark = pytest.mark.django_db


@pytest.fixture
def chief(client: Client) -> Client:
    """Dora runs the team and may add sources."""
    client.force_login(make_user("dora", ADMINISTRATOR))
    return client


def test_an_administrator_adds_a_source_and_sees_its_key_once(chief: Client, server: Sender) -> None:
    answer = chief.post(reverse("admin:events_source_add"), {"name": "App", "kind": "website", "description": ""})
    key = re.search(r"wk_[\w-]+", answer.content.decode())
    assert key is not None
    server.key = key[0]
    server.say("track", event="E", anonymousId="v")
    page = chief.get(reverse("admin:events_source_change", args=[Source.objects.get(name="App").pk])).content.decode()
    assert key[0] not in page


def test_two_sources_of_one_name_are_refused_in_words(chief: Client, server: Sender) -> None:
    answer = chief.post(reverse("admin:events_source_add"), {"name": "Shop", "kind": "server"})
    assert "already" in answer.content.decode()
    assert Source.objects.count() == 1


def test_a_key_is_revoked_and_a_source_switched_off_and_on(chief: Client, server: Sender) -> None:
    key = server.source.keys.get()
    switch = reverse("admin:events_source_switch", args=[server.source.pk])
    chief.post(switch)
    assert server.post("track", {"event": "E", "userId": "u"}).status_code == 401
    chief.post(switch, {"on": "1"})
    assert server.post("track", {"event": "E", "userId": "u"}).status_code == 200
    chief.post(reverse("admin:events_source_revoke", args=[server.source.pk, key.pk]))
    assert server.post("track", {"event": "E", "userId": "u"}).status_code == 401


@pytest.mark.parametrize("verb", ["issue", "switch"])
def test_looking_changes_nothing_and_a_marketer_may_only_look(
    client: Client, editor: User, server: Sender, verb: str
) -> None:
    client.force_login(editor)
    address = reverse(f"admin:events_source_{verb}", args=[server.source.pk])
    assert client.get(address).status_code == 405
    assert client.post(address).status_code == 403
    assert client.get(reverse("admin:events_source_edit", args=[server.source.pk])).status_code == 403
    assert client.get(reverse("admin:events_source_add")).status_code == 403
    assert client.get(reverse("admin:events_source_change", args=[server.source.pk])).status_code == 200


def test_a_stranger_sees_neither_sources_nor_events(client: Client, stranger: User, server: Sender) -> None:
    client.force_login(stranger)
    for name, pk in (("source_changelist", []), ("source_change", [1]), ("source_live", [server.source.pk])):
        assert client.get(reverse(f"admin:events_{name}", args=pk)).status_code in (302, 403)
    assert client.get(reverse("admin:events_eventname_changelist")).status_code == 403


def test_what_came_in_and_what_was_refused_are_shown_as_text(client: Client, editor: User, server: Sender) -> None:
    nasty = "<script>alert(1)</script>"
    server.batch({"type": "track", "event": nasty, "userId": nasty}, {"type": nasty, "userId": "u"})
    client.force_login(editor)
    for name in ("change", "live"):
        page = client.get(reverse(f"admin:events_source_{name}", args=[server.source.pk])).content.decode()
        assert "&lt;script&gt;alert(1)" in page
        assert nasty not in page
        assert "`type` must be one of" in page


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["Order Completed", "<b>/x?y#z_5f", "100%", "日本"])
def test_an_event_of_any_name_has_its_page(client: Client, editor: User, server: Sender, name: str) -> None:
    server.say("track", event=name, userId="u", properties={"total": 5, "<i>": "<i>"})
    overview.advance()
    client.force_login(editor)
    listed = client.get(reverse("admin:events_eventname_changelist")).content.decode()
    address = re.search(r'class="ev-name" href="([^"]+)"', listed)
    assert address is not None
    page = client.get(address[1])
    assert page.status_code == 200
    assert "<i>" not in page.content.decode()
    assert "total" in page.content.decode()
