"""A campaign ready to send, and a provider in its own process whose accept log is the oracle."""

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from campaigns.models import Campaign, Sender, Variant
from contacts import consent
from contacts.models import Contact
from delivery import outbox, sending
from delivery.models import Account, Message, Run
from segments.models import Segment
from team.models import User
from templates_app import publishing
from templates_app.models import Template

HTML = """<html><body><p>Hello {{ contact.first_name }}, your plan is {{ contact.attributes.plan }}.</p>
<p><a href="https://example.com/offer">The offer</a> or
<a href="https://example.com/{{ contact.external_id }}">yours</a></p>
<p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p></body></html>"""


class Provider:
    """The fake provider's process: where it listens and what it accepted."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.log = folder / "accepted.log"
        self.log.touch()
        self.mails = folder / "mails"
        self.mails.mkdir(exist_ok=True)
        command = [sys.executable, "-m", "tests.delivery.fake_smtp", str(self.log), "--keep", str(self.mails), *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def accepted(self) -> Counter[str]:
        """How often each ledger row was accepted, by its id (the front of the Message-ID)."""
        return Counter(line.split(".", 1)[0] for line in self.log.read_text().splitlines())

    def recipients(self) -> list[str]:
        return [line.split("\t")[1] for line in self.log.read_text().splitlines()]

    def moments(self) -> list[float]:
        """When each message was accepted, by the provider's clock."""
        return sorted(float(line.split("\t")[2]) for line in self.log.read_text().splitlines())

    def bodies(self) -> list[bytes]:
        return [path.read_bytes() for path in sorted(self.mails.iterdir(), key=lambda path: int(path.stem))]

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def start_provider(tmp_path: Path) -> Iterator[Callable[..., Provider]]:
    running: list[Provider] = []

    def start(*options: str) -> Provider:
        running.append(Provider(tmp_path, *options))
        return running[-1]

    yield start
    for provider in running:
        provider.stop()


@pytest.fixture
def provider(start_provider: Callable[..., Provider]) -> Provider:
    return start_provider()


def make_account(provider: Provider, **fields: Any) -> Account:
    config = {"host": "127.0.0.1", "port": provider.port, "security": "none"}
    return Account.objects.create(name="Relay", provider="smtp", is_default=True, config=config, **fields)


def make_people(count: int, *, prefix: str = "person") -> list[Contact]:
    people = Contact.objects.bulk_create(
        Contact(
            email=f"{prefix}{number}@example.com",
            external_id=f"{prefix}-{number}",
            first_name=f"Given{number}",
            attributes={"plan": "gold"},
        )
        for number in range(count)
    )
    for person in people:
        consent.grant(person, source="test form", wording="Yes, write to me.")
    return people


def make_campaign(by: User, *, name: str = "Spring", html: str = HTML, **fields: Any) -> Campaign:
    """A campaign that is already `sending`; how it gets there is campaigns' own tests' business."""
    segment, _ = Segment.objects.get_or_create(name="Everyone", defaults={"rules": {"all": []}})
    template = Template.objects.create(name=f"{name} template", created_by=by)
    publishing.save_draft(template, by=by, subject="Hi {{ contact.first_name }}", preheader="News", source=html)
    version = publishing.publish(template, by=by)
    sender, _ = Sender.objects.get_or_create(email="news@example.com", defaults={"name": "News", "is_default": True})
    campaign = Campaign.objects.create(
        name=name, sender=sender, status=Campaign.Status.SENDING, planned_at=timezone.now(), created_by=by, **fields
    )
    campaign.segments.add(segment)
    Variant.objects.create(campaign=campaign, key="A", template=template, version=version)
    return campaign


def plan(campaign: Campaign) -> Run:
    run = outbox.open_run(campaign)
    outbox.plan(run)
    run.refresh_from_db()
    return run


def drain(worker: str = "test", seconds: float = 30) -> int:
    return sending.drain(worker=worker, seconds=seconds, must_stop=lambda: False, beat=lambda: None)


def states(run: Run) -> Counter[str]:
    rows = Message.objects.filter(run=run).values_list("state", "reason")
    return Counter(f"{state}:{reason}" if reason else state for state, reason in rows)
