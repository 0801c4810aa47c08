"""Finished campaigns: planned, approved and sent by the engine itself, then moved into the past as a whole.

The messages really go through SMTP into the sandbox mailbox. What people did with them is made up, event by event,
and labelled and counted by the same functions as real opens and clicks.
"""

import contextlib
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from analytics import rollup
from campaigns import collaboration, editing, lifecycle
from campaigns.editing import Wording
from campaigns.models import Campaign, Sender
from config.demo import audiences
from contacts import consent
from contacts.models import Contact
from core.models import Milestone
from delivery import engagement, ledger, outbox, sending
from delivery.ledger import Ending
from delivery.models import Message, Run, SandboxMail
from events import ingest, labels, names, overview
from events.ingest import NewEvent
from events.tracking import joining
from segments import quintiles, standing
from segments.models import Segment
from team.models import User
from templates_app import gallery
from templates_app.models import Link, Template


@dataclass(frozen=True)
class Past:
    """A campaign that went out `days` ago, and how people took it."""

    name: str
    days: int
    segment: str
    template: str
    opens: float
    clicks: float


PAST = [
    Past("Autumn reading list", 23, audiences.SPENDERS, "newsletter", opens=0.52, clicks=0.24),
    Past("The new club card", 8, audiences.MEMBERS, "product-announcement", opens=0.44, clicks=0.31),
]
PEOPLE = [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)",
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
]
AHEAD, GATEWAY = "Mozilla/5.0", "Mozilla/5.0 (compatible; Barracuda Sentinel)"


def make() -> None:
    """Not in one transaction: the engine's threads must see what they send. Each piece is safe to repeat."""
    _forget_mails_of_nobody()
    with _mailbox():
        for past in PAST:
            if not Milestone.objects.filter(name=f"demo:{past.name}").exists():
                _make(past)


def _make(past: Past) -> None:
    campaign = Campaign.objects.filter(name=past.name, tags__contains=["demo"]).first() or _launch(past)
    run = outbox.open_run(campaign)
    sending.drain(worker="demo", seconds=120, must_stop=lambda: False, beat=lambda: None)
    _wait_for_mails(run)
    with transaction.atomic():
        _bounce(run, random.Random(f"bounces of {past.name}"))  # noqa: S311
        outbox.close_if_quiet(Run.objects.select_related("campaign").get(pk=run.pk))
        _move_into_the_past(campaign, run, _so_long_ago(past.days))
        _react(past, run)
        Milestone.objects.create(name=f"demo:{past.name}")


@transaction.atomic
def _launch(past: Past) -> Campaign:
    marketer, approver = User.objects.get(username="marketer"), User.objects.get(username="approver")
    campaign = _plan(past, marketer)
    lifecycle.submit(campaign, by=marketer, comment="Ready from my side. The links are checked.")
    lifecycle.approve(campaign, by=approver, comment="Good. Please mind the reply address next time.")
    collaboration.comment(campaign, by=marketer, body="Thank you, @approver! It goes out on Tuesday morning.")
    lifecycle.launch(campaign, by=marketer)
    outbox.plan(outbox.open_run(campaign))
    return campaign


def _forget_mails_of_nobody() -> None:
    """An interrupted try left its mails behind; its ledger rows were undone."""
    ledger = Message.objects.values("pk")
    SandboxMail.objects.filter(message_id__isnull=False).exclude(message_id__in=ledger).delete()


def _bounce(run: Run, chance: random.Random) -> None:
    """A few mailboxes turn out to be full after their server had taken the message."""
    sent = list(Message.objects.filter(run=run, state=Message.State.SENT).order_by("pk").values_list("pk", flat=True))
    full = chance.sample(sent, len(sent) // 90)
    endings = [Ending(pk, Message.State.FAILED, "bounced", "452 4.2.2 Mailbox full") for pk in full]
    ledger.settle(endings, expected=[Message.State.SENT])


def _wait_for_mails(run: Run) -> None:
    """The mailbox writes what it took a moment later, in its own process."""
    sent = Message.objects.filter(run=run, state=Message.State.SENT)
    deadline = time.monotonic() + 10
    while SandboxMail.objects.filter(message_id__in=sent.values("pk")).count() < sent.count():
        if time.monotonic() > deadline:
            return  # it shows all the same, only as newer than the rest
        time.sleep(0.05)


def settle() -> None:
    """Let the log's readers take in what was written, as the workers would within seconds."""
    while rollup.advance():
        pass
    while joining.join_late() or overview.advance():
        pass
    standing.catch_up(60)
    quintiles.find()
    while engagement.read_events():
        pass
    outbox.recount(Run.objects.values_list("pk", flat=True))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # the home page shows the planner's estimates, which autovacuum brings in a minute


def _plan(past: Past, marketer: User) -> Campaign:
    return editing.create(
        by=marketer,
        name=past.name,
        description="Part of the demo data.",
        sender=Sender.objects.get(email="hello@carillon.example.com"),
        segments=[Segment.objects.get(name=past.segment)],
        variants=[Wording(Template.objects.get(name=gallery.find(past.template).name))],
        tags=["demo"],
    )


@contextlib.contextmanager
def _mailbox() -> Iterator[None]:
    """The sandbox mailbox listens: the one that already runs, or one of our own for as long as we need it."""
    if _listens():
        yield
        return
    command = [sys.executable, "manage.py", "sandbox_mail"]
    environment = os.environ | {"LOG_LEVEL": "WARNING"}
    server = subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment)  # noqa: S603  our own command
    try:
        while not _listens():
            if server.poll() is not None:
                raise RuntimeError("The sandbox mailbox did not start; its message stands above.")
            time.sleep(0.05)
        yield
    finally:
        server.terminate()
        server.wait()


