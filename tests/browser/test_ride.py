"""The whole ride on real data: import, segment, template, campaign, approval, sending, opens and clicks, figures.

The data are Kevin Hillstrom's 64,000 customers; the file has no addresses, so each row gets one at example.com.
"""

import csv
import gzip
import html
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import WIDE, Console, Person, fetch

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "hillstrom.csv.gz"
SUBJECT = "A note for customer {{ contact.external_id }}"
OPENS, CLICKS, LEAVES = 12, 7, 2
MINUTE = 60_000

pytestmark = [
    pytest.mark.skipif(not DATA.exists(), reason="The Hillstrom data set is not beside the project (../shared/data)"),
    pytest.mark.timeout(900),
]


@pytest.fixture(scope="module")
def console(start_console: Callable[..., Console]) -> Console:
    return start_console(DEMO="0")


@pytest.fixture(scope="module")
def marketer(browser: Browser, console: Console) -> Person:
    return Person(browser, console, "marketer", WIDE)


@pytest.fixture(scope="module")
def approver(browser: Browser, console: Console) -> Person:
    return Person(browser, console, "approver", WIDE)


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, int]:
    """The file with addresses, its number of rows, and of those with history > 200 and channel = Web."""
    path = tmp_path_factory.mktemp("data") / "customers.csv"
    rows = matching = 0
    with gzip.open(DATA, "rt", newline="") as source, path.open("w", newline="") as target:
        reader = csv.DictReader(source)
        assert reader.fieldnames is not None
        writer = csv.writer(target)
        writer.writerow(["email", "external_id", *reader.fieldnames])
        for rows, row in enumerate(reader, start=1):
            writer.writerow([f"customer{rows}@example.com", f"H-{rows}", *row.values()])
            matching += float(row["history"]) > 200 and row["channel"] == "Web"
    return path, rows, matching


def test_the_whole_ride(marketer: Person, approver: Person, people: tuple[Path, int, int]) -> None:
    path, rows, matching = people
    import_people(marketer, path, rows)
    make_segment(marketer, matching)
    make_template(marketer)
    make_campaign(marketer)
    campaign = marketer.page.url.removeprefix(marketer.console.url)
    approve(approver, campaign)
    launch(marketer, campaign, matching)
    answer_from_inboxes(marketer)
    figures_are_right(marketer, campaign, matching)
    explain(marketer, campaign)
    assert marketer.complaints == []
    assert approver.complaints == []


def import_people(marketer: Person, path: Path, rows: int) -> None:
    page = marketer.open("/admin/contacts/importjob/add/")
    page.set_input_files("input[type=file]", path)
    marketer.press("Upload and look at the columns")
    page.get_by_label("Everyone in this file has agreed to what is ticked here.").check()
    page.get_by_label("Where they agreed").fill("Mail order form")
    page.get_by_label("What they agreed to, in the words they saw").fill("Yes, send me news and offers by email.")
    page.get_by_label("Tag for everyone in this file").fill("hillstrom")
    marketer.press("Check all rows")
    page.get_by_role("button", name=f"Import {rows:,} rows").click(timeout=3 * MINUTE)
    expect(page.get_by_text(f"{rows:,} new, 0 updated contacts.")).to_be_visible(timeout=4 * MINUTE)


def make_segment(marketer: Person, matching: int) -> None:
    page = marketer.open("/admin/segments/segment/add/")
    page.get_by_label("Name", exact=True).fill("Web spenders")
    add_rule(page, "history", "greater_than", "200")
    add_rule(page, "channel", "equals", "Web")
    expect(page.get_by_role("complementary", name="Live size")).to_contain_text(f"{matching:,}", timeout=MINUTE)
    marketer.press("Save segment")
    expect(page.locator("#main")).to_contain_text(f"{matching:,}", timeout=MINUTE)


def add_rule(page: Page, field: str, comparison: str, value: str) -> None:
    page.get_by_role("button", name="Add rule").click()
    rule = page.locator(".sg-row").last
    pick(rule, "Field", field)
    rule.get_by_label("Comparison").select_option(comparison)
    if rule.get_by_role("combobox", name="Value").count():
        pick(rule, "Value", value)
    else:
        rule.get_by_label("Value").fill(value)


def pick(rule: Locator, label: str, typed: str) -> None:
    """Search in a box with a list, and take what is called exactly so."""
    rule.get_by_role("combobox", name=label).click()
    rule.get_by_role("combobox", name=label).fill(typed)
    rule.get_by_role("option", name=typed, exact=True).first.click()


