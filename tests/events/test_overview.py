"""What is known about events, from the log: names, days, sources and properties, each event counted once."""

from datetime import UTC, date, datetime

import pytest

from events import ingest, overview
from events.models import EventDay, EventName, EventProperty
from tests.events.conftest import Sender

pytestmark = pytest.mark.django_db(transaction=True)


def stock() -> None:
    while overview.advance():
        pass


def test_names_days_and_sources_are_counted_once_each(server: Sender) -> None:
    server.batch(
        *({"type": "track", "event": "Bought", "userId": "u", "timestamp": f"2024-05-0{day}"} for day in (1, 1, 2))
    )
    ingest.record("Bought", occurred_at=datetime(2024, 5, 1, tzinfo=UTC))
    stock()
    server.batch({"type": "track", "event": "Bought", "userId": "u", "timestamp": "2024-05-02"})
    stock()
    bought = EventName.objects.get(name="Bought")
    assert (bought.count, bought.first_seen_at.day, bought.last_seen_at.day) == (5, 1, 2)
    source = server.source.pk
    assert set(EventDay.objects.values_list("day", "source_id", "count")) == {
        (date(2024, 5, 1), source, 2), (date(2024, 5, 1), 0, 1), (date(2024, 5, 2), source, 2),
    }  # fmt: skip


def test_properties_are_listed_with_their_kinds_and_without_values(server: Sender) -> None:
    server.batch(
        {"type": "track", "event": "Bought", "userId": "u", "properties": {"total": 5, "items": [], "code": "secret"}},
        {"type": "track", "event": "Bought", "userId": "u", "properties": {"total": "5", "code": None}},
    )
    stock()
    assert set(EventProperty.objects.values_list("key", "kind")) == {
        ("total", "number"), ("total", "string"), ("items", "array"), ("code", "string"), ("code", "null"),
    }  # fmt: skip


def test_names_that_a_program_makes_up_do_not_fill_the_list(server: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overview, "MOST_NAMES", 2)
    for event in ("A", "B", "C", "A"):
        server.say("track", event=event, userId="u")
        stock()
    assert dict(EventName.objects.values_list("name", "count")) == {"A": 2, "B": 1}


def test_notes_of_the_log_to_its_readers_are_no_events_of_people(server: Sender) -> None:
    server.say("track", event="E", anonymousId="v")
    server.say("identify", anonymousId="v", userId="u")
    stock()
    assert list(EventName.objects.values_list("name", flat=True)) == ["E"]
