"""The public pages in a browser: accessible by axe's rules, narrow enough for a phone, whole without JavaScript."""

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.cache import cache
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from contacts import consent, preferences
from contacts.models import Contact, Topic
from team.models import Brand
from tests.browser.conftest import PHONE, WIDE

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]
NARROW = {"width": 320, "height": 640}  # https://www.w3.org/TR/WCAG22/#reflow
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
LONG = "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen"


@pytest.fixture
def robin() -> Contact:
    """Somebody with one topic of each kind, one of which waits for confirmation; a brand; and much to read."""
    Brand.objects.create(pk=1, name=f"{LONG} Shop", accent="#0f5c63", ground="#12343b", website="https://example.com",
                         privacy_url="https://example.com/privacy")  # fmt: skip
    Topic.objects.create(key="news", name="Product news", description="About twice a month.", position=1)
    Topic.objects.create(key="tips", name=LONG, opt_in=Topic.OptIn.DOUBLE, wording="Yes, send me tips.", position=2)
    Topic.objects.create(key="deals", name="عروض الأسبوع", opt_in=Topic.OptIn.CHANNEL, position=3)
    person = Contact.objects.create(email=f"robin@{'long-' * 10}domain.example.com")
    consent.grant(person, source="test")
    consent.opt_in(person, topic="tips", source="test")
    cache.clear()
    return person


@pytest.fixture
def path(robin: Contact) -> str:
    return f"/p/{preferences.token_of(robin.pk)}"


class Visit:
    """A browser window at the live server, with whatever it complained about."""

    def __init__(self, browser: Browser, server: LiveServer, **options: Any) -> None:
        self.context: BrowserContext = browser.new_context(**options)
        self.page: Page = self.context.new_page()
        self.server = server
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda line: self._hear(line.text))

    def _hear(self, text: str) -> None:
        if "Content Security Policy" in text or "Content-Security-Policy" in text:
            self.complaints.append(text)

    def open(self, path: str) -> Page:
        self.page.goto(self.server.url + path)
        return self.page

    def check(self) -> None:
        """Nothing that axe finds fault with, no wider than the window, no complaint."""
        results = Axe().run(self.page, options=RULES).response
        faults = {one["id"]: [node["html"] for node in one["nodes"]] for one in results["violations"]}
        assert faults == {}, self.page.url
        assert len(results["passes"]) > 15
        width = self.page.evaluate("document.documentElement.scrollWidth")
        assert width <= self.page.viewport_size["width"], self.page.url  # type: ignore[index]
        assert self.complaints == []


@pytest.fixture
def visit(browser: Browser, live_server: LiveServer) -> Iterator[Any]:
    visits: list[Visit] = []

    def go(**options: Any) -> Visit:
        visits.append(Visit(browser, live_server, **options))
        return visits[-1]

    yield go
    for one in visits:
        one.context.close()


LOOKS = [
    pytest.param("en", "light", WIDE, id="wide"), pytest.param("de", "dark", PHONE, id="phone-dark-de"),
    pytest.param("ar", "light", NARROW, id="narrow-ar"), pytest.param("ar", "dark", WIDE, id="wide-dark-ar"),
    pytest.param("fr", "dark", NARROW, id="narrow-dark-fr"), pytest.param("es", "light", PHONE, id="phone-es"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "scheme", "viewport"), LOOKS)
def test_every_page_is_accessible_and_fits(
    visit: Any, path: str, language: str, scheme: str, viewport: dict[str, int]
) -> None:
    one = visit(viewport=viewport, color_scheme=scheme)
    for address in (path, f"{path}/data", "/p/nonsense", "/u/nonsense", "/confirm/nonsense"):
        one.open(f"{address}?lang={language}")
        one.check()


@pytest.mark.parametrize(("language", "scheme", "viewport"), LOOKS[:3])
def test_what_a_page_answers_is_accessible_too(
    visit: Any, path: str, language: str, scheme: str, viewport: dict[str, int]
) -> None:
    one = visit(viewport=viewport, color_scheme=scheme)
    page = one.open(f"{path}?lang={language}")
    page.locator("[name=quiet_from]").fill("22:00")
    page.locator("form").first.locator("button").click()
    expect(page.locator("[role=alert]")).to_be_visible()
    one.check()
    page.locator("[name=quiet_from]").fill("")
    page.locator("form").first.locator("button").click()
    expect(page.locator("[role=status]")).to_be_visible()
    one.check()
    page.locator("form").nth(1).locator("button").click()
    expect(page).to_have_url(f"{one.server.url}{path}?done=left&lang={language}")
    one.check()
    page = one.open(f"{path}/data?lang={language}")
    page.locator("form").nth(1).locator("button").click()
    expect(page.locator("[aria-invalid=true]")).to_be_visible()
    one.check()


def test_without_javascript_on_a_phone_everything_can_be_said(visit: Any, path: str, robin: Contact) -> None:
    page = visit(viewport=PHONE, java_script_enabled=False).open(path)
    page.get_by_label("Product news").check()
    page.get_by_label("At most one message a week").check()
    page.get_by_label("Quiet from").fill("22:00")
    page.get_by_label("Quiet until").fill("07:30")
    page.get_by_label("Your time zone").select_option("Europe/Vienna")
    page.get_by_label("Your language").select_option("de")
    page.get_by_role("button", name="Save my preferences").click()
    expect(page.get_by_role("status")).to_contain_text("Ihre Einstellungen sind gespeichert")
    expect(page.get_by_label("Product news")).to_be_checked()
    expect(page.get_by_label("Ihre Zeitzone").locator("option:checked")).to_have_text("Wien")
    assert consent.is_granted(robin, topic="news")
    page.get_by_role("button", name="Von allem abmelden").click()
    expect(page.get_by_role("status")).to_contain_text("Sie sind von allem abgemeldet")
    assert consent.state(robin) is False
    page.get_by_role("link", name="Français").click()
    expect(page.get_by_role("heading", name="Vos préférences")).to_be_visible()


def test_by_keyboard_alone_one_reaches_and_changes_everything(visit: Any, path: str, robin: Contact) -> None:
    page = visit(viewport=WIDE).open(path)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    for _ in range(3):  # past unsubscribing and the general line, to product news
        page.keyboard.press("Tab")
    expect(page.get_by_label("Product news")).to_be_focused()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("saved")
    assert consent.is_granted(robin, topic="news")


def test_an_error_leads_to_its_field(visit: Any, path: str) -> None:
    page = visit(viewport=PHONE).open(path)
    page.get_by_label("Quiet until").fill("07:00")
    page.get_by_role("button", name="Save my preferences").click()
    expect(page).to_have_title("Error: Your preferences · " + f"{LONG} Shop")
    page.get_by_role("alert").get_by_role("link", name="Quiet from").click()
    expect(page.get_by_label("Quiet from")).to_be_focused()
    expect(page.get_by_label("Quiet from")).to_have_accessible_description("Give both times, or leave both empty.")


def test_with_text_twice_as_large_nothing_is_cut_off(visit: Any, path: str) -> None:
    one = visit(viewport=PHONE)
    page = one.open(path)
    page.add_style_tag(content="html { font-size: 200% } * { letter-spacing: .12em !important; line-height: 2 }")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
