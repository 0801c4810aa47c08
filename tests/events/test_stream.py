"""Readers of the log miss nothing and take nothing twice, whatever order transactions end in."""

import threading
from collections.abc import Callable, Iterator

import pytest
from django.db import connection, connections, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events import ingest, stream
from events.models import Cursor

pytestmark = pytest.mark.django_db(transaction=True)


def names_read(reader: str, batch: int = 5000) -> list[str]:
    with stream.read(reader, batch) as events:
        return [event.name for event in events]


def all_names(reader: str, batch: int = 5000) -> list[str]:
    found: list[str] = []
    while some := names_read(reader, batch):
        found += some
    return found


class Writer(threading.Thread):
    """A transaction on a connection of its own that stays open until it is told how to end."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        self.names, self.has_written, self.may_end, self.keeps = names, threading.Event(), threading.Event(), True
        self.start()
        assert self.has_written.wait(10)

    def run(self) -> None:
        try:
            with transaction.atomic():
                for name in self.names:
                    ingest.record(name)
                self.has_written.set()
                self.may_end.wait(10)
                transaction.set_rollback(not self.keeps)
        finally:
            connections.close_all()

    def end(self, *, keeps: bool = True) -> None:
        self.keeps = keeps
        self.may_end.set()
        self.join()


def in_thread(work: Callable[[], object]) -> None:
    def run() -> None:
        try:
            work()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


def test_an_event_that_commits_late_is_not_skipped() -> None:
    slow = Writer("slow")
    ingest.record("fast")
    assert names_read("r") == []  # the fast one waits for whatever may still appear before it
    slow.end()
    assert names_read("r") == ["slow", "fast"]
    assert names_read("r") == []


def test_a_transaction_that_fails_holds_nobody_up() -> None:
    failing = Writer("never")
    ingest.record("kept")
    failing.end(keeps=False)
    assert names_read("r") == ["kept"]


def test_events_of_one_transaction_come_in_the_order_in_which_they_were_written() -> None:
    with transaction.atomic():
        for name in "abc":
            ingest.record(name)
    assert [names_read("r", 2), names_read("r", 2)] == [["a", "b"], ["c"]]


def test_work_that_fails_leaves_the_cursor_where_it_was() -> None:
    ingest.record("a")

    def fail() -> None:
        with stream.read("r"):
            Cursor.objects.create(reader="written by the work")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert names_read("r") == ["a"]
    assert not Cursor.objects.filter(reader="written by the work").exists()


def test_a_second_worker_of_the_same_reader_gets_nothing() -> None:
    ingest.record("a")
    second: list[list[str]] = []
    with stream.read("r") as events:
        assert [event.name for event in events] == ["a"]
        in_thread(lambda: second.append(names_read("r")))
    assert second == [[]]


def test_readers_do_not_disturb_each_other() -> None:
    ingest.record("a")
    assert names_read("one") == ["a"]
    assert names_read("two") == ["a"]


def test_a_replay_gives_everything_again() -> None:
    ingest.record_many({"name": name} for name in "abc")
    assert names_read("r") == ["a", "b", "c"]
    stream.replay("r")
    assert names_read("r") == ["a", "b", "c"]


def test_a_replay_from_a_remembered_place_gives_what_follows_it() -> None:
    ingest.record("a")
    names_read("r")
    place = stream.position_of("r")
    ingest.record("b")
    assert names_read("r") == ["b"]
    stream.replay("r", to=place)
    assert names_read("r") == ["b"]


def test_a_span_bounds_exactly_the_batch() -> None:
    ingest.record_many({"name": str(number)} for number in range(10))
    found: list[str] = []
    while True:
        with stream.read_span("r", 4) as span:
            if span is None:
                break
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT name FROM events_event WHERE (xid, id) > (%s::text::xid8, %s)"
                    " AND (xid, id) <= (%s::text::xid8, %s) ORDER BY xid, id",
                    span.params,
                )
                names = [name for (name,) in cursor.fetchall()]
            assert len(names) == span.count
            found += names
    assert found == [str(number) for number in range(10)]


def test_properties_come_back_as_they_were_written() -> None:
    ingest.record("a", properties={"link": 3, "where": ["x", None]})
    with stream.read("r") as (event,):
        assert event.properties == {"link": 3, "where": ["x", None]}


def test_reading_walks_the_partitions_by_their_keys_without_sorting_the_log() -> None:
    ingest.record_many({"name": "a"} for _ in range(20_000))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE events_event")
        cursor.execute(f"EXPLAIN {stream._NEXT_EVENTS}", [0, 0, 1000])
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Index Scan using" in plan
    assert "Sort  (" not in plan
    assert "Seq Scan" not in plan


@pytest.fixture
def clean_log() -> Iterator[Callable[[], None]]:
    def clean() -> None:
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE events_event, events_cursor")

    yield clean
    clean()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("open"), st.integers(1, 3)),
            st.tuples(st.just("commit"), st.integers(0, 5)),
            st.tuples(st.just("roll back"), st.integers(0, 5)),
            st.tuples(st.just("read"), st.integers(1, 4)),
        ),
        max_size=14,
    )
)
def test_every_committed_event_is_read_once_in_any_interleaving(
    steps: list[tuple[str, int]], clean_log: Callable[[], None]
) -> None:
    clean_log()
    is_open: list[Writer] = []
    committed: list[str] = []
    seen: list[str] = []
    for number, (what, argument) in enumerate(steps):
        if what == "open":
            is_open.append(Writer(*[f"{number}.{part}" for part in range(argument)]))
        elif what == "read":
            seen += names_read("r", argument)
        elif is_open:
            writer = is_open.pop(argument % len(is_open))
            writer.end(keeps=what == "commit")
            committed += writer.names if what == "commit" else []
    for writer in is_open:
        writer.end()
        committed += writer.names
    seen += all_names("r", 3)
    assert sorted(seen) == sorted(committed)
