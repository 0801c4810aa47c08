"""A console as `make run` starts it, in a folder of its own, and people who use it in headless Chromium."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.chromium import CHROMIUM, MISSING, chromium

WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))
            if CHROMIUM is None:
                item.add_marker(pytest.mark.skip(reason=MISSING))


class Console:
    """A running console: its address, its logins, and the lines it printed."""

    def __init__(self, folder: Path, **env: str) -> None:
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = folder
        self.output = folder / "output.log"
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "config.run"],
                env=_environment(folder, self.port) | env,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait(self, seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        while "Carillon is up" not in self.output.read_text():
            assert self.process.poll() is None, self.output.read_text()
            assert time.monotonic() < deadline, self.output.read_text()
            time.sleep(0.2)

    def password(self, username: str) -> str:
        lines = (self.folder / "logins.txt").read_text().splitlines()
        return dict(line.split(" ", 1) for line in lines)[username]

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


def _environment(folder: Path, port: int) -> dict[str, str]:
    """This process's environment without what would lead the console to somebody else's servers."""
    own = {key: value for key, value in os.environ.items() if key not in ("DATABASE_URL", "REDIS_URL", "PUBLIC_URL")}
    return own | {"CARILLON_VAR": str(folder), "HOST": "127.0.0.1", "PORT": str(port)}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    # The sandbox mailbox listens 25 above, so both have to be in the range that people use.
    return port if port < 65_000 else port - 1_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


class Person:
    """Somebody at the console, with whatever their browser complained about."""

    def __init__(
        self, browser: Browser, console: Console, username: str, viewport: dict[str, int], *, scripts: bool = True
    ) -> None:
        self.console = console
        self.complaints: list[str] = []
        context = browser.new_context(viewport=viewport, java_script_enabled=scripts)  # type: ignore[arg-type]
        self.page: Page = context.new_page()
        self.page.on("console", lambda message: self._hear(message.type, message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.sign_in(username)

    def _hear(self, kind: str, text: str) -> None:
        if kind == "error":
            self.complaints.append(text)

    def sign_in(self, username: str) -> None:
        self.open("/admin/login/")
        self.page.fill("input[name=username]", username)
        self.page.fill("input[name=password]", self.console.password(username))
        self.page.click("button[type=submit]")
        self.page.wait_for_url("**/admin/")

    def open(self, path: str) -> Page:
        self.page.goto(self.console.url + path)
        self.page.wait_for_load_state("networkidle")
        return self.page

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).first.click()


@pytest.fixture(scope="module")
def start_console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Console]]:
    running: list[Console] = []

    def start(**env: str) -> Console:
        running.append(Console(tmp_path_factory.mktemp("console"), **env))
        running[-1].wait()
        return running[-1]

    yield start
    for console in running:
        console.stop()


def fetch(url: str, *, data: bytes | None = None) -> int:
    """Open an address as a person's browser would; returns the status, without following redirects."""

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: object, **__: object) -> None:
            return None

    agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"
    request = urllib.request.Request(url, data=data, headers={"User-Agent": agent})
    try:
        with urllib.request.build_opener(Stay).open(request, timeout=20) as response:
            return int(response.status)
    except urllib.error.HTTPError as answer:
        return answer.code
