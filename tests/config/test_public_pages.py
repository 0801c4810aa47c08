"""All pages behind signed links: looking changes nothing, and a token opens only what it was made for."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.core.cache import cache
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from contacts import consent, optin, preferences
from contacts.models import Confirmation, Contact, Preference, Topic
from core import tokens
from delivery import links
from delivery.models import Message
from team.models import User
from templates_app.models import Link
from tests.delivery.conftest import make_campaign, plan

pytestmark = pytest.mark.django_db
# Pages with a token, by their name, and what their tokens are made for.
PURPOSES = {
    "opened": links.OPEN, "clicked": links.CLICK, "unsubscribe": links.UNSUBSCRIBE, "confirm": optin.PURPOSE,
    "preferences": preferences.PURPOSE, "preferences-data": preferences.PURPOSE,
}  # fmt: skip
# What a look may leave behind: that there was one.
SIGNS = {"events.Event", "sessions.Session"}
SCANNER = "Mozilla/5.0 (compatible; Barracuda Sentinel)"


def token_pages(patterns: list[Any] | None = None) -> Iterator[URLPattern]:
    for one in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(one, URLResolver):
            # the console's own pages need somebody signed in as well
            yield from token_pages(one.url_patterns) if "admin" not in str(one.pattern) else ()
        elif "token" in one.pattern.converters:
            yield one


@pytest.fixture
def pages(editor: User) -> dict[str, str]:
    """The address of each page, with a token that is right for it."""
    cache.clear()
    Topic.objects.create(key="news", name="News", opt_in=Topic.OptIn.DOUBLE)
    person = Contact.objects.create(email="ada@example.com", external_id="a-1", first_name="Ada")
    consent.grant(person, source="Form")
    consent.opt_in(person, topic="news", source="Form")
    Preference.objects.create(contact=person)
    plan(make_campaign(editor))
    message, link = Message.objects.get(), Link.objects.filter(url__startswith="https").first()
    assert link is not None
    made = links.LinkMaker.make()
    return {
        "opened": made.pixel(message.pk).split('"')[1], "clicked": made.click(message.pk)(link, link.url),
        "unsubscribe": f"/u/{made.sign_unsubscribe(links.packed(message.pk))}",
        "confirm": optin.link(Confirmation.objects.get()), "preferences": preferences.link(person),
        "preferences-data": f"{preferences.link(person)}/data",
    }  # fmt: skip


def path_of(address: str) -> str:
    return "/" + address.split("/", 3)[3] if "://" in address else address


def everything() -> dict[str, list[Any]]:
    """Every row of every table but the signs of a look."""
    models = [model for model in apps.get_models(include_auto_created=True) if model._meta.label not in SIGNS]
    return {model._meta.label: sorted(map(repr, model.objects.values())) for model in models}


def test_every_page_with_a_token_is_looked_at_here() -> None:
    assert {one.name for one in token_pages()} == set(PURPOSES)


@pytest.mark.parametrize("name", PURPOSES)
def test_ten_looks_of_a_link_scanner_leave_the_state(pages: dict[str, str], name: str) -> None:
    before, scanner = everything(), Client(headers={"user-agent": SCANNER})
    for query in ("", "?action=leave&List-Unsubscribe=One-Click&confirm=1"):
        for _ in range(10):
            for look in (scanner.get, scanner.head):
                assert look(path_of(pages[name]) + query).status_code in (200, 302)
    assert everything() == before


@pytest.mark.parametrize("name", PURPOSES)
def test_other_methods_change_nothing_either(pages: dict[str, str], name: str) -> None:
    before, client = everything(), Client()
    for method in (client.put, client.patch, client.delete, client.options):
        assert method(path_of(pages[name])).status_code in (200, 302, 405)
    assert everything() == before


@pytest.mark.parametrize("name", PURPOSES)
def test_a_token_made_for_something_else_opens_nothing(pages: dict[str, str], name: str) -> None:
    own = path_of(pages[name]).split("/")[2].removesuffix(".gif")
    for purpose in {*PURPOSES.values(), "password-reset", ""} - {PURPOSES[name]}:
        foreign = tokens.sign(purpose, tokens.verify(PURPOSES[name], own))
        refuses(path_of(pages[name]).replace(own, foreign))


@pytest.mark.parametrize("name", PURPOSES)
def test_no_changed_letter_of_a_token_is_taken(pages: dict[str, str], name: str) -> None:
    path = path_of(pages[name])
    own = path.split("/")[2].removesuffix(".gif")
    for position in range(0, len(own), 5):
        other = "A" if own[position] != "A" else "B"
        changed = own[:position] + other + own[position + 1 :]
        refuses(path.replace(own, changed))
    for cut in (own[:-1], own[1:], own + "A", own[: len(own) // 2], "", own * 100):
        if cut:
            refuses(path.replace(own, cut))


def refuses(path: str) -> None:
    before = everything()
    for method in ("get", "post"):
        answer = getattr(Client(), method)(path, {"action": "leave"} if method == "post" else {})
        is_pixel = path.endswith(".gif") and answer.status_code == 200  # an image in a mail is never a broken one
        assert answer.status_code in (404, 405, 410) or is_pixel, path
        assert "Location" not in answer
    assert everything() == before


@pytest.mark.parametrize(
    "target", ["https://evil.example", "//evil.example", "javascript:alert(1)", "/\\evil.example", "%0d%0aLocation:x"]
)
def test_no_page_leads_where_its_address_says(pages: dict[str, str], target: str) -> None:
    for name, address in pages.items():
        for key in ("next", "url", "to", "redirect", "lang", "done"):
            answer = Client().get(path_of(address), {key: target})
            assert "evil" not in answer.get("Location", ""), name
            assert "javascript" not in answer.get("Location", ""), name
            assert "\n" not in str(answer.headers)
            if name not in ("opened", "clicked"):
                assert f'href="{target}' not in answer.content.decode()


def test_public_pages_may_run_no_script_and_are_kept_by_nobody(pages: dict[str, str]) -> None:
    for name, address in pages.items():
        answer = Client().get(path_of(address))
        if name not in ("opened", "clicked"):
            assert "unsafe" not in answer["Content-Security-Policy"].split("style-src")[0], name
            assert "no-store" in answer["Cache-Control"], name
