"""Every order of claim, send, crash, lease end, pause, resume, cancel, webhook and edit keeps both invariants.

The provider here is a set in memory that counts accepts; the ledger, its statements and the gate are the real ones.
"""

from collections import Counter
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from campaigns.models import Campaign
from contacts import consent
from delivery import engagement, gate, ledger, outbox
from delivery.ledger import Ending
from delivery.models import Message, Run
from events import ingest, names
from team.models import User
from tests.delivery.conftest import make_campaign, make_people, plan

PEOPLE = 6


class LedgerMachine(RuleBasedStateMachine):
    """Two workers, each of which holds what it claimed until it sends, dies or gives back."""

    @initialize()
    def begin(self) -> None:
        flush()
        self.people = make_people(PEOPLE)
        self.campaign = make_campaign(User.objects.create_user("machine"))
        self.run_pk = plan(self.campaign).pk
        self.accepted: Counter[int] = Counter()
        self.held: dict[str, list[int]] = {"one": [], "two": []}
        self.on_the_line: dict[str, list[int]] = {"one": [], "two": []}
        self.passed_through_unknown: set[int] = set()
        self.resent: set[int] = set()

    @rule(worker=st.sampled_from(["one", "two"]), limit=st.integers(1, 4))
    def claim(self, worker: str, limit: int) -> None:
        if self.status() == Campaign.Status.SENDING:
            rows = ledger.claim(self.run_pk, worker=worker, limit=limit)
            self.held[worker] += [row.id for row in rows]
            question = gate.question_for(self.campaign, run_id=self.run_pk)
            verdicts = gate.ask(question, [row.contact_id for row in rows])
            skipped = [
                Ending(r.id, "skipped", verdicts[r.contact_id].reason) for r in rows if verdicts[r.contact_id].reason
            ]
            if skipped:
                ledger.settle(skipped, expected=["queued"], worker=worker)

    @rule(worker=st.sampled_from(["one", "two"]))
    def hand_over(self, worker: str) -> None:
        """Commit `sending`, then the provider accepts whatever was committed."""
        mine = ledger.begin_sending(self.held[worker], worker=worker, account_id=1)
        self.held[worker] = [pk for pk in self.held[worker] if pk not in mine]
        self.on_the_line[worker] += sorted(mine)
        self.accepted.update(mine)

    @rule(worker=st.sampled_from(["one", "two"]), answer=st.sampled_from(["sent", "failed", "unknown"]))
    def record(self, worker: str, answer: str) -> None:
        ids, self.on_the_line[worker] = self.on_the_line[worker], []
        ledger.settle([Ending(pk, answer) for pk in ids], expected=["sending"], worker=worker)
        if answer == "unknown":
            self.passed_through_unknown.update(ids)

    @rule(worker=st.sampled_from(["one", "two"]))
    def die(self, worker: str) -> None:
        """The process ends: what it knew is gone, its rows stay leased."""
        self.held[worker], self.on_the_line[worker] = [], []

    @rule(worker=st.sampled_from(["one", "two"]))
    def give_back(self, worker: str) -> None:
        ledger.give_back(self.held[worker], worker=worker, expected="queued")
        self.held[worker] = []

    @rule()
    def leases_end(self) -> None:
        Message.objects.filter(lease_until__isnull=False).update(lease_until="2000-01-01T00:00Z")
        before = set(Message.objects.filter(state="sending").values_list("pk", flat=True))
        ledger.reap()
        self.passed_through_unknown |= before

    @rule(number=st.integers(0, PEOPLE - 1))
    def unsubscribe(self, number: int) -> None:
        consent.withdraw(self.people[number], source="machine")

    @rule(number=st.integers(0, PEOPLE - 1))
    def edit(self, number: int) -> None:
        person = self.people[number]
        person.first_name = f"Renamed {number}"
        person.save(update_fields=["first_name"])

    @rule(number=st.integers(0, PEOPLE - 1), times=st.integers(1, 3))
    def webhook_says_delivered(self, number: int, times: int) -> None:
        message = Message.objects.get(run=self.run_pk, contact=self.people[number])
        if message.pk in self.accepted:
            for _ in range(times):
                ingest.record(names.DELIVERED, contact_id=message.contact_id, message_id=message.pk)
            while engagement.read_events():
                pass

    @rule()
    def plan_again(self) -> None:
        outbox.plan(Run.objects.get(pk=self.run_pk))
        outbox.open_run(self.campaign)

    @precondition(lambda self: self.status() == Campaign.Status.SENDING)
    @rule()
    def pause(self) -> None:
        self.set_status(Campaign.Status.PAUSED)

    @precondition(lambda self: self.status() == Campaign.Status.PAUSED)
    @rule()
    def resume(self) -> None:
        self.set_status(Campaign.Status.SENDING)

    @rule()
    def cancel(self) -> None:
        if self.status() in (Campaign.Status.SENDING, Campaign.Status.PAUSED):
            self.set_status(Campaign.Status.CANCELLED)

    @rule()
    def sweep(self) -> None:
        outbox.sweep()

    def status(self) -> str:
        return Campaign.objects.values_list("status", flat=True).get(pk=self.campaign.pk)

    def set_status(self, status: str) -> None:
        Campaign.objects.filter(pk=self.campaign.pk).update(status=status)

    @invariant()
    def nobody_is_lost(self) -> None:
        if hasattr(self, "run_pk"):
            assert Message.objects.filter(run=self.run_pk).count() == PEOPLE
            assert Run.objects.count() == 1

    @invariant()
    def nobody_is_sent_to_twice(self) -> None:
        if hasattr(self, "accepted"):
            assert all(count == 1 for count in self.accepted.values())

    @invariant()
    def an_accepted_row_never_returns_to_the_queue(self) -> None:
        if hasattr(self, "accepted"):
            again = Message.objects.filter(
                pk__in=self.accepted, state__in=["planned", "queued", "skipped", "cancelled"]
            )
            assert not again.exists()

    @invariant()
    def a_quiet_run_adds_up(self) -> None:
        if hasattr(self, "run_pk"):
            run = Run.objects.get(pk=self.run_pk)
            if run.status in (Run.Status.FINISHED, Run.Status.CANCELLED):
                assert sum(run.final_counts.values()) == run.audience_count == PEOPLE


def flush() -> None:
    """Empty the ledger's tables; a test case of the machine begins with nobody."""
    tables = (
        "delivery_message, delivery_runstatuschange, delivery_run, campaigns_campaign, segments_segment,"
        " campaigns_sender, templates_app_template, contacts_contact, events_event, events_cursor, team_user"
    )
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {tables} CASCADE")


@pytest.mark.django_db(transaction=True)
def test_no_order_of_steps_loses_or_repeats_anybody() -> None:
    LedgerMachine.TestCase.settings = settings(
        max_examples=12, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
    )
    case: Any = LedgerMachine.TestCase("runTest")
    case.debug()