def make_template(marketer: Person) -> None:
    page = marketer.open("/admin/templates_app/template/add/")
    page.get_by_role("button", name=re.compile("Use .Newsletter.")).click()
    page.wait_for_load_state("networkidle")
    page.get_by_label("Subject", exact=True).fill(SUBJECT)
    marketer.press("Publish")
    expect(page.locator("#main")).to_contain_text("Published: version 1", timeout=MINUTE)


def make_campaign(marketer: Person) -> None:
    page = marketer.open("/admin/campaigns/campaign/add/")
    page.get_by_label("Name", exact=True).fill("News for web spenders")
    page.get_by_label(re.compile("^Web spenders")).first.check()
    page.get_by_label("Template", exact=True).select_option(label="Newsletter")
    marketer.press("Save draft")
    page.wait_for_load_state("networkidle")
    marketer.press("Submit for approval")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").fill("Please check the second link.")
    dialog.get_by_role("button", name="Submit for approval").click()
    expect(page.locator("#main")).to_contain_text("In review")


def approve(approver: Person, campaign: str) -> None:
    page = approver.open(campaign)
    approver.press("Approve")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").fill("Checked.")
    dialog.get_by_role("button", name="Approve").click()
    expect(page.locator("#main")).to_contain_text("Unchanged since it was approved", timeout=MINUTE)


def launch(marketer: Person, campaign: str, matching: int) -> None:
    page = marketer.open(campaign)
    marketer.press("Launch now")
    page.get_by_role("dialog").get_by_role("button", name="Launch now").click()
    figures = page.locator("[data-figures-url]")
    expect(figures.get_by_role("progressbar")).to_be_visible(timeout=MINUTE)
    # The page renews itself when sending ends.
    expect(page.locator(".c-badge", has_text="Finished").first).to_be_visible(timeout=5 * MINUTE)
    expect(figures).to_contain_text(f"{matching:,}", timeout=MINUTE)


def answer_from_inboxes(marketer: Person) -> None:
    """Read some mails in the sandbox mailbox: load their pixels, follow their links, leave by one click."""
    page = marketer.open("/admin/delivery/sandboxmail/")
    links = page.locator("#result_list a[href*='/change/']")
    addresses = links.evaluate_all("all => all.map(one => one.getAttribute('href'))")[:OPENS]
    assert len(addresses) == OPENS
    time.sleep(3)  # what follows a message within a second or two is a machine, and labelled so
    for number, address in enumerate(addresses):
        marketer.open(address)
        body = page.request.get(marketer.console.url + body_of(page)).text()
        assert fetch(found(r'src="(http[^"]+/o/[^"]+\.gif)"', body)) == 200
        if number < CLICKS:
            assert fetch(found(r'href="(http[^"]+/c/[^"]+)"', body)) == 302
        if number < LEAVES:
            assert fetch(found(r'href="(http[^"]+/u/[^"]+)"', body), data=b"List-Unsubscribe=One-Click") == 200


def body_of(page: Page) -> str:
    return str(page.locator("iframe").first.get_attribute("src"))


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match is not None, f"{pattern} is not in the message"
    return html.unescape(match.group(1))


def figures_are_right(marketer: Person, campaign: str, matching: int) -> None:
    page = marketer.open(campaign)
    address = str(page.locator("[data-figures-url]").first.get_attribute("data-figures-url"))
    wanted = {"sent": matching, "opened": OPENS, "clicked": CLICKS, "unsubscribed": LEAVES, "bounced": 0}
    deadline = time.monotonic() + 60
    while True:
        figures = page.request.get(marketer.console.url + address).json()
        seen = {metric["key"]: metric["value"] for metric in figures["metrics"] if metric["key"] in wanted}
        if seen == wanted or time.monotonic() > deadline:
            break
        time.sleep(1)
    assert seen == wanted
    page.reload()
    for label, count in (("Sent", matching), ("Opened", OPENS), ("Clicked", CLICKS), ("Unsubscribed", LEAVES)):
        tile = page.locator("[data-figures-url] .c-tile").filter(has_text=label).first
        expect(tile).to_contain_text(f"{count:,}", timeout=MINUTE)


def explain(marketer: Person, campaign: str) -> None:
    page = marketer.open(campaign)
    page.get_by_role("link", name=re.compile("Why did or didn.t they get this")).click()
    page.get_by_label("Who?").fill("customer1@example.com")
    marketer.press("Explain")
    expect(page.get_by_role("status")).to_contain_text("was not in its audience", timeout=MINUTE)
