"""Segments at a million people with ten million events: counting, the builder's live size, and keeping members.

Runs in a scratch database of its own beside the configured one. The limit of a count is the same question as someone
fluent in SQL would write it for this schema, in the same run; that of a refresh is the bare set difference into the
same table. The live size is asked for as the builder asks, through the whole of Django: p95 beside the goal.
"""

import json
import math
from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from bench import scratch
from bench.result import Result
from contacts.models import AttributeDefinition
from events import partitions
from segments import membership
from segments.models import Segment
from team.models import User
from team.roles import MARKETER

ROUNDS = 5
REFRESH_ROUNDS = 3
COUNT_GOAL, REFRESH_GOAL = "<= 1.3", "<= 1.5"
LIVE_ASKED, LIVE_GOAL_MS = 20, 700
EVENTS_PER_PERSON = 10

CONTACTS = """
INSERT INTO contacts_contact (uuid, email, first_name, last_name, locale, attributes, tags, created_at)
SELECT gen_random_uuid(), 'person' || i || '@example.com', 'First' || i % 5000, 'Last' || i % 20000,
    CASE i % 4 WHEN 0 THEN 'de' WHEN 1 THEN 'fr' ELSE 'en' END,
    jsonb_build_object('channel', CASE WHEN r < 0.44 THEN 'Web' WHEN r < 0.88 THEN 'Phone' ELSE 'Multichannel' END,
        'history', round((r * 7919 % 1 * 900)::numeric, 2), 'recency', i % 12 + 1, 'plan', 'plan-' || i % 40,
        'newbie', i % 2 = 0, 'city', 'City ' || i % 3000),
    CASE WHEN i % 20 = 0 THEN ARRAY['vip'] WHEN i % 3 = 0 THEN ARRAY['newsletter', 'shop'] ELSE '{{}}' END,
    now() - (i % 1000) * interval '1 day'
FROM (SELECT i, (i * 2654435761 % 1000003) / 1000003.0 AS r FROM generate_series(1::bigint, {people}) i) numbers
"""
EVENTS = """
INSERT INTO events_event (name, occurred_at, contact_id, properties)
SELECT CASE i % 4 WHEN 0 THEN 'purchase' WHEN 1 THEN 'message.opened' ELSE 'page.viewed' END,
    now() - (i * 40503 % 86400) * interval '1 minute', i * 7368787 % {people} + 1,
    jsonb_build_object('amount', i % 200, 'category', 'category ' || i % 25)
FROM generate_series(1::bigint, {events}) i
"""

PURCHASES = {"event": "purchase", "operator": "at_least", "times": 2, "within_days": 30}
BOUGHT = (
    "SELECT contact_id FROM events_event WHERE name = 'purchase' AND label = 'human'"
    " AND occurred_at >= now() - interval '30 days' GROUP BY contact_id HAVING count(*) >= 2"
)
QUESTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "text equals": (
        {"field": "attribute:channel", "operator": "equals", "value": "Web"},
        'attributes @> \'{"channel": "Web"}\'',
    ),
    "number between": (
        {"field": "attribute:history", "operator": "between", "value": [200, 400]},
        "(attributes->>'history')::numeric BETWEEN 200 AND 400",
    ),
    "tag": ({"field": "tag", "operator": "has", "value": "vip"}, "tags @> ARRAY['vip']::varchar[]"),
    "behaviour at least 2": (PURCHASES, f"id IN ({BOUGHT})"),
    "total of a property": (
        {"event": "purchase", "operator": "sum", "property": "amount", "is": "greater_than", "value": 150},
        "id IN (SELECT contact_id FROM events_event WHERE name = 'purchase' AND label = 'human'"
        " GROUP BY contact_id HAVING sum((properties->>'amount')::numeric) > 150)",
    ),
    "nested": (
        {
            "all": [
                {"field": "attribute:channel", "operator": "equals", "value": "Web"},
                {"any": [{"field": "attribute:history", "operator": "greater_than", "value": 400}, PURCHASES]},
                {"not": {"field": "tag", "operator": "has", "value": "vip"}},
            ]
        },
        "attributes @> '{\"channel\": \"Web\"}' AND ((attributes->>'history')::numeric > 400"
        f" OR id IN ({BOUGHT})) AND NOT tags @> ARRAY['vip']::varchar[]",
    ),
}


def run(scale: float = 1.0) -> list[Result]:
    membership.COUNT_SECONDS = 300  # what is measured is the question, not the patience of whoever asks
    with scratch.database():
        _fill(int(1_000_000 * scale))
        results = [_count(name, rules, by_hand) for name, (rules, by_hand) in QUESTIONS.items()]
        return results + _live_sizes() + _refreshes()