def _listens() -> bool:
    try:
        socket.create_connection((settings.SANDBOX_SMTP_HOST, settings.SANDBOX_SMTP_PORT), timeout=1).close()
    except OSError:
        return False
    return True


def _so_long_ago(days: int) -> timedelta:
    """To that day at nine in the morning, UTC."""
    now = timezone.now()
    return now - (now - timedelta(days=days)).replace(hour=9, minute=2, second=0, microsecond=0)


# Every moment that the steps above left behind, by table. The columns are ours.
_MOMENTS = {
    "campaigns_campaign": (
        "id = %(campaign)s",
        ["created_at", "updated_at", "planned_at", "started_at", "finished_at"],
    ),
    "campaigns_statuschange": ("campaign_id = %(campaign)s", ["at"]),
    "campaigns_approval": ("campaign_id = %(campaign)s", ["requested_at", "decided_at"]),
    "campaigns_comment": ("campaign_id = %(campaign)s", ["created_at", "updated_at"]),
    "delivery_run": ("id = %(run)s", ["planned_at", "opened_at", "finished_at"]),
    "delivery_runstatuschange": ("run_id = %(run)s", ["at"]),
    "delivery_message": ("run_id = %(run)s", ["due_at", "state_at", "sent_at"]),
    "events_event": ("campaign_id = %(campaign)s", ["occurred_at", "received_at"]),
    "delivery_sandboxmail": (
        "message_id IN (SELECT id FROM delivery_message WHERE run_id = %(run)s)",
        ["received_at"],
    ),
    "team_notice": ("at >= %(began)s", ["at", "read_at"]),
}


def _move_into_the_past(campaign: Campaign, run: Run, back: timedelta) -> None:
    values: dict[str, Any] = {"campaign": campaign.pk, "run": run.pk, "began": campaign.created_at, "back": back}
    with connection.cursor() as cursor:
        cursor.execute("UPDATE team_notice SET read_at = at WHERE at >= %(began)s", values)
        for table, (rows, columns) in _MOMENTS.items():
            changes = ", ".join(f"{column} = {column} - %(back)s" for column in columns)
            cursor.execute(f"UPDATE {table} SET {changes} WHERE {rows}", values)  # noqa: S608  our own names


def _react(past: Past, run: Run) -> None:
    chance = random.Random(past.name)  # noqa: S311
    links = list(Link.objects.filter(version__variants__campaign=run.campaign_id, url__startswith="http").distinct())
    messages = list(Message.objects.filter(run=run, state=Message.State.SENT).order_by("pk"))
    ingest.record_many(event for message in messages for event in _reactions(past, message, run, links, chance))
    for message in chance.sample(messages, len(messages) // 120):
        _leave(message, run, chance)


def _reactions(past: Past, message: Message, run: Run, links: list[Link], chance: random.Random) -> Iterator[NewEvent]:
    sent_at = message.sent_at
    assert sent_at is not None  # noqa: S101  only sent messages are asked for

    def event(name: str, after: timedelta, agent: str = "", **properties: Any) -> NewEvent:
        label, reason = labels.label_of(agent, "GET", after.total_seconds()) if agent else ("human", "")
        return NewEvent(
            name=name, contact_id=message.contact_id, campaign_id=run.campaign_id, variant_id=message.variant_id,
            message_id=message.pk, occurred_at=sent_at + after, label=label, label_reason=reason,
            properties=properties,
        )  # fmt: skip

    yield event(names.DELIVERED, timedelta(seconds=chance.randint(2, 90)))
    if chance.random() < 0.22:
        yield event(names.OPENED, timedelta(seconds=chance.randint(30, 4000)), AHEAD)
    if links and chance.random() < 0.03:
        for link in links[:3]:
            yield event(names.CLICKED, timedelta(seconds=1.5), GATEWAY, link=link.pk, url=link.url)
    if chance.random() >= past.opens:
        return
    agent, after = chance.choice(PEOPLE), _delay(chance, past.days)
    yield event(names.OPENED, after, agent)
    if chance.random() < 0.2:
        yield event(names.OPENED, after + _delay(chance, past.days) / 4, agent)
    if links and chance.random() < past.clicks:
        link = chance.choices(links, weights=[1 / (place + 1) for place in range(len(links))])[0]
        yield event(names.CLICKED, after + timedelta(seconds=chance.randint(5, 120)), agent, link=link.pk, url=link.url)


def _delay(chance: random.Random, days: int) -> timedelta:
    """Half within three hours, a long tail, and nothing later than today."""
    return min(timedelta(hours=chance.lognormvariate(1.1, 1.3)), timedelta(days=days - 1))


def _leave(message: Message, run: Run, chance: random.Random) -> None:
    """As the unsubscribe page does it: consent first, then the event."""
    assert message.sent_at is not None  # noqa: S101
    at = message.sent_at + _delay(chance, 5)
    contact = Contact.objects.get(pk=message.contact_id)
    consent.withdraw(contact, source=f"the unsubscribe page, campaign “{run.campaign.name}”", at=at)
    ingest.record(
        names.UNSUBSCRIBED, contact_id=contact.pk, campaign_id=run.campaign_id, variant_id=message.variant_id,
        message_id=message.pk, occurred_at=at, properties={"one_click": False},
    )  # fmt: skip
