"""The visual builder in a real browser: rows and groups become rules, the size follows, problems stand at their row."""

import re
import shutil
from collections.abc import Iterator

import pytest
from django.db import connections
from django.test import Client
from playwright.sync_api import Browser, Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from segments.models import Segment
from team.models import User
from tests.segments.people import make_catalogue, person, rule

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # playwright's own loop runs in this thread
    expect.set_options(timeout=20_000)  # a busy machine takes its time over the first page
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield running
        running.close()
        # While playwright's loop runs in this thread, Django keeps the thread's connections apart from those outside of
        # it: pytest-django, which ends after the loop, doesn't see them, and they would hold the test database.
        connections.close_all()


@pytest.fixture
def people(transactional_db: None) -> None:
    make_catalogue()
    person("Ann", tags=["vip"], attributes={"channel": "Web", "history": 320.5})
    person("Bob", attributes={"channel": "Web", "history": 100})
    person("Cem", attributes={"channel": "Phone", "history": 999})


def signed_in(browser: Browser, server: LiveServer, user: User, **options: object) -> Page:
    client = Client()
    client.force_login(user)
    context = browser.new_context(**options)  # type: ignore[arg-type]
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": server.url}])
    return context.new_page()


def test_a_segment_is_built_without_typing_any_json(
    browser: Browser, live_server: LiveServer, editor: User, people: None
) -> None:
    page, errors = signed_in(browser, live_server, editor), []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{live_server.url}/admin/segments/segment/add/")
    size = page.locator("[data-size]")
    expect(size).to_contain_text("Everyone fits these rules.")
    page.fill("[name=name]", "Web shoppers over 200")
    page.get_by_role("button", name="Add rule").click()
    expect(size).to_contain_text("Fill in every value")
    page.get_by_label("Field").select_option("attribute:history")
    page.get_by_label("Comparison").select_option("greater_than")
    page.get_by_label("Value").fill("200")
    expect(size).to_contain_text("of 3 people, 67%")
    page.get_by_role("button", name="Add rule").click()
    second = page.locator(".sg-row").nth(1)
    second.get_by_label("Field").select_option("attribute:channel")
    second.get_by_label("Value").fill("Web")
    expect(second.locator("datalist option")).to_have_count(1)
    expect(size).to_contain_text("of 3 people, 33%")
    expect(size).to_contain_text("ann@example.com")
    page.get_by_role("button", name="Save segment").click()
    page.wait_for_url(re.compile("/change/$"))
    saved = Segment.objects.get()
    assert saved.size == 1
    assert saved.rules == {"all": [
        rule("attribute:history", "greater_than", 200), rule("attribute:channel", "equals", "Web"),
    ]}  # fmt: skip
    assert errors == []


def test_any_saved_tree_survives_the_builder_unchanged(
    browser: Browser, live_server: LiveServer, editor: User, people: None
) -> None:
    tree = {"any": [
        {"not": {"any": [rule("tag", "has_any", ["vip", "a, b"]), rule("email", "is_empty")]}},
        {"all": [rule("attribute:history", "between", [1, 2.5]), rule("has_email", "is", False)]},
        {"event": "purchase", "operator": "at_least", "times": 2, "within_days": 30,
         "where": [{"property": "amount", "operator": "greater_than", "type": "number", "value": 20}]},
        {"event": "view", "operator": "did_not", "between": ["2026-01-01", "2026-02-01"]},
    ]}  # fmt: skip
    made = Segment.objects.create(name="Mixed", rules=tree)
    page = signed_in(browser, live_server, editor)
    page.goto(f"{live_server.url}/admin/segments/segment/{made.pk}/edit/")
    expect(page.locator("[data-size-base]")).to_contain_text("of 3 people")
    page.locator(".sg-group.is-root > .c-actions").get_by_role("button", name="Add rule").click()
    page.locator(".sg-group.is-root > .sg-group__rows > .sg-row").last.get_by_label("Remove this rule").click()
    page.get_by_role("button", name="Save segment").click()
    page.wait_for_url(re.compile("/change/$"))
    made.refresh_from_db()
    assert made.rules == tree


def test_a_problem_is_shown_at_the_row_it_belongs_to(
    browser: Browser, live_server: LiveServer, editor: User, people: None
) -> None:
    made = Segment.objects.create(name="Ages", rules={"all": [
        rule("email", "is_filled"), {"any": [rule("attribute:history", "between", [1, 2])]},
    ]})  # fmt: skip
    page = signed_in(browser, live_server, editor)
    page.goto(f"{live_server.url}/admin/segments/segment/{made.pk}/edit/")
    page.get_by_label("From").fill("9")
    wrong = page.locator(".sg-row.has-error")
    expect(wrong).to_have_count(1)
    expect(wrong).to_contain_text("must not be greater than the second")
    page.get_by_label("To").fill("99999")
    expect(page.locator(".sg-row.has-error")).to_have_count(0)


def test_without_javascript_the_text_box_does_the_same(
    browser: Browser, live_server: LiveServer, editor: User, people: None
) -> None:
    page = signed_in(browser, live_server, editor, java_script_enabled=False)
    page.goto(f"{live_server.url}/admin/segments/segment/add/")
    page.fill("[name=name]", "VIPs")
    page.fill("[name=rules]", '{"field": "tag", "operator": "has", "value": "vip"}')
    page.get_by_role("button", name="Save segment").click()
    assert Segment.objects.get().size == 1