def _fill(people: int) -> None:
    types = {"channel": "text", "history": "number", "recency": "number", "plan": "text", "newbie": "boolean"}
    for key, kind in types.items():
        AttributeDefinition.objects.create(key=key, label=key.title(), type=kind)
    partitions.ensure()
    _execute(CONTACTS.format(people=people))
    _execute(EVENTS.format(people=people, events=people * EVENTS_PER_PERSON))
    _execute("VACUUM ANALYZE contacts_contact, events_event")


def _count(name: str, rules: dict[str, Any], by_hand: str) -> Result:
    sql = f"SELECT count(*) FROM contacts_contact WHERE erased_at IS NULL AND {by_hand}"
    answers = membership.count(rules), _execute(sql)
    assert answers[0] == answers[1], f"{name}: {answers}"
    rounds = [
        (scratch.timed(lambda: membership.count(rules)), scratch.timed(lambda: _execute(sql))) for _ in range(ROUNDS)
    ]
    ours, limit = (min(times) for times in zip(*rounds, strict=True))
    return _result(f"count: {name} ({answers[0]:,} people)", ours, limit, COUNT_GOAL)


def _live_sizes() -> list[Result]:
    marketer, client = User.objects.create_user("bench", is_staff=True), Client()
    marketer.groups.add(Group.objects.get(name=MARKETER))
    client.force_login(marketer)
    return [_live_size(client, name, rules) for name, (rules, _) in QUESTIONS.items()]


def _live_size(client: Client, name: str, rules: dict[str, Any]) -> Result:
    url, body = reverse("admin:segments_segment_preview") + "?quick=1", json.dumps(rules)

    def ask() -> None:
        answer = client.post(url, body, content_type="application/json")
        assert answer.status_code == 200, answer.content

    ask()
    times = sorted(scratch.timed(ask) * 1000 for _ in range(LIVE_ASKED))
    p95 = times[math.ceil(LIVE_ASKED * 0.95) - 1]
    peak, ratio = round(scratch.own_peak_mb()), round(p95 / LIVE_GOAL_MS, 2)
    return Result(f"live size: {name}, p95", round(p95, 1), LIVE_GOAL_MS, "ms", ratio, peak, "<= 1")


def _refreshes() -> list[Result]:
    """Fill with everyone of one question, move to another that shares about half of them, then change nothing."""
    steps = ["fill two thirds", "a third in, a third out", "nothing changed"]
    by_hand, ours = [], []
    for _ in range(REFRESH_ROUNDS):
        by_hand.append(_emptied(_differences_by_hand))
        ours.append(_emptied(_differences_of_ours))
    best = [tuple(map(min, zip(*rounds, strict=True))) for rounds in (ours, by_hand)]
    return [
        _result(f"materialise: {step}", mine, limit, REFRESH_GOAL)
        for step, mine, limit in zip(steps, *best, strict=True)
    ]


def _emptied(steps: Callable[[], list[float]]) -> list[float]:
    """The same start for both: no members, nothing left to write from before."""
    _execute("TRUNCATE segments_membership")
    scratch.settled()
    return steps()


def _differences_by_hand() -> list[float]:
    return [_bare_difference(asked, 1) for asked in ("history < 600", "history > 300", "history > 300")]


def _differences_of_ours() -> list[float]:
    below = {"field": "attribute:history", "operator": "less_than", "value": 600}
    above = {"field": "attribute:history", "operator": "greater_than", "value": 300}
    segment, _ = Segment.objects.get_or_create(name="bench")
    times = []
    for asked in (below, above, above):
        Segment.objects.filter(pk=segment.pk).update(rules=asked)
        times.append(scratch.timed(lambda: membership.refresh(segment)))
    return times


def _bare_difference(condition: str, segment: int) -> float:
    """A fluent hand's difference: what is missing in, what is gone out."""
    asked = condition.replace("history", "(attributes->>'history')::numeric")
    wanted = f"SELECT id FROM contacts_contact WHERE erased_at IS NULL AND {asked}"
    have = f"segments_membership m WHERE m.segment_id = {segment}"

    def apply() -> None:
        with transaction.atomic():
            _execute(
                f"INSERT INTO segments_membership (segment_id, contact_id) SELECT {segment}, w.id FROM ({wanted}) w"
                f" WHERE NOT EXISTS (SELECT FROM {have} AND m.contact_id = w.id)"
            )
            _execute(f"DELETE FROM {have} AND NOT EXISTS (SELECT FROM ({wanted}) w WHERE w.id = m.contact_id)")

    return scratch.timed(apply)


def _execute(sql: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0] if cursor.description else None


def _result(name: str, ours: float, limit: float, goal: str) -> Result:
    ratio, peak = round(ours / limit, 2), round(scratch.own_peak_mb())
    return Result(name, round(ours, 4), round(limit, 4), "s", ratio, peak, goal)
