"""What goes into the log comes out of it, and what it can't hold is refused by name."""

from datetime import UTC, datetime

import pytest

from events import ingest, names
from events.models import Event

pytestmark = pytest.mark.django_db


def test_one_event_is_kept_as_it_was_given() -> None:
    moment = datetime(2024, 5, 6, 7, 8, tzinfo=UTC)
    pk = ingest.record(
        names.CLICKED, contact_id=1, campaign_id=2, variant_id=3, message_id=4, occurred_at=moment,
        label="scanner", label_reason="because", properties={"link": 5},
    )  # fmt: skip
    event = Event.objects.get(pk=pk)
    assert (event.name, event.contact_id, event.campaign_id, event.variant_id, event.message_id) == (
        "message.clicked", 1, 2, 3, 4,
    )  # fmt: skip
    assert (event.occurred_at, event.label, event.label_reason) == (moment, "scanner", "because")
    assert event.properties == {"link": 5}


def test_many_events_keep_their_order_and_get_the_defaults() -> None:
    assert ingest.record_many({"name": name} for name in "abc") == 3
    events = list(Event.objects.order_by("id"))
    assert [event.name for event in events] == ["a", "b", "c"]
    assert {(event.label, event.contact_id) for event in events} == {("human", None)}


def test_events_may_come_from_queries_on_the_same_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "CHUNK", 3)
    ingest.record_many({"name": name} for name in "abcdefgh")
    copied = ingest.record_many(
        {"name": f"{event.name} of {Event.objects.count()}"} for event in Event.objects.order_by("id").iterator(2)
    )
    assert copied == 8
    assert list(Event.objects.order_by("id").values_list("name", flat=True))[8:] == [
        "a of 8", "b of 8", "c of 8", "d of 11", "e of 11", "f of 11", "g of 14", "h of 14",
    ]  # fmt: skip


def test_no_events_at_all_are_fine() -> None:
    assert ingest.record_many([]) == 0


@pytest.mark.parametrize(
    "event",
    [
        {"name": ""},
        {"name": "x" * 121},
        {"name": "a\0b"},
        {"name": "a", "label": "robot"},
        {"name": "a", "properties": {"amount": float("nan")}},
    ],
)
def test_what_the_log_cannot_hold_is_refused(event: ingest.NewEvent) -> None:
    with pytest.raises(ValueError, match=r".+"):
        ingest.record(**event)


@pytest.mark.django_db(transaction=True)
def test_a_refused_row_refuses_the_whole_call() -> None:
    with pytest.raises(ValueError, match="label"):
        ingest.record_many([{"name": "a"}, {"name": "b", "label": "robot"}])
    assert not Event.objects.exists()


def test_a_refused_row_takes_back_what_was_copied_before_it_and_leaves_the_caller_s_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ingest, "CHUNK", 2)
    ingest.record("kept")
    with pytest.raises(ValueError, match="label"):
        ingest.record_many([{"name": "a"}, {"name": "b"}, {"name": "c", "label": "robot"}])
    assert Event.objects.get().name == "kept"


@pytest.mark.parametrize("nasty", ["nul \0 here", "half \ud800 pair", 'tab\tquote"back\\slash\\N\n', "\\u0000", "🔔"])
def test_user_agents_with_anything_in_them_are_kept(nasty: str) -> None:
    ingest.record_many([{"name": "a", "label_reason": nasty, "properties": {"agent": nasty, "deep": [{nasty: nasty}]}}])
    event = Event.objects.get()
    kept = nasty.replace("\0", "").replace("\ud800", "?")
    assert event.properties == {"agent": kept, "deep": [{kept: kept}]}
    assert event.label_reason == kept
