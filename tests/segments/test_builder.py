"""The visual builder in a real browser: rows and groups become rules, the size follows, problems stand at their row."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client
from playwright.sync_api import Browser, Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from segments.models import Segment
from team.models import User
from tests.chromium import CHROMIUM, MISSING, chromium
from tests.segments.people import did, make_catalogue, person, rule

EMAIL, VIP = rule("email", "is_filled"), rule("tag", "has", "vip")
AXE_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(CHROMIUM is None, reason=MISSING),
]


@pytest.fixture
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def people(transactional_db: None) -> None:
    make_catalogue()
    ann = person("Ann", tags=["vip"], attributes={"channel": "Web", "history": 320.5})
    person("Bob", attributes={"channel": "Web", "history": 100})
    person("Cem", attributes={"channel": "Phone", "history": 999})
    did(ann, "purchase", datetime.now(UTC) - timedelta(days=2), amount=60, colour="red")


def signed_in(browser: Browser, server: LiveServer, user: User, **options: object) -> Page:
    client = Client()
    client.force_login(user)
    context = browser.new_context(**options)  # type: ignore[arg-type]
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": server.url}])
    return context.new_page()


def opened(browser: Browser, server: LiveServer, user: User, tree: Any) -> Page:
    """The builder on a saved segment that has these rules, once it has counted."""
    made = Segment.objects.create(name="Drawn", rules=tree)
    tall = {"width": 1280, "height": 1400}  # so that dragging scrolls nothing
    page = signed_in(browser, server, user, viewport=tall)
    page.goto(f"{server.url}/admin/segments/segment/{made.pk}/edit/")
    expect(page.locator("[data-size]")).to_contain_text("of 3 people")
    return page


def save(page: Page) -> Any:
    """The rules that the server has after the form was sent."""
    page.get_by_role("button", name="Save segment").click()
    page.wait_for_url(re.compile("/change/$"))
    return Segment.objects.get().rules


def pick(row: Locator, label: str, typed: str) -> None:
    """Search in a box with a list, and take the first that is found."""
    row.get_by_role("combobox", name=label).click()
    row.get_by_role("combobox", name=label).fill(typed)
    row.get_by_role("option", name=typed).first.click()


def drag(page: Page, what: Locator, to: Locator) -> None:
    """As a hand does it: take hold, see that it moves, see where it would go, let go."""
    what.scroll_into_view_if_needed()
    start = what.bounding_box()
    assert start
    page.mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
    page.mouse.down()
    page.mouse.move(start["x"] + 30, start["y"] + 30, steps=4)
    expect(page.locator(".sg-dragged")).to_be_visible()
    end = to.bounding_box()
    assert end
    page.mouse.move(end["x"] + 40, end["y"] + end["height"] / 2, steps=8)
    expect(to).to_have_class(re.compile("is-over"))
    page.mouse.up()
    expect(page.locator(".sg-dragged")).to_have_count(0)


def test_a_segment_is_built_by_mouse_and_opens_again_as_it_was(
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
    rows = page.locator(".sg-row")
    pick(rows.nth(0), "Field", "history")
    expect(size).to_contain_text("One rule still needs a value.")
    rows.nth(0).get_by_label("Comparison").select_option("greater_than")
    rows.nth(0).get_by_label("Value").fill("200")
    expect(size).to_contain_text("of 3 people, 67%")
    page.get_by_role("button", name="Add group").click()
    group = page.get_by_role("group", name="Group of rules")
    group.get_by_label("Whether they fit the rules or not").select_option("not")
    pick(rows.nth(1), "Field", "channel")
    pick(rows.nth(1), "Value", "Phone")
    expect(size).to_contain_text("of 3 people, 33%")
    expect(size).to_contain_text("ann@example.com")
    assert save(page) == {"all": [
        rule("attribute:history", "greater_than", 200),
        {"not": {"any": [rule("attribute:channel", "equals", "Phone")]}},
    ]}  # fmt: skip
    assert Segment.objects.get().size == 1
    page.get_by_role("link", name="Change rules").click()
    expect(page.locator(".sg-row").nth(1).get_by_label("Value")).to_have_value("Phone")
    assert save(page) == Segment.objects.get().rules
    assert errors == []


def test_a_segment_is_built_by_keyboard_alone(
    browser: Browser, live_server: LiveServer, editor: User, people: None
) -> None:
    page = signed_in(browser, live_server, editor)
    page.goto(f"{live_server.url}/admin/segments/segment/add/")
    page.fill("[name=name]", "By keys")
    page.get_by_role("button", name="Add rule").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("combobox", name="Field")).to_be_focused()
    for key in ("t", "a", "g", "Enter", "Tab", "Tab", "v", "i", "p"):
        page.keyboard.press(key)
    page.get_by_role("button", name="Add rule").focus()
    page.keyboard.press("Enter")
    page.keyboard.type("last name")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("is empty")
    up = page.get_by_role("button", name="Move this rule up").last
    up.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Move this rule up").first).to_be_focused()
    expect(page.locator("[data-size]")).to_contain_text("of 3 people, 33%")
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Save segment").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/change/$"))
    assert Segment.objects.get().rules == {"all": [rule("last_name", "is_empty"), VIP]}


def test_rules_and_groups_are_dragged_to_another_place(
    browser: Browser, live_server: LiveServer, editor: User, people: None
) -> None:
    history = rule("attribute:history", "greater_than", 1)
    page = opened(browser, live_server, editor, {"all": [EMAIL, {"any": [VIP]}, history]})
    handles = page.locator(".sg-row .sg-handle")
    drag(page, handles.nth(0), page.locator(".sg-row").nth(1))  # below the rule inside of the group
    expect(page.get_by_role("group", name="Group of rules").locator(".sg-row")).to_have_count(2)
    drag(page, page.locator(".sg-group__head .sg-handle"), page.locator(".sg-row").nth(2))  # the group below the last
    expect(page.locator("[data-size]")).to_contain_text("Everyone fits these rules.")
    assert save(page) == {"all": [history, {"any": [VIP, EMAIL]}]}


def test_buttons_move_a_rule_out_of_its_group_copy_it_and_remove_it(
    browser: Browser, live_server: LiveServer, editor: User, people: None
) -> None:
    page = opened(browser, live_server, editor, {"all": [{"any": [EMAIL, VIP]}]})
    row = page.locator(".sg-row").first
    row.get_by_role("button", name="Move this rule up").click()
    row.get_by_role("button", name="Copy this rule").click()
    expect(page.locator(".sg-row")).to_have_count(3)
    page.locator(".sg-row").nth(2).get_by_role("button", name="Remove this rule").click()
    expect(page.locator(".sg-row")).to_have_count(2)
    assert save(page) == {"all": [EMAIL, EMAIL, {"any": []}]}


def test_any_saved_tree_survives_the_builder_unchanged(
    browser: Browser, live_server: LiveServer, editor: User, people: None
) -> None:
    tree = {"any": [
        {"not": {"any": [rule("tag", "has_any", ["vip", "a, b"]), rule("email", "is_empty")]}},
        {"not": {"not": VIP}},
        {"all": [rule("attribute:history", "between", [1, 2.5]), rule("has_email", "is", False)]},
        rule("random_sample:winter", "percent", 5),
        {"event": "purchase", "operator": "at_least", "times": 2, "within_days": 30, "before_days": 7,
         "where": [{"property": "amount", "operator": "greater_than", "type": "number", "value": 20}]},
        {"event": "purchase", "operator": "sum", "property": "amount", "is": "at_least", "value": 9, "within_hours": 5},
        {"event": "message.opened", "operator": "did", "of_last": 5},
        {"event": "purchase", "operator": "last_time", "is": "in_last_days", "value": 9},
        {"event": "view", "operator": "did_not", "between": ["2026-01-01", "2026-02-01"]},
    ]}  # fmt: skip
    page = opened(browser, live_server, editor, tree)
    page.get_by_role("button", name="Add rule").last.click()
    page.locator(".sg-row").last.get_by_label("Remove this rule").click()
    assert save(page) == tree


@pytest.mark.parametrize("tree", [VIP, {"not": VIP}, {"not": {"all": [EMAIL, VIP]}}, {"any": []}])
def test_a_tree_without_a_group_of_its_own_stays_without_one(
    browser: Browser, live_server: LiveServer, editor: User, people: None, tree: Any
) -> None:
    assert save(opened(browser, live_server, editor, tree)) == tree


def test_what_people_did_is_asked_with_events_and_properties_of_the_log(
    browser: Browser, live_server: LiveServer, editor: User, people: None
) -> None:
    page = opened(browser, live_server, editor, {"all": []})
    page.get_by_role("button", name="Add what they did").click()
    row = page.locator(".sg-row")
    pick(row, "Event", "purchase")
    row.get_by_label("When").select_option("days")
    row.get_by_role("button", name="Only where a property").click()
    where = row.get_by_role("group", name="Condition on a property")
    pick(where, "Property", "colour")
    pick(where, "Value", "red")
    expect(page.locator("[data-size]")).to_contain_text("of 3 people, 33%")
    page.get_by_text("In words").click()
    expect(page.locator("[data-size] .sg-words")).to_contain_text("in the last 30 days where colour is “red”")
    assert save(page) == {"all": [{
        "event": "purchase", "operator": "did", "within_days": 30,
        "where": [{"property": "colour", "operator": "equals", "type": "text", "value": "red"}],
    }]}  # fmt: skip


def test_a_problem_is_shown_at_the_row_it_belongs_to(
    browser: Browser, live_server: LiveServer, editor: User, people: None
) -> None:
    page = opened(
        browser, live_server, editor, {"all": [EMAIL, {"any": [rule("attribute:history", "between", [1, 2])]}]}
    )
    page.get_by_role("spinbutton", name="From").fill("9")
    wrong = page.locator(".sg-row.has-error")
    expect(wrong).to_have_count(1)
    expect(wrong).to_contain_text("must not be greater than the second")
    page.get_by_role("spinbutton", name="To").fill("99999")
    expect(page.locator(".sg-row.has-error")).to_have_count(0)


def test_an_older_answer_never_replaces_a_newer_one(
    browser: Browser, live_server: LiveServer, editor: User, people: None
) -> None:
    page = opened(browser, live_server, editor, {"all": [rule("attribute:history", "greater_than", 500)]})
    page.evaluate("""() => {
        const real = window.fetch;
        window.aborted = 0;
        window.fetch = async (url, options) => {
            if (!String(options?.body).includes("200")) return real(url, options);
            options.signal.addEventListener("abort", () => { window.aborted += 1; });
            const answer = await real(url, {...options, signal: undefined});
            await new Promise((done) => setTimeout(done, 1500));
            return answer;
        };
    }""")
    page.get_by_label("Value").fill("200")
    page.wait_for_timeout(600)
    page.get_by_label("Value").fill("1000")
    expect(page.locator("[data-size]")).to_contain_text("Nobody fits these rules.")
    page.wait_for_timeout(1500)
    expect(page.locator("[data-size]")).to_contain_text("Nobody fits these rules.")
    assert page.evaluate("window.aborted") == 1


def test_pasted_rules_replace_those_that_are_there(
    browser: Browser, live_server: LiveServer, editor: User, people: None
) -> None:
    page = opened(browser, live_server, editor, {"all": [EMAIL]})
    page.locator("[data-builder]").get_by_text("Rules as text").click()
    page.get_by_label("Copy these rules").fill('{"any": [')
    page.get_by_role("button", name="Use this text").click()
    expect(page.get_by_role("alert")).to_contain_text("not valid JSON")
    page.get_by_label("Copy these rules").fill('{"any": [{"field": "tag", "operator": "has", "value": "vip"}]}')
    page.get_by_role("button", name="Use this text").click()
    expect(page.locator(".sg-row").get_by_label("Field")).to_have_value("Tags")
    assert save(page) == {"any": [VIP]}


def test_a_query_in_mongos_form_can_be_pasted(
    browser: Browser, live_server: LiveServer, editor: User, people: None
) -> None:
    page = opened(browser, live_server, editor, {"all": []})
    page.locator("[data-builder]").get_by_text("Rules as text").click()
    page.get_by_label("Copy these rules").fill('{"AND": [{"history": {"$gt": 200}}, {"channel": "Web"}]}')
    page.get_by_role("button", name="Use this text").click()
    expect(page.locator("[data-size]")).to_contain_text("of 3 people, 33%")
    history, channel = rule("attribute:history", "greater_than", 200), rule("attribute:channel", "equals", "Web")
    assert save(page) == {"all": [history, channel]}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_no_fault_with_the_builder_and_it_fits_the_window(
    browser: Browser, live_server: LiveServer, editor: User, people: None, width: int, scheme: str
) -> None:
    made = Segment.objects.create(name="Drawn", rules={"any": [
        {"not": {"all": [rule("tag", "has_any", ["vip", "shop"]), rule("email", "matches", "^a")]}},
        {"event": "message.opened", "operator": "at_least", "times": 2, "within_days": 9, "of_last": 5,
         "where": [{"property": "amount", "operator": "between", "type": "number", "value": [1, 2]}]},
    ]})  # fmt: skip
    window = {"width": width, "height": 1000}
    page = signed_in(browser, live_server, editor, viewport=window, color_scheme=scheme)
    page.goto(f"{live_server.url}/admin/segments/segment/{made.pk}/edit/")
    expect(page.locator("[data-size]")).to_contain_text("of 3 people")
    page.get_by_role("combobox", name="Field").first.click()
    expect(page.get_by_role("listbox", name="Choices")).to_be_visible()
    found = Axe().run(page, context="[data-segment-form]", options=AXE_RULES).response
    assert {one["id"]: [node["html"] for node in one["nodes"]] for one in found["violations"]} == {}
    assert len(found["passes"]) > 15
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_without_javascript_the_text_box_does_the_same(
    browser: Browser, live_server: LiveServer, editor: User, people: None
) -> None:
    page = signed_in(browser, live_server, editor, java_script_enabled=False)
    page.goto(f"{live_server.url}/admin/segments/segment/add/")
    page.fill("[name=name]", "VIPs")
    page.fill("[name=rules]", '{"field": "tag", "operator": "has", "value": "vip"}')
    page.get_by_role("button", name="Save segment").click()
    assert Segment.objects.get().size == 1
