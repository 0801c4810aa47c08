"""Months get their partition, before their events come or after."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from events import ingest, partitions, stream
from events.models import Event

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _drop_partitions():
    yield
    with connection.cursor() as cursor:
        for name in partitions._existing() - {"events_event_default"}:
            cursor.execute(f"DROP TABLE {name}")


def rows_in(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        return int(cursor.fetchone()[0])


def test_the_months_around_now_are_made_once() -> None:
    made = partitions.ensure(months_ahead=2)
    assert len(made) == 4
    assert f"events_event_{timezone.now():%Y_%m}" in made
    assert partitions.ensure(months_ahead=2) == []


def test_new_events_land_in_their_month() -> None:
    partitions.ensure()
    ingest.record("a")
    assert rows_in(f"events_event_{timezone.now():%Y_%m}") == 1
    assert rows_in("events_event_default") == 0


def test_events_move_out_of_the_default_partition_and_no_reader_notices() -> None:
    moments = [datetime(2023, 12, 31, 23, 59, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC), timezone.now()]
    for number, moment in enumerate(moments):
        ingest.record(str(number), occurred_at=moment)
    with stream.read("r", 2) as events:
        assert [event.name for event in events] == ["0", "1"]
    made = partitions.ensure()
    assert {"events_event_2023_12", "events_event_2024_01"} <= set(made)
    assert (rows_in("events_event_2023_12"), rows_in("events_event_2024_01"), rows_in("events_event_default")) == (
        1,
        1,
        0,
    )
    with stream.read("r") as events:
        assert [event.name for event in events] == ["2"]


def test_impossible_months_stay_in_the_default_partition() -> None:
    ingest.record("typo", occurred_at=datetime(1970, 1, 1, tzinfo=UTC))
    ingest.record("far ahead", occurred_at=timezone.now() + timedelta(days=4000))
    partitions.ensure()
    assert rows_in("events_event_default") == 2
    assert Event.objects.count() == 2


def test_ids_still_count_on_after_a_partition_was_attached() -> None:
    first = ingest.record("a")
    partitions.ensure()
    assert ingest.record("b") > first


def test_a_busy_log_is_left_for_the_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitions, "LOCK_WAIT", "100ms")
    is_writing, may_end = threading.Event(), threading.Event()

    def write() -> None:
        with transaction.atomic():
            ingest.record("a")
            is_writing.set()
            may_end.wait(10)
        connections.close_all()

    writer = threading.Thread(target=write)
    writer.start()
    is_writing.wait(10)
    assert partitions.ensure() == []
    may_end.set()
    writer.join()
    assert len(partitions.ensure()) == 4
    assert Event.objects.count() == 1
