"""What an answer depends on is read off its SQL: every field there is looks only at what is noted when it changes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contacts.models import Topic
from segments import dependencies, drift, fields, rules
from segments.conditions import Condition
from segments.dependencies import UNNOTED
from segments.fields import Catalogue
from segments.models import Segment
from tests.segments.people import make_catalogue, rule

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
VALUES: dict[str, Any] = {
    "none": None, "text": "a", "texts": ["a", "b"], "number": 1, "numbers": [1, 2], "date": "2026-06-01",
    "dates": ["2026-06-01", "2026-06-02"], "count": 3, "flag": True,
}  # fmt: skip

pytestmark = pytest.mark.django_db


def keys(asked: Any) -> set[str]:
    return dependencies.keys(rules.parse(asked), NOW) - {"person"}


def test_every_field_looks_only_at_what_is_noted() -> None:
    make_catalogue()
    Topic.objects.create(key="news", name="News")
    Segment.objects.create(name="Other", rules={"all": []})
    unnoted = []
    for field in fields.everything(Catalogue()):
        for operator in field.operators:
            shape = operator.takes.input
            value = field.choices[0][0] if shape == "choice" else VALUES.get(shape)
            if shape != "none" and value is None:
                continue
            if UNNOTED in keys(rule(field.name, operator.name, value)):
                unnoted.append(f"{field.name} {operator.name}")
    assert unnoted == []


def test_attributes_events_and_segments_are_named_one_by_one() -> None:
    make_catalogue()
    other = Segment.objects.create(name="Other", rules={"all": []})
    assert keys(rule("email", "is_filled")) == {"email"}
    assert keys(rule("created_at", "in_last_days", 3)) == set()
    assert keys(rule("attribute:channel", "equals", "Web")) == {"attributes", "attribute:channel"}
    assert keys(rule("attribute:history", "between", [1, 2])) == {"attributes", "attribute:history"}
    assert keys({"event": "purchase"}) == {"event:purchase"}
    assert keys({"event": "message.opened", "operator": "did_not", "of_last": 5}) == {
        "event:message.opened", "event:message.sent",
    }  # fmt: skip
    assert keys(rule("segment", "in", str(other.uuid))) == {f"segment:{other.pk}"}
    assert keys({"not": {"any": [rule("tag", "has", "a"), rule("phone", "is_empty")]}}) == {"tags", "phone"}


def test_what_is_not_understood_is_called_unnoted_or_anything_of_its_kind() -> None:
    of = dependencies._keys_of
    assert of(Condition("c.shoe_size > 3")) == {UNNOTED}
    assert of(Condition("EXISTS (SELECT FROM delivery_message m WHERE m.contact_id = c.id)")) == {UNNOTED}
    assert of(Condition("EXISTS (SELECT FROM events_event e WHERE e.contact_id = c.id)")) == {"events"}
    assert of(Condition("c.attributes <> '{}'")) == {"attributes", "attribute:"}


class Strange:
    """A node of a kind that offers no quicker way."""

    path, children = "", ()

    def condition(self, now: datetime) -> Condition:
        return Condition("c.created_at > %s", (now,))


def test_a_rule_about_time_is_told_from_one_without() -> None:
    make_catalogue()
    for timeless in (rule("tag", "has", "a"), {"event": "purchase"}, rule("attribute:birthday", "on", "2026-06-01")):
        assert drift.is_timeless(rules.parse(timeless), NOW)
    timely = [
        rule("attribute:birthday", "anniversary_today"), {"event": "purchase", "within_days": 2},
        rule("engagement_score", "at_least", 1), {"not": rule("created_at", "more_than_days_ago", 3)},
        {"event": "purchase", "operator": "last_time", "is": "more_than_days_ago", "value": 90},
    ]  # fmt: skip
    for asked in timely:
        assert not drift.is_timeless(rules.parse(asked), NOW)


def test_days_change_at_midnight_only() -> None:
    make_catalogue()
    node = rules.parse(rule("attribute:birthday", "in_last_days", 3))
    assert drift.between(node, NOW, NOW + timedelta(hours=11)) is None
    assert drift.between(node, NOW, NOW + timedelta(hours=13)) is not None


def test_a_node_that_knows_no_quicker_way_is_compared_at_both_moments() -> None:
    found = drift.between(Strange(), NOW, NOW + timedelta(hours=1))  # type: ignore[arg-type]
    assert found
    assert "c.created_at > %s) IS TRUE) <>" in found.sql
