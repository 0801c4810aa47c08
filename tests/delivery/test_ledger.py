"""What the ledger does with rows whose worker is gone, or of which others hear first."""

from collections.abc import Callable, Iterable
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

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
    [row] = ledger.claim(run.pk, worker="one", limit=1)
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
    [row] = ledger.claim(run.pk, worker="one", limit=1)
    ledger.begin_sending([row.id], worker="one", account_id=1)
    ingest.record(names.DELIVERED, contact_id=row.contact_id, message_id=row.id)
    while engagement.read_events():
        pass
    ledger.settle([Ending(row.id, "failed", "bounced")], expected=["sending"], worker="one")
    assert states(run) == {"failed:bounced": 1}


def test_the_longest_due_is_claimed_first_and_the_next_claim_goes_on_after_it(editor: User) -> None:
    make_people(4)
    run = plan(make_campaign(editor))
    ids = list(Message.objects.order_by("pk").values_list("pk", flat=True))
    for pk, minutes in zip(ids, [-1, 60, -3, -3], strict=True):
        Message.objects.filter(pk=pk).update(due_at=timezone.now() + timedelta(minutes=minutes))
    first = ledger.claim(run.pk, worker="one", limit=2)
    assert [row.id for row in first] == [ids[2], ids[3]]
    assert [row.id for row in ledger.claim(run.pk, worker="one", after=first[0], limit=9)] == [ids[0]]
    assert ledger.claim(run.pk, worker="one", limit=9) == []  # the other is not due


def explained(options: str, statements: Iterable[str]) -> list[str]:
    """How the server goes about each of them."""
    told = []
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(f"EXPLAIN ({options}, COSTS OFF) {statement}")
            told.append("\n".join(row[0] for row in cursor.fetchall()))
    return told


def plan_of(work: Callable[[], object]) -> str:
    """Of the one statement of `work`, which is asked again."""
    with CaptureQueriesContext(connection) as queries:
        work()
    [told] = explained("ANALYZE, TIMING OFF", [query["sql"] for query in queries])
    return told


@pytest.fixture
def busy_run(editor: User) -> Run:
    """3,000 rows in another's hands, of which the server's statistics know nothing, and 3,000 that are due tomorrow."""
    make_people(1)
    run = plan(make_campaign(editor))
    with connection.cursor() as cursor:
        cursor.execute(
            "SET LOCAL enable_nestloop = on"
        )  # planning turns it off for its transaction, which is the test's
        cursor.execute(
            """
            INSERT INTO delivery_message (run_id, contact_id, variant_id, step, channel, state, due_at)
            SELECT %s, 1000000 + n, 1, 0, 'email', 'planned', now() + interval '1 day' FROM generate_series(1, 6000) n
            """,
            [run.pk],
        )
        cursor.execute("ANALYZE delivery_message")
        cursor.execute(
            "UPDATE delivery_message SET state = 'queued', lease_until = now() + interval '1 hour' "
            "WHERE contact_id > 1000000 AND contact_id % 2 = 0"
        )
    return run


def test_a_claim_reads_no_rows_that_are_due_later(busy_run: Run) -> None:
    told = plan_of(lambda: ledger.claim(busy_run.pk, worker="one", limit=500))
    assert "using delivery_message_planned" in told
    assert "Rows Removed by Filter" not in told


def test_no_step_of_a_group_reads_what_others_hold(busy_run: Run) -> None:
    ids = [row.id for row in ledger.claim(busy_run.pk, worker="one", limit=500)]
    ledger.begin_sending(ids, worker="one", account_id=1)
    back = plan_of(lambda: ledger.give_back(ids, worker="one", expected="sending"))
    ledger.settle([Ending(pk, "sent") for pk in ids], expected=["sending"], worker="one")
    with connection.cursor() as cursor:  # begin_sending and settle
        cursor.execute("SELECT statement FROM pg_prepared_statements WHERE statement ~ 'UPDATE delivery_message'")
        prepared = [row[0] for row in cursor.fetchall()]
    assert len(prepared) >= 2
    for told in [back, *explained("GENERIC_PLAN", prepared)]:
        assert "using delivery_message_pkey" in told
        assert "delivery_message_leased" not in told
