"""The headless Chromium that browser tests drive: the machine's own, since playwright can't download one everywhere."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections
from playwright.sync_api import Browser, expect, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
MISSING = "Chromium is not installed; `apt-get install chromium` brings it"


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser while the block lasts; one at a time, since playwright's loop holds the thread as long as it runs."""
    expect.set_options(timeout=20_000)  # a busy machine takes its time
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # nothing runs in that loop while a test asks the database
    try:
        with sync_playwright() as playwright:
            options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
            yield browser
            browser.close()
            # While the loop runs, Django keeps the thread's connections apart from those outside of it: pytest-django,
            # which ends after the loop, doesn't see them, and they would hold the test database.
            connections.close_all()
    finally:
        if before is None:
            del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]
        else:
            os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = before
