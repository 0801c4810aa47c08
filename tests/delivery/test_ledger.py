"""What the ledger does with rows whose worker is gone."""

import pytest

from delivery import ledger
from delivery.models import Message, Run
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
