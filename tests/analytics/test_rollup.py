"""The hourly counts say what the log says: after crashes, replays and relabelling too."""

import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.db import DataError, connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics import rollup, tasks
from analytics.models import FirstSeen, LinkRollup, Rollup
from events import ingest, labels, names
from events.models import Event

pytestmark = pytest.mark.django_db(transaction=True)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

Cells = dict[tuple, tuple[int, int]]


def cells() -> Cells:
    rows = Rollup.objects.values_list("campaign_id", "variant_id", "hour", "name", "label", "count", "unique_count")
    return {row[:5]: row[5:] for row in rows}


def links() -> Cells:
    rows = LinkRollup.objects.values_list("campaign_id", "variant_id", "link_id", "label", "count", "unique_count")
    return {row[:4]: row[4:] for row in rows}


def counted_by_hand() -> tuple[Cells, Cells]:
    """The same counts, event by event in Python."""
    counts: Counter[tuple] = Counter()
    uniques: Counter[tuple] = Counter()
    link_counts: Counter[tuple] = Counter()
    link_uniques: Counter[tuple] = Counter()
    seen: set[tuple] = set()
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM events_event ORDER BY xid, id")
        order = [pk for (pk,) in cursor.fetchall()]
    by_id = Event.objects.in_bulk(order)
    for event in (by_id[pk] for pk in order):
        if event.campaign_id is None or event.name == names.RELABELLED:
            continue
        is_unique_kind = event.name in rollup.UNIQUE_NAMES
        for label in [event.label, "any"] if is_unique_kind else [event.label]:
            hour = event.occurred_at.replace(minute=0, second=0, microsecond=0)
            cell = (event.campaign_id, event.variant_id or 0, hour, event.name, label)
            counts[cell] += 1
            is_first = event.message_id is not None and (event.message_id, event.name, label) not in seen
            seen.add((event.message_id, event.name, label))
            uniques[cell] += is_first or not is_unique_kind
            if event.name == names.CLICKED and "link" in event.properties:
                link = event.properties["link"]
                link_cell = (event.campaign_id, event.variant_id or 0, link, label)
                link_counts[link_cell] += 1
                is_first = event.message_id is not None and (event.message_id, link, label) not in seen
                seen.add((event.message_id, link, label))
                link_uniques[link_cell] += is_first
    return (
        {cell: (count, uniques[cell]) for cell, count in counts.items()},
        {cell: (count, link_uniques[cell]) for cell, count in link_counts.items()},
    )


def opened(message: int | None, *, minutes: int = 0, label: str = "human", campaign: int = 1) -> int:
    return ingest.record(
        names.OPENED, campaign_id=campaign, variant_id=1, message_id=message, label=label,
        occurred_at=NOON + timedelta(minutes=minutes),
    )  # fmt: skip


def test_a_second_open_counts_but_is_not_unique() -> None:
    opened(1)
    opened(1, minutes=5)
    opened(2, minutes=90)
    tasks.roll_up()
    assert cells()[1, 1, NOON, names.OPENED, "human"] == (2, 1)
    assert cells()[1, 1, NOON + timedelta(hours=1), names.OPENED, "human"] == (1, 1)


def test_a_later_batch_knows_what_an_earlier_one_saw() -> None:
    opened(1)
    rollup.advance()
    opened(1, minutes=90)
    rollup.advance()
    assert cells()[1, 1, NOON + timedelta(hours=1), names.OPENED, "human"] == (1, 0)


def test_a_person_behind_a_scanner_is_unique_once_overall() -> None:
    opened(1, label="scanner")
    opened(1, minutes=1)
    rollup.advance()
    found = cells()
    assert found[1, 1, NOON, names.OPENED, "scanner"] == (1, 1)
    assert found[1, 1, NOON, names.OPENED, "human"] == (1, 1)
    assert found[1, 1, NOON, names.OPENED, "any"] == (2, 1)


def test_events_of_no_campaign_are_not_counted() -> None:
    ingest.record("purchase", contact_id=1)
    rollup.advance()
    assert cells() == {}


def test_links_are_counted_by_their_row_and_nonsense_is_not_a_link() -> None:
    for message, link in [(1, 7), (1, 7), (2, 7), (2, "8; DROP"), (2, None), (3, 9**30)]:
        ingest.record(names.CLICKED, campaign_id=1, variant_id=1, message_id=message, properties={"link": link})
    rollup.advance()
    assert links() == {(1, 1, 7, "human"): (3, 2), (1, 1, 7, "any"): (3, 2)}


