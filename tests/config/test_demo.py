"""Demo data: made by the product itself, once, and again where it was interrupted."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from campaigns.models import Campaign
from config import demo
from contacts.models import Company, Contact
from core.models import Milestone
from delivery.models import Message, Run, SandboxMail
from events.models import Event, EventName
from segments import proposals
from segments.models import Segment
from team.models import User
from tests.config.test_run import free_port

STATUSES = {"draft", "in_review", "rejected", "scheduled", "finished"}


@pytest.fixture(autouse=True)
def _var_of_its_own(tmp_path: Path) -> Iterator[None]:
    with override_settings(VAR_DIR=tmp_path):
        yield


def mail_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mailbox's process must write where this test reads: in the test's database, at a free port."""
    values = connection.settings_dict
    monkeypatch.setenv("DATABASE_URL", f"postgresql://{values['USER']}@/{values['NAME']}?host={values['HOST']}")


@pytest.mark.fault
@pytest.mark.django_db(transaction=True)
def test_no_page_is_empty_and_the_ledger_adds_up(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setenv("SANDBOX_SMTP_PORT", str(port))
    mail_database(monkeypatch)
    with override_settings(SANDBOX_SMTP_PORT=port):
        assert list(demo.load()) == list(demo.STEPS)

    assert {campaign.status for campaign in Campaign.objects.all()} == STATUSES
    assert Contact.objects.count() == 3000
    assert not Segment.objects.filter(size=0).exists()
    for run in Run.objects.all():
        assert sum(run.final_counts.values()) == run.audience_count
    sent = Message.objects.filter(state__in=["sent", "delivered", "failed"])
    assert SandboxMail.objects.count() == sent.count() > 500
    week_ago = timezone.now() - timedelta(days=7)
    assert not SandboxMail.objects.filter(received_at__gte=week_ago).exists()
    assert not Event.objects.filter(occurred_at__gt=timezone.now()).exists()
    assert Message.objects.exclude(opened_at=None).exists()
    assert {"page", "Product Viewed", "purchase"} <= set(EventName.objects.values_list("name", flat=True))
    assert Company.objects.count() == 60
    assert not Event.objects.filter(anonymous_id__startswith="browser-", contact_id=None).exists()
    assert all(found.people for found in proposals.cells()), "no cell of the suggestions is empty"
    assert {segment.size_points.count() > 30 for segment in Segment.objects.all()} == {True}

    assert list(demo.load()) == []


@pytest.mark.django_db
def test_an_interrupted_load_goes_on_with_the_step_that_was_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = iter(demo.load())
    assert [next(steps) for _ in range(3)] == ["team", "attributes", "contacts"]
    monkeypatch.setattr(demo, "STEPS", {name: demo.STEPS[name] for name in ("team", "contacts", "consent")})
    assert list(demo.load()) == ["consent"]
    assert Contact.objects.count() == 3000


@pytest.mark.django_db
def test_an_empty_console_stays_free_of_made_up_people() -> None:
    assert list(demo.load(essentials_only=True)) == ["team", "senders"]
    assert list(demo.load()) == []
    assert not Contact.objects.exists()
    assert {user.username for user in User.objects.all()} == {"marketer", "approver", "admin"}
    assert Milestone.objects.count() == len(demo.STEPS)
