"""Every page that people can reach by links: it opens, fits a phone, complains of nothing and runs nobody's script."""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PHONE, WIDE, Console, Person

SCRIPT = '"><img src=x onerror="window.hacked=1"><script>window.hacked=1</script>{{ contact.email }}'
# Leaving, downloads, and addresses that only answer scripts.
NOT_PAGES = re.compile(
    r"logout|\.csv|\.xlsx|/export|download|errors/|\?.*=|password_change|jsi18n|/body/|/held/|/api/docs|/data/"
)
MOST = 70

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def console(start_console: Callable[..., Console]) -> Console:
    return start_console()


def kind(path: str) -> str:
    """Pages that differ only in which object they show: two of each are enough."""
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d+", "*", path)


def links_of(page: Page) -> list[str]:
    found = page.locator("a[href]").evaluate_all("all => all.map(one => one.href)")
    here = urlsplit(page.url).netloc
    parts = [urlsplit(address) for address in found]
    return [part.path for part in parts if part.netloc == here and part.path.startswith("/admin/")]


def crawl(person: Person) -> list[str]:
    """Follow links from the home page, at most two pages of each kind; returns the paths seen."""
    waiting, seen, kinds = ["/admin/"], [], dict[str, int]()
    while waiting and len(seen) < MOST:
        path = waiting.pop(0)
        if path in seen or kinds.get(kind(path), 0) >= 2 or NOT_PAGES.search(path):
            continue
        kinds[kind(path)] = kinds.get(kind(path), 0) + 1
        look_at(person, path)
        seen.append(path)
        waiting += links_of(person.page)
    return seen


def look_at(person: Person, path: str) -> None:
    response = person.page.goto(person.console.url + path)
    assert response is not None
    assert response.status == 200, path
    person.page.wait_for_load_state("networkidle")
    assert person.page.evaluate("window.hacked") is None, f"{path} ran a script out of data"
    width = person.page.evaluate("document.documentElement.scrollWidth")
    assert width <= person.page.viewport_size["width"] + 1, f"{path} is {width} px wide"  # type: ignore[index]
    assert person.complaints == [], path


def test_every_page_opens_at_both_widths_and_runs_no_script_out_of_data(browser: Browser, console: Console) -> None:
    marketer = Person(browser, console, "marketer", WIDE)
    plant_scripts(marketer)
    seen = crawl(marketer)
    assert len(seen) > 25
    phone = Person(browser, console, "marketer", PHONE)
    for path in {kind(path): path for path in seen}.values():
        look_at(phone, path)


def plant_scripts(marketer: Person) -> None:
    """A contact, a segment and a template that carry a script wherever a person may type."""
    page = marketer.open("/admin/contacts/contact/add/")
    page.get_by_label("First name").fill(SCRIPT[:110])
    page.get_by_label("Last name").fill("<svg onload=window.hacked=1>")
    page.get_by_label("Email", exact=True).fill("script@example.com")
    page.get_by_label("Tags").fill("<b onmouseover=window.hacked=1>tag</b>")
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/contacts/contact/")
    page = marketer.open("/admin/segments/segment/add/")
    page.get_by_label("Name", exact=True).fill(SCRIPT[:100])
    page.get_by_label("Description").fill(SCRIPT)
    marketer.press("Save segment")
    page.wait_for_load_state("networkidle")
    page = marketer.open("/admin/campaigns/campaign/add/")
    page.get_by_label("Name", exact=True).fill(SCRIPT[:100])
    page.get_by_label("What is it for?").fill(SCRIPT)
    marketer.press("Save draft")
    page.wait_for_load_state("networkidle")


@pytest.mark.parametrize("username", ["approver", "admin"])
def test_every_page_opens_for_the_other_roles(browser: Browser, console: Console, username: str) -> None:
    assert len(crawl(Person(browser, console, username, WIDE))) > 15


@pytest.mark.parametrize("viewport", [WIDE, PHONE])
def test_without_scripts_pages_show_with_their_menu_filters_and_notes(
    browser: Browser, console: Console, viewport: dict[str, int]
) -> None:
    marketer = Person(browser, console, "marketer", viewport, scripts=False)
    page = marketer.page
    page.locator("#nav-sidebar").get_by_text("Campaigns", exact=True).click()
    page.locator("#changelist-filter").get_by_role("link", name="Finished").click()
    page.get_by_role("link", name="The new club card").click()
    expect(page.get_by_text("Figures are drawn by JavaScript")).to_be_visible()
    expect(page.get_by_text("Loading the figures")).to_be_hidden()
    page.get_by_role("link", name="Recipients").click()
    expect(page.get_by_role("cell", name="Sent").or_(page.get_by_role("cell", name="Delivered")).first).to_be_visible()
    page.locator("#nav-sidebar").get_by_text("Your settings").click()
    page.get_by_label("Last name").fill("Marker-Plain")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Your settings are saved.")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("link", name="Log in")).to_be_visible()


def test_without_scripts_an_approver_decides(browser: Browser, console: Console) -> None:
    page = Person(browser, console, "approver", PHONE, scripts=False).open("/admin/campaigns/campaign/approvals/")
    page.get_by_role("link", name="Two subjects for the winter sale").first.click()
    question = page.locator("dialog", has=page.get_by_role("button", name="Reject"))
    question.get_by_label("Comment").fill("The second subject says too little.")
    question.get_by_role("button", name="Reject").click()
    expect(page.get_by_text("Rejected by Abel Prover:")).to_be_visible()


def test_who_may_only_look_at_a_template_sees_its_preview(browser: Browser, console: Console) -> None:
    ben = Person(browser, console, "approver", WIDE)
    page = ben.open("/admin/templates_app/template/")
    page.locator(".t-cell__name").first.click()
    expect(page.locator("[data-size]")).to_contain_text("KB")
    expect(page.locator("[data-error]")).to_be_hidden()
