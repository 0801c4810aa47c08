"""Somebody who is a script wherever they can be one, looked at on every page of the console in a real browser."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.cache import cache
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer

from campaigns.models import Comment
from contacts import consent, handing_over, preferences, suppression
from contacts.models import AttributeDefinition, Company, Contact, Employment, ImportJob, Topic
from delivery.models import Account, Message, SandboxMail
from events import ingest, overview
from events.tracking import live, sources
from segments.membership import refresh
from segments.models import Segment
from team import apikeys, notices
from team.models import User
from tests.contacts.files import checked, csv_bytes
from tests.delivery.conftest import make_campaign, plan

EVIL = "\"><img src=x onerror=window.hacked=1><script>window.hacked=1</script>'-window.hacked--{{7*7}}</script>"
LINK = "javascript:window.hacked=1//"
# Pages that answer with a file or a fragment, that need a question, or that end the session.
NOT_PAGES = ("logout", "jsi18n", "export", "proof", "held", "errors", "download", "autocomplete", "/r/", "body")
OPENED = (200, 302, 403, 404, 405)  # some belong to other states of the object that stands for all

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(900)]


@pytest.fixture
def hostile(transactional_db: None, editor: User, settings: Any, tmp_path: Any) -> dict[str, int]:
    """One of everything, called by a script; answers with the key of each by the model it is of."""
    settings.MEDIA_ROOT = tmp_path
    cache.clear()
    root = User.objects.create_superuser("root", "root@example.com", "root-secret-1", first_name=EVIL[:150])
    AttributeDefinition.objects.create(key="evil", label=EVIL[:120], description=EVIL)
    person = Contact.objects.create(
        email="script@example.com", external_id=EVIL, first_name=EVIL[:120], last_name=EVIL[:120], locale="de",
        attributes={"evil": EVIL, "link": LINK, "deep": {EVIL: [EVIL]}}, tags=[EVIL[:60]],
    )  # fmt: skip
    twin = Contact.objects.create(email="twin@example.com", first_name=EVIL[:120], last_name=EVIL[:120])
    Topic.objects.create(key="news", name=EVIL[:120], description=EVIL, wording=EVIL)
    consent.grant(person, source=EVIL, wording=EVIL)
    consent.grant(twin, source=EVIL)
    company = Company.objects.create(external_id=EVIL, name=EVIL, attributes={EVIL: EVIL})
    Employment.objects.create(contact=person, company=company)
    _is_segmented(person)
    _has_sent(person, editor)
    _has_come_in(person)
    suppression.suppress("gone@example.com", reason="manual", detail=EVIL)
    job = checked(
        csv_bytes(["email", EVIL, "first_name"], ["script@example.com", EVIL, EVIL], [EVIL, EVIL, EVIL]), EVIL
    )
    ImportJob.objects.filter(pk=job.pk).update(problem=EVIL)
    LogEntry.objects.log_actions(root.pk, [person], CHANGE, change_message=EVIL, single_object=True)
    notices.tell(EVIL, url=LINK)
    apikeys.issue(root, name=EVIL[:120], scopes=["contacts:read"])
    handing_over.note(person, by=root, form=EVIL)
    return {model._meta.label: _newest(model) for model in admin.site._registry}


def _newest(model: Any) -> int:
    return getattr(model.objects.order_by("pk").first(), "pk", 0)


def _is_segmented(person: Contact) -> None:
    rules = {"any": [{"field": "first_name", "operator": "equals", "value": EVIL[:120]},
                     {"field": "tag", "operator": "has", "value": EVIL[:60]}]}  # fmt: skip
    refresh(Segment.objects.create(name=EVIL[:120], description=EVIL, rules=rules))
    Segment.objects.create(name="Chosen", kind="static").memberships.create(contact=person)


def _has_sent(person: Contact, editor: User) -> None:
    campaign = make_campaign(editor, name=EVIL[:150])
    campaign.tags = [EVIL[:60]]
    campaign.save()
    Comment.objects.create(campaign=campaign, author=editor, body=EVIL)
    plan(campaign)
    Message.objects.update(state="failed", reason="rejected", detail=EVIL, data={"x": EVIL}, provider_id=EVIL[:200])
    Account.objects.create(name=EVIL[:120], provider="smtp", config={"host": EVIL}, failure=EVIL)
    raw = f"Subject: {EVIL}\r\nContent-Type: text/html\r\n\r\n<h1>{EVIL}</h1>\r\n".encode()
    SandboxMail.objects.create(sender=EVIL, recipient=EVIL, subject=EVIL, raw=raw)


def _has_come_in(person: Contact) -> None:
    ingest.record(EVIL[:120], contact_id=person.pk, properties={EVIL: EVIL, "url": LINK})
    source, _ = sources.add(name=EVIL[:120], kind="server", by=None)
    line = live.Line(at="2026-11-20T12:00:00", kind=EVIL, name=EVIL, who=EVIL, code="", why=EVIL, message=EVIL)
    live.note(source.pk, "x", [line, {**line, "code": EVIL}], {"taken": 1}, source.created_at)
    while overview.advance():
        pass


def pages(keys: dict[str, int]) -> Iterator[str]:
    """Every address of the console, from its table of addresses; where one names an object, one of its model."""
    for name, pattern in _named(get_resolver().url_patterns):
        converters = pattern.pattern.converters
        model = next((label for label in keys if name.startswith(f"admin:{label.lower().replace('.', '_')}_")), "")
        values = [_value(name, keys, model) for _ in converters]
        try:
            address = reverse(name, args=values)
        except NoReverseMatch:
            continue
        if address.startswith("/admin/") and not any(part in address for part in NOT_PAGES):
            yield address


def _named(patterns: list[Any], space: str = "") -> Iterator[tuple[str, URLPattern]]:
    for one in patterns:
        if isinstance(one, URLResolver):
            yield from _named(one.url_patterns, f"{one.namespace}:" if one.namespace else space)
        elif one.name:
            yield f"{space}{one.name}", one


def _value(name: str, keys: dict[str, int], model: str) -> Any:
    return keys.get(model) or keys["contacts.Contact"]


@pytest.fixture
def page(browser: Browser, live_server: LiveServer, hostile: dict[str, int]) -> Page:
    client = Client()
    client.force_login(User.objects.get(username="root"))
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    session = client.cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    opened = context.new_page()
    opened.route("**/x", lambda route: route.abort())  # the image that isn't there
    return opened


def test_no_page_of_the_console_runs_a_script_that_a_person_is_called(
    page: Page, live_server: LiveServer, hostile: dict[str, int]
) -> None:
    root = Client(raise_request_exception=False)
    root.force_login(User.objects.get(username="root"))
    statuses = {path: look_at(page, root, live_server.url, path) for path in sorted(set(pages(hostile)))}
    assert {path: found for path, found in statuses.items() if found not in OPENED} == {}
    assert list(statuses.values()).count(200) > 60


def look_at(page: Page, root: Client, server: str, path: str) -> object:
    """The status of the answer, or what is wrong with the page."""
    first = root.get(path)
    if first.status_code != 200 or "html" not in first["Content-Type"]:
        return first.status_code  # nothing that a browser would show as a page
    answer = page.goto(server + path, wait_until="load")
    if page.evaluate("window.hacked") is not None:
        return "ran a script out of data"
    if page.locator("a[href^='javascript:'], img[src='x'], [onerror]").count():
        return "has a person's markup"
    return answer.status if answer else "no answer"


def test_nor_do_the_public_pages(page: Page, live_server: LiveServer, hostile: dict[str, int]) -> None:
    person = Contact.objects.get(email="script@example.com")
    for path in ("", "/data"):
        page.goto(f"{live_server.url}/p/{preferences.token_of(person.pk)}{path}?lang={EVIL}&done={EVIL}")
        assert page.evaluate("window.hacked") is None
        assert page.locator("img[src='x'], [onerror]").count() == 0
