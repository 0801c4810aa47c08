"""What is held about a person is shown to them whole, and leaves with them."""

import json

import pytest
from django.core.serializers.json import DjangoJSONEncoder

from contacts import erasure
from contacts.holdings import everything_about
from delivery.models import Message, SandboxMail
from events import ingest, names
from events.models import Event
from segments.models import Membership
from team.models import User
from tests.delivery.conftest import make_campaign, make_people, plan

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(editor: User) -> object:
    """Somebody with a message, a click, a mail in the sandbox and a segment."""
    [person] = make_people(1)
    plan(make_campaign(editor))
    message = Message.objects.get()
    Message.objects.update(state="failed", reason="rejected", detail="550 <person0@example.com> is not welcome")
    ingest.record(
        names.CLICKED, contact_id=person.pk, message_id=message.pk, properties={"link": 1, "url": "https://x/person-0"}
    )
    raw = b"Subject: Hi\r\nContent-Type: text/plain\r\n\r\nHello Given0\r\n"
    SandboxMail.objects.create(sender="a@example.com", recipient=person.email, subject="Hi", raw=raw)
    return person


def test_the_export_holds_everything(ada: object) -> None:
    held = json.loads(json.dumps(everything_about(ada), cls=DjangoJSONEncoder))  # type: ignore[arg-type]
    assert held["messages"][0]["detail"].startswith("550")
    assert held["events"][0]["properties"]["url"] == "https://x/person-0"
    assert held["sandbox_mails"][0]["text"].strip() == "Hello Given0"
    assert held["segments"][0]["segment"] == "Everyone"


def test_erasing_leaves_the_figures_and_nothing_of_the_person(ada: object, editor: User) -> None:
    erasure.erase(ada, by=editor)  # type: ignore[arg-type]
    assert Message.objects.get().state == "failed"
    assert Message.objects.get().detail == ""
    assert Event.objects.get().properties == {"link": 1}
    assert not SandboxMail.objects.exists()
    assert not Membership.objects.exists()


def test_a_mail_to_an_address_they_had_before_is_theirs_too(ada: object, editor: User) -> None:
    SandboxMail.objects.update(recipient="before@example.com", message_id=Message.objects.get().pk)
    assert everything_about(ada)["sandbox_mails"]  # type: ignore[arg-type]
    erasure.erase(ada, by=editor)  # type: ignore[arg-type]
    assert not SandboxMail.objects.exists()