def test_a_batch_that_crashes_is_counted_once_when_it_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    opened(1)
    with monkeypatch.context() as broken:
        broken.setattr(rollup, "_RELABELLED", "SELECT 1/0")
        with pytest.raises(DataError, match="zero"):
            rollup.advance()
    assert cells() == {}
    assert rollup.advance() == 1
    assert rollup.advance() == 0
    assert cells()[1, 1, NOON, names.OPENED, "human"] == (1, 1)


def test_a_relabelled_open_moves_to_its_new_label() -> None:
    pk = opened(1)
    opened(1, minutes=5)
    rollup.advance()
    labels.relabel([Event.objects.get(pk=pk)], label="prefetch", reason="new mail client")
    rollup.advance()
    assert (cells(), links()) == counted_by_hand()
    assert cells()[1, 1, NOON, names.OPENED, "human"] == (1, 1)


def test_starting_over_gives_the_same_counts() -> None:
    for message in range(5):
        opened(message, minutes=message * 40)
        ingest.record(names.MESSAGE_SENT, campaign_id=1, variant_id=1, message_id=message)
    rollup.advance()
    before = cells()
    rollup.start_over()
    assert (cells(), FirstSeen.objects.count()) == ({}, 0)
    while rollup.advance(batch=3):
        pass
    assert cells() == before


def test_rebuilding_one_campaign_changes_nothing_that_was_right() -> None:
    for message in range(4):
        ingest.record(names.MESSAGE_SENT, campaign_id=1, variant_id=1, message_id=message)
        opened(message)
        opened(100 + message, campaign=2)
    rollup.advance(batch=9)  # the log has been read to somewhere in the middle
    before = cells()
    rollup.rebuild(1)
    assert cells() == before
    while rollup.advance():
        pass
    assert (cells(), links()) == counted_by_hand()


def test_recounting_a_large_campaign_takes_its_hits_to_the_database_alone() -> None:
    for start in range(0, 20_000, 5000):
        ingest.record_many(
            {"name": names.CLICKED, "campaign_id": 1, "message_id": message, "properties": {"link": message % 3}}
            for message in range(start, start + 5000)
        )
        rollup.advance()
    before = cells(), links()
    tracemalloc.start()
    rollup.rebuild(1)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 500_000
    assert (cells(), links()) == before == counted_by_hand()


@pytest.fixture
def clean() -> Iterator[Callable[[], None]]:
    def truncate() -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "TRUNCATE events_event, events_cursor, analytics_rollup, analytics_linkrollup, analytics_firstseen"
            )

    yield truncate
    truncate()


happenings = st.tuples(
    st.sampled_from([names.MESSAGE_SENT, names.OPENED, names.CLICKED, names.UNSUBSCRIBED]),
    st.sampled_from([1, 1, 2, None]),
    st.sampled_from([1, 2, 3, None]),
    st.sampled_from(["human", "scanner", "prefetch"]),
    st.integers(0, 180),
    st.integers(1, 3),
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.lists(happenings, min_size=1, max_size=6)),
        st.tuples(st.just("fold"), st.integers(1, 7)),
        st.tuples(st.just("relabel"), st.integers(0, 20)),
        st.tuples(st.just("rebuild"), st.integers(1, 2)),
    ),
    max_size=12,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_the_counts_agree_with_a_count_by_hand_whatever_happened(
    clean: Callable[[], None], script: list[tuple]
) -> None:
    clean()
    for what, argument in script:
        if what == "write":
            ingest.record_many(
                {
                    "name": name,
                    "campaign_id": campaign,
                    "variant_id": 1,
                    # a message belongs to one campaign
                    "message_id": message and message + 10 * (campaign or 0),
                    "label": label,
                    "occurred_at": NOON + timedelta(minutes=minutes),
                    "properties": {"link": link},
                }  # fmt: skip
                for name, campaign, message, label, minutes, link in argument
            )
        elif what == "fold":
            rollup.advance(argument)
        elif what == "relabel":
            chosen = Event.objects.filter(name=names.OPENED).order_by("id")[argument : argument + 2]
            labels.relabel(list(chosen), label="scanner", reason="found out later")
        else:
            rollup.rebuild(argument)
    while rollup.advance(5):
        pass
    assert (cells(), links()) == counted_by_hand()
