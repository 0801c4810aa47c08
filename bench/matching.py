"""Segments that follow: changed contacts a second against 200 segments, and how long an event takes to move someone.

Runs in a scratch database of its own beside the configured one, with a million people and three million events; a
person is in about twenty of the segments. The first changes concern every segment, since they come in statements too
large to be compared attribute by attribute; the second ones only those that ask about that attribute. At last 500
events a second come in while `manage.py follow_segments` runs; members are read ten times a second.
"""

import os
import random
import subprocess
import sys
import threading
import time
from typing import Any

from django.db import connection

from bench import scratch
from bench.result import Result
from bench.segmenting import CONTACTS, EVENTS, EVENTS_PER_PERSON
from contacts.models import AttributeDefinition
from events import ingest, partitions, stream
from events.stream import Position
from segments import matching, membership, news, standing
from segments.models import Membership, Segment

SEGMENTS = 200
CHANGED = 40_000
PER_SECOND_GOAL = 8_000
EVENTS_PER_SECOND, PER_REQUEST, SECONDS, LATENCY_GOAL = 500, 10, 20, 2.0


def run(scale: float = 1.0) -> list[Result]:
    with scratch.database() as url:
        people = int(1_000_000 * scale)
        _fill(people)
        for number in range(SEGMENTS):
            membership.refresh(Segment.objects.create(name=f"Segment {number}", rules=_rules(number)))
        matching.catch_up(seconds=600)
        scratch.execute("VACUUM ANALYZE segments_membership")  # as the server does by itself
        scratch.settled()
        changed = min(CHANGED, people // 4)
        return [
            _throughput("changed contacts, all segments concerned", changed, _spend, PER_SECOND_GOAL),
            _throughput("changed contacts, those concerned", changed, _spend_one_by_one, PER_SECOND_GOAL),
            _throughput("events that move people", changed, _buy, EVENTS_PER_SECOND),
            _latency(url, people),
        ]


def _fill(people: int) -> None:
    types = {"channel": "text", "history": "number", "recency": "number", "plan": "text", "newbie": "boolean"}
    for key, kind in types.items():
        AttributeDefinition.objects.create(key=key, label=key.title(), type=kind)
    partitions.ensure()
    scratch.execute(CONTACTS.format(people=people).replace("%", "%%"))
    scratch.execute(EVENTS.format(people=people, events=people * EVENTS_PER_PERSON).replace("%", "%%"))
    partitions.ensure()
    _skip_what_was_filled_in()
    scratch.execute("VACUUM ANALYZE contacts_contact, events_event")


def _skip_what_was_filled_in() -> None:
    scratch.execute("TRUNCATE contacts_change")
    with connection.cursor() as cursor:
        cursor.execute("SELECT xid::text::bigint, id FROM events_event ORDER BY events_event.xid DESC, id DESC LIMIT 1")
        last = Position(*cursor.fetchone())
    for reader in (news.READER, standing.READER):
        stream.replay(reader, to=last)


def _rules(number: int) -> dict[str, Any]:
    """Every fifth asks what people did; the others about texts, numbers, tags and groups of these."""
    plan = {"field": "attribute:plan", "operator": "equals", "value": f"plan-{number % 40}"}
    spent = {"field": "attribute:history", "operator": "greater_than", "value": number * 4}
    vip = {"field": "tag", "operator": "has", "value": "vip"}
    bought = {"event": "purchase", "operator": "at_least", "times": number % 3 + 1, "within_days": 10 + number % 50}
    asked: list[dict[str, Any]] = [
        {"all": [plan, spent]},
        {"all": [spent, {"field": "locale", "operator": "equals", "value": "de"}, {"not": vip}]},
        {"any": [plan, {"all": [spent, {"field": "email", "operator": "contains", "value": str(number)}]}]},
        {"all": [{"field": "attribute:recency", "operator": "equals", "value": number % 12 + 1}, {"not": plan}]},
        {"all": [spent, bought]},
    ]
    return asked[number % 5]


def _throughput(what: str, changed: int, work: Any, goal: float) -> Result:
    work(changed)
    took = scratch.timed(lambda: matching.catch_up(seconds=600))
    return _result(f"{what} ({SEGMENTS})", changed / took, goal, "a second", ">= 1")


def _spend(changed: int) -> None:
    _update_history(changed, at_once=2_000)


def _spend_one_by_one(changed: int) -> None:
    _update_history(changed, at_once=500)


def _update_history(changed: int, *, at_once: int) -> None:
    """They spent five more, which moves every second of them over a threshold."""
    for start in range(0, changed, at_once):
        scratch.execute(
            "UPDATE contacts_contact SET attributes = attributes"
            " || jsonb_build_object('history', (attributes->>'history')::numeric + 5) WHERE id BETWEEN %s AND %s",
            start + 1,
            min(start + at_once, changed),
        )


def _buy(changed: int) -> None:
    ingest.record_many({"name": "purchase", "contact_id": number} for number in range(1, changed + 1))


def _latency(url: str, people: int) -> Result:
    rules = {"event": "trial.started", "operator": "did", "within_days": 7}
    segment = Segment.objects.create(name="On trial", rules=rules)
    membership.refresh(segment)
    follower = subprocess.Popen([sys.executable, "manage.py", "follow_segments"], env=_environment(url))
    try:
        _waits(segment, [1])  # it has started
        waits = _waits(segment, random.Random(1).sample(range(2, people + 1), EVENTS_PER_SECOND * SECONDS))
    finally:
        follower.terminate()
        follower.wait()
    p95 = sorted(waits)[int(len(waits) * 0.95)]
    return _result(f"event to membership, p95 at {EVENTS_PER_SECOND} events/s", p95, LATENCY_GOAL, "s", "<= 1")


def _waits(segment: Segment, people: list[int]) -> list[float]:
    """Seconds from each event's commit to the first sight of its member."""
    sent: dict[int, float] = {}
    seen: dict[int, float] = {}
    sender = threading.Thread(target=_send, args=[people, sent])
    sender.start()
    deadline = time.monotonic() + SECONDS * 3
    while len(seen) < len(people) and time.monotonic() < deadline:
        members = set(Membership.objects.filter(segment=segment).values_list("contact_id", flat=True))
        seen |= dict.fromkeys(members & set(people) - seen.keys(), time.monotonic())
        time.sleep(0.1)
    sender.join()
    return [seen.get(contact, float("inf")) - at for contact, at in sent.items()]


def _send(people: list[int], sent: dict[int, float]) -> None:
    """As many a second as they should be, in requests of ten."""
    began = time.monotonic()
    for start in range(0, len(people), PER_REQUEST):
        time.sleep(max(0.0, began + start / EVENTS_PER_SECOND - time.monotonic()))
        some = people[start : start + PER_REQUEST]
        ingest.record_many({"name": "trial.started", "contact_id": contact} for contact in some)
        sent |= dict.fromkeys(some, time.monotonic())
    connection.close()


def _environment(url: str) -> dict[str, str]:
    return os.environ | {"DATABASE_URL": url}


def _result(name: str, ours: float, limit: float, unit: str, goal: str) -> Result:
    return Result(name, round(ours, 2), limit, unit, round(ours / limit, 2), round(scratch.own_peak_mb()), goal)
