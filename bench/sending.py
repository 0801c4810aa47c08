"""The send path: planning, claiming, and sending to postfix's smtp-sink, each beside its hand-written limit.

Planning is measured against a bare INSERT ... SELECT of the same rows into a table with the same indexes; sending
against the usual Django way (template, EmailMultiAlternatives, one open SMTP connection, two processes) and against
two bare loops that pipeline finished bytes.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from bench import scratch
from bench.racers import HTML, TEXT, WORKERS
from bench.result import Result
from campaigns.models import Campaign, Sender, Variant
from delivery import ledger, outbox
from delivery.models import Account, Message, Run
from segments.models import Segment
from team.models import User
from templates_app import publishing
from templates_app.models import Template

ROUNDS = 3


def run(scale: float = 1.0) -> list[Result]:
    with scratch.database() as url:
        people, sends = int(1_000_000 * scale), max(2_000, int(100_000 * scale))
        campaign = _prepare(people)
        results = [_planning(campaign, people), _claiming(campaign)]
        if shutil.which("smtp-sink"):
            results += _sending(campaign, sends, url)
        else:
            sys.stdout.write("send: left out, because postfix's smtp-sink is not installed\n")
        return results


def _prepare(people: int) -> Campaign:
    """`people` contacts with consent in one segment, and a campaign to all of them."""
    scratch.execute(
        """
        INSERT INTO contacts_contact (email, external_id, first_name, last_name, locale, time_zone, attributes)
        SELECT 'person' || n || '@example.com', 'p-' || n, 'Given' || n %% 5000, 'Family' || n %% 9000, 'en',
            'Europe/Berlin', jsonb_build_object('plan', 'gold', 'city', 'Town ' || n %% 300, 'points', n %% 1000)
        FROM generate_series(1, %s) n
        """,
        people,
    )
    scratch.execute(
        "INSERT INTO contacts_consentstate (contact_id, channel, topic, is_granted, since) "
        "SELECT id, 'email', '', id %% 20 <> 0, now() FROM contacts_contact"
    )
    segment = Segment.objects.create(name="Everyone", rules={"all": []})
    scratch.execute(
        "INSERT INTO segments_membership (segment_id, contact_id) SELECT %s, id FROM contacts_contact", segment.pk
    )
    scratch.execute("VACUUM ANALYZE")
    author = User.objects.create_user("bench")
    template = Template.objects.create(name="Bench", created_by=author)
    content = {"subject": "News for {{ contact.first_name }}", "source": HTML, "text_source": TEXT}
    publishing.save_draft(template, by=author, **content)
    version = publishing.publish(template, by=author)
    sender = Sender.objects.create(name="Bench", email="bench@example.com", is_default=True)
    campaign = Campaign.objects.create(name="Bench", sender=sender, status="sending", planned_at=timezone.now())
    campaign.segments.add(segment)
    Variant.objects.create(campaign=campaign, template=template, version=version)
    return campaign


def _planning(campaign: Campaign, people: int) -> Result:
    scratch.execute("CREATE TABLE bench_message (LIKE delivery_message INCLUDING ALL)")
    scratch.settled()
    bare = scratch.timed(
        lambda: scratch.execute(
            "INSERT INTO bench_message (run_id, contact_id, variant_id, step, channel, state, reason) "
            "SELECT 1, contact_id, 1, 0, 'email', 'planned', '' FROM segments_membership"
        )
    )
    scratch.execute("DROP TABLE bench_message")
    scratch.settled()
    run = outbox.open_run(campaign)
    ours = scratch.timed(lambda: _freeze(run, campaign))
    assert Message.objects.filter(run=run).count() == people
    scratch.execute("VACUUM ANALYZE delivery_message")
    return Result(
        "plan an audience", people / ours, people / bare, "rows/s", ours / bare, scratch.own_peak_mb(), "at most 2x"
    )


def _freeze(run: Run, campaign: Campaign) -> None:
    with transaction.atomic():
        outbox.freeze_audience(run, campaign)


def _claiming(campaign: Campaign, batches: int = 100) -> Result:
    """Claiming in batches of 500, against a plain UPDATE of the same rows by id."""
    run = Run.objects.get(campaign=campaign)
    after: ledger.Claimed | None = None

    def claim() -> None:
        nonlocal after
        for _ in range(batches):
            rows = ledger.claim(run.pk, worker="bench", after=after, limit=500)
            if not rows:
                break
            after = rows[-1]

    ours = scratch.timed(claim)
    claimed = list(Message.objects.filter(state="queued").order_by("pk").values_list("pk", flat=True))

    def update() -> None:
        for start in range(0, len(claimed), 500):
            scratch.execute(
                "UPDATE delivery_message SET state = 'planned', worker = '', attempt = 0, lease_until = NULL "
                "WHERE id = ANY(%s)",
                claimed[start : start + 500],
            )

    bare = scratch.timed(update)
    count = len(claimed)
    return Result("claim", count / ours, count / bare, "rows/s", ours / bare, scratch.own_peak_mb(), "")


def _sending(campaign: Campaign, sends: int, url: str) -> list[Result]:
    """Rounds alternate and the best of each counts: what others do on the machine only ever slows."""
    run = Run.objects.get(campaign=campaign)
    # What isn't its round's stays planned in the ledger, so that claiming works on its full size.
    Message.objects.filter(run=run, state="planned").update(due_at=timezone.now() + timedelta(days=1))
    scratch.execute("VACUUM ANALYZE delivery_message")
    each, rates, peaks = sends // ROUNDS, {"ours": 0.0, "django": 0.0, "bare": 0.0}, []
    with _sink() as port:
        Account.objects.create(
            name="Sink", provider="smtp", is_default=True,
            config={"host": "127.0.0.1", "port": port, "security": "none"},
        )  # fmt: skip
        Run.objects.filter(pk=run.pk).update(status=Run.Status.SENDING)
        for number in range(1, ROUNDS + 1):
            count = _make_due(run, each)
            for way, share in (("ours", count), ("django", min(count, 10_000)), ("bare", count)):
                scratch.settled()
                seconds, peak = _race(way, url, port, share // WORKERS)
                rates[way] = max(rates[way], share / seconds)
                peaks.append(peak if way == "ours" else 0.0)
            assert Message.objects.filter(run=run, state="sent").count() == each * number
    rate = rates["ours"]
    return [
        Result(f"send, beside {name}", rate, rates[way], "messages/s", rate / rates[way], max(peaks), goal)
        for way, name, goal in (
            ("django", "Django's own way", "at least 4x"),
            ("bare", "bare pipelining", "at least 0.25x"),
        )
    ]


def _make_due(run: Run, count: int) -> int:
    """How many of the run's next messages were made due; they are the only ones."""
    chosen = Message.objects.filter(run=run, state="planned").order_by("pk").values_list("pk", flat=True)[:count]
    return Message.objects.filter(pk__in=list(chosen)).update(due_at=timezone.now())


@contextmanager
def _sink() -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    as_whom = ["-u", "nobody"] if os.geteuid() == 0 else []  # it refuses to run as root
    process = subprocess.Popen(["smtp-sink", *as_whom, f"127.0.0.1:{port}", "100"])
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait()


def _race(way: str, url: str, port: int, count: int) -> tuple[float, float]:
    """Seconds from the go to the end of the slower of two processes, and the memory of the larger."""
    code = f"from bench import racers; racers.race({way!r}, {port}, {count})"
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", code]
    environment = os.environ | {"DATABASE_URL": url}
    racers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        for _ in range(WORKERS)
    ]
    for racer in racers:
        assert racer.stdout is not None
        racer.stdout.readline()  # ready: imports are not part of the race
    began = time.perf_counter()
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    peaks = [float(racer.communicate()[0].split()[-1]) for racer in racers]
    return time.perf_counter() - began, max(peaks)
