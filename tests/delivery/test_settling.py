"""Settling rows whose answer never came: only those, with counts that stay true, and never again behind our back."""

import pytest

from campaigns.models import Campaign
from core.errors import Refused
from delivery import engagement, outbox, settling
from delivery.models import Message, Run
from events import ingest, names
from events.models import Event
from team.models import User
from tests.delivery.conftest import Provider, drain, make_account, make_campaign, make_people, plan, states


@pytest.fixture
def run(editor: User) -> Run:
    """Three messages: one sent, two without an answer; the run goes on."""
    make_people(3)
    run = plan(make_campaign(editor))
    first = Message.objects.order_by("pk").first()
    Message.objects.exclude(pk=first.pk).update(state="unknown", reason="no_answer")
    Message.objects.filter(pk=first.pk).update(state="sent", sent_at="2026-01-01T00:00Z")
    return run


@pytest.fixture
def ended(run: Run) -> Run:
    outbox.close_if_quiet(run)
    run.refresh_from_db()
    return run


def unknown() -> object:
    return Message.objects.filter(state="unknown")


@pytest.mark.parametrize(("state", "event"), [("sent", names.MESSAGE_SENT), ("failed", names.FAILED)])
def test_a_word_settles_them_with_their_events_and_the_run_s_counts(
    ended: Run, editor: User, state: str, event: str
) -> None:
    assert ended.final_counts == {"sent|": 1, "unknown|no_answer": 2}
    assert settling.settle_unknown(unknown(), state=state, by=editor) == 2
    assert states(ended) == {"sent": 1, f"{state}:settled": 2}
    ended.refresh_from_db()
    assert ended.final_counts == {"sent|": 1, f"{state}|settled": 2}
    assert Event.objects.filter(name=event).count() == 2
    assert set(Message.objects.filter(reason="settled").values_list("detail", flat=True)) == {"Settled by ada."}


@pytest.mark.django_db(transaction=True)
def test_a_delivery_told_after_the_run_has_ended_is_in_its_counts(ended: Run) -> None:
    ingest.record(names.DELIVERED, message_id=Message.objects.get(state="sent").pk)
    while engagement.read_events():
        pass
    ended.refresh_from_db()
    assert ended.final_counts == {"delivered|": 1, "unknown|no_answer": 2}


def test_while_the_run_goes_on_they_can_be_sent_again(run: Run, editor: User) -> None:
    assert settling.settle_unknown(unknown(), state="planned", by=editor) == 2
    assert states(run) == {"sent": 1, "planned:settled": 2}
    outbox.close_if_quiet(run)
    run.refresh_from_db()
    assert run.status == Run.Status.SENDING


@pytest.mark.django_db(transaction=True)
def test_what_is_sent_again_does_leave(run: Run, editor: User, provider: Provider) -> None:
    make_account(provider)
    settling.settle_unknown(unknown(), state="planned", by=editor)
    Message.objects.update(due_at="2026-01-01T00:00Z")
    drain()
    assert len(provider.accepted()) == 2
    outbox.sweep()
    run.refresh_from_db()
    assert run.status == Run.Status.FINISHED
    assert sum(run.final_counts.values()) == run.audience_count == 3


def test_after_the_end_nothing_is_sent_again_because_nobody_would_send_it(ended: Run, editor: User) -> None:
    with pytest.raises(Refused, match="has ended"):
        settling.settle_unknown(unknown(), state="planned", by=editor)
    assert states(ended) == {"sent": 1, "unknown:no_answer": 2}
    assert Campaign.objects.get().status == Campaign.Status.FINISHED


def test_one_row_that_is_not_unknown_spares_all_of_them(run: Run, editor: User) -> None:
    with pytest.raises(Refused, match="Only rows in the state “unknown”"):
        settling.settle_unknown(Message.objects.all(), state="sent", by=editor)
    assert unknown().count() == 2


def test_nothing_else_can_be_made_of_them(run: Run, editor: User) -> None:
    for state in ("delivered", "skipped", "queued", "nonsense"):
        with pytest.raises(ValueError, match="can't be settled"):
            settling.settle_unknown(unknown(), state=state, by=editor)
    assert unknown().count() == 2
