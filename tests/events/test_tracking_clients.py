"""The official clients, unmodified, against a running server: they are content, and what they said is there."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer
from segment.analytics import request as transport
from segment.analytics.client import Client

from contacts.models import Company, Contact, Identity
from events.models import Event
from tests.events.conftest import Sender

FOLDER = Path(__file__).parents[1] / "clients"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def _hanging_up() -> Iterator[None]:
    """The client keeps its line open, and with it a thread of the server and that thread's database connection."""
    yield
    transport._session.close()


@pytest.fixture
def _node_client() -> None:
    """The client's package, by its lock file, in the folder beside the script that uses it."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node is not installed; `apt-get install nodejs npm` brings it")
    if not (FOLDER / "node_modules" / "@segment" / "analytics-node").exists():
        done = subprocess.run(
            ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=FOLDER, capture_output=True, text=True
        )
        if done.returncode:
            pytest.skip(f"npm could not fetch the client: {done.stderr.strip()[-300:]}")


@pytest.mark.usefixtures("_hanging_up")
@pytest.mark.parametrize("is_gzipped", [False, True])
def test_the_python_client_says_who_did_what(live_server: LiveServer, server: Sender, is_gzipped: bool) -> None:
    failures: list[Any] = []
    client = Client(
        server.key, host=live_server.url, gzip=is_gzipped, on_error=lambda error, _: failures.append(error),
        max_retries=1, upload_size=4, send=True,
    )  # fmt: skip
    client.page(anonymous_id="visitor-py", name="Pricing", properties={"url": "https://example.com/pricing"})
    client.identify("py-7", {"email": "ada@example.org", "firstName": "Ada", "plan": "pro", "seats": 3})
    client.identify("py-7", anonymous_id="visitor-py")
    client.track("py-7", "Order Completed", {"total": 49.5, "currency": "EUR"})
    client.track("py-7", "Order Completed", {"total": 20}, timestamp=datetime(2024, 3, 1, 10, tzinfo=UTC))
    client.screen("py-7", name="Home")
    client.group("py-7", "acme", {"name": "Acme", "employees": 40})
    client.alias("visitor-phone", "py-7")
    client.shutdown()
    assert failures == []
    _check(Contact.objects.get(), "py", email="ada@example.org", attributes={"plan": "pro", "seats": 3})


@pytest.mark.usefixtures("_node_client")
def test_the_node_client_says_who_did_what(live_server: LiveServer, server: Sender) -> None:
    environment = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    done = subprocess.run(
        ["node", "node_client.mjs", live_server.url, server.key],
        cwd=FOLDER, capture_output=True, text=True, timeout=60, env=environment,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == []
    _check(Contact.objects.get(), "node", email="grace@example.org", attributes={"plan": "team", "seats": 5})


def _check(contact: Contact, name: str, *, email: str, attributes: dict[str, Any]) -> None:
    assert (contact.external_id, contact.email, contact.attributes) == (f"{name}-7", email, attributes)
    orders = Event.objects.filter(name="Order Completed").order_by("occurred_at")
    assert [event.properties["total"] for event in orders] == [20, 49.5]
    assert orders[0].occurred_at == datetime(2024, 3, 1, 10, tzinfo=UTC)
    assert set(Event.objects.exclude(name="log.joined").values_list("contact_id", flat=True)) == {contact.pk}
    assert Event.objects.get(name="page").anonymous_id == f"visitor-{name}"
    assert set(Identity.objects.values_list("value", flat=True)) == {f"visitor-{name}", "visitor-phone"}
    company = Company.objects.get()
    assert (company.name, company.attributes, company.employments.get().contact) == ("Acme", {"employees": 40}, contact)
