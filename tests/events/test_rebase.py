"""A log restored into a younger server goes on where every reader was."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events import ingest, rebase, stream
from events.models import Cursor

pytestmark = pytest.mark.django_db(transaction=True)
AHEAD = 10**12


def names_read(reader: str, batch: int = 1000) -> list[str]:
    with stream.read(reader, batch) as events:
        return [event.name for event in events]


def as_if_restored() -> None:
    """Every id as it would be, had an older server given it out."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE events_event SET xid = (xid::text::bigint + %s)::text::xid8", [AHEAD])
        cursor.execute("UPDATE events_cursor SET xid = xid + %s WHERE xid > 0", [AHEAD])


def test_the_command_puts_a_restored_log_right() -> None:
    for name in "abcd":
        ingest.record(name)
    assert names_read("one", 1) == ["a"]
    assert names_read("two", 3) == ["a", "b", "c"]
    as_if_restored()
    assert names_read("one") == []
    out = StringIO()
    call_command("rebase_events", stdout=out)
    assert out.getvalue().startswith("4 events renumbered")
    ingest.record("new")
    assert names_read("one") == ["b", "c", "d", "new"]
    assert names_read("two") == ["d", "new"]
    assert names_read("a new reader") == ["a", "b", "c", "d", "new"]


def test_a_healthy_log_is_left_alone() -> None:
    ingest.record("a")
    out = StringIO()
    call_command("rebase_events", stdout=out)
    assert out.getvalue().startswith("Nothing to do")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 6), st.lists(st.integers(0, 6), max_size=4), st.booleans())
def test_no_reader_loses_or_repeats_anything(count: int, readers: list[int], in_one_transaction: bool) -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE events_event, events_cursor")
    names = [str(number) for number in range(count)]
    if in_one_transaction:
        ingest.record_many({"name": name} for name in names)
    else:
        for name in names:
            ingest.record(name)
    for reader, taken in enumerate(readers):
        if taken:
            names_read(f"r{reader}", taken)
    as_if_restored()
    rebase.rebase()
    ingest.record("new")
    for reader, taken in enumerate(readers):
        assert names_read(f"r{reader}") == [*names[taken:], "new"]
    assert not Cursor.objects.filter(xid__gte=AHEAD).exists()
