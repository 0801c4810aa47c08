"""What the ledger does with rows whose worker is gone, or of which others hear first."""

import pytest

from delivery import engagement, ledger
from delivery.ledger import Ending
from delivery.models import Message, Run
from events import ingest, names
from events.models import Event
from team.models import User
from tests.delivery.conftest import make_campaign, make_people, plan, states


@pytest.fixture
def run(editor: User) -> Run:
    make_people(1)
    return plan(make_campaign(editor))


def worker_dies() -> None:
    Message.objects.filter(state="planned").update(state="queued", attempt=5, lease_until="2026-01-01T00:00Z")
    ledger.reap()


def test_one_death_costs_a_message_that_was_tried_before_no_attempt(run: Run) -> None:
    worker_dies()
    assert states(run) == {"planned": 1}
    assert Message.objects.get().attempt == 4


def test_the_third_death_sets_a_message_aside(run: Run) -> None:
    for _ in range(ledger.MAX_DEATHS):
        worker_dies()
    assert states(run) == {"failed:quarantined": 1}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("answer", ["sent", "unknown", None])
def test_word_of_a_delivery_that_comes_before_our_own_record_is_kept(run: Run, answer: str | None) -> None:
    [row] = ledger.claim(run.pk, worker="one", after=0, limit=1)
    ledger.begin_sending([row.id], worker="one", account_id=1)
    ingest.record(names.DELIVERED, contact_id=row.contact_id, message_id=row.id)
    while engagement.read_events():
        pass
    assert states(run) == {"sending": 1}
    if answer:
        ledger.settle([Ending(row.id, answer, "")], expected=["sending"], worker="one")
    else:
        Message.objects.update(lease_until="2026-01-01T00:00Z")
        ledger.reap()
    assert states(run) == {"delivered": 1}
    assert Event.objects.filter(name=names.MESSAGE_SENT).count() == (answer == "sent")


@pytest.mark.django_db(transaction=True)
def test_word_of_a_delivery_makes_no_failure_of_ours_a_success(run: Run) -> None:
    [row] = ledger.claim(run.pk, worker="one", after=0, limit=1)
    ledger.begin_sending([row.id], worker="one", account_id=1)
    ingest.record(names.DELIVERED, contact_id=row.contact_id, message_id=row.id)
    while engagement.read_events():
        pass
    ledger.settle([Ending(row.id, "failed", "bounced")], expected=["sending"], worker="one")
    assert states(run) == {"failed:bounced": 1}
