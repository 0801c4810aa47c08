"""The gate as a contract: every registered check answers, and planning and claiming agree."""

import pytest

from contacts import consent, suppression
from contacts.models import Contact
from delivery import gate, outbox, why
from delivery.models import Message
from team.models import User
from tests.delivery.conftest import make_campaign, make_people, plan

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("key", list(gate.checks))
def test_every_check_explains_itself(key: str) -> None:
    check = gate.checks[key]
    assert check.key == key
    assert len(key) <= Message._meta.get_field("reason").max_length
    assert check.label
    assert check.explanation.endswith(".")
    assert why.reason_label(key) == check.label


def test_the_first_objection_gives_the_reason(editor: User) -> None:
    [person] = make_people(1)
    consent.withdraw(person, source="form")
    suppression.suppress(person.email, reason="manual")
    verdict = gate.ask(gate.question_for(make_campaign(editor)), [person.pk])[person.pk]
    assert verdict == gate.Verdict("suppressed")


def test_planning_and_asking_give_the_same_answers(editor: User) -> None:
    people = make_people(5)
    consent.withdraw(people[0], source="form")
    suppression.suppress(people[1].email, reason="manual")
    Contact.objects.filter(pk=people[2].pk).update(email=None)
    campaign = make_campaign(editor)
    asked = gate.ask(gate.question_for(campaign), [person.pk for person in people])
    run = plan(campaign)
    planned = dict(Message.objects.filter(run=run).values_list("contact_id", "reason"))
    assert {pk: verdict.reason for pk, verdict in asked.items()} == planned


def test_a_paused_campaign_defers_and_skips_nobody(editor: User) -> None:
    [person] = make_people(1)
    campaign = make_campaign(editor)
    run = plan(campaign)
    campaign.__class__.objects.filter(pk=campaign.pk).update(status="paused")
    verdict = gate.ask(gate.question_for(campaign, run_id=run.pk), [person.pk])[person.pk]
    assert verdict.reason == "campaign_state"
    assert verdict.until is not None


def test_before_anything_is_planned_the_answer_is_about_the_person_and_not_the_campaign(editor: User) -> None:
    """A draft is not sending, and that must not hide that somebody is suppressed."""
    [person] = make_people(1)
    suppression.suppress(person.email, reason="manual")
    campaign = make_campaign(editor)
    campaign.__class__.objects.filter(pk=campaign.pk).update(status="draft")
    outbox.membership.refresh(campaign.segments.get())
    campaign.refresh_from_db()
    assert gate.ask(gate.question_for(campaign), [person.pk])[person.pk] == gate.Verdict("suppressed")
    assert "would not get it: suppressed" in why.explain(campaign, person).answer


def test_somebody_whose_row_is_gone_is_not_written_to(editor: User) -> None:
    campaign = make_campaign(editor)
    assert gate.ask(gate.question_for(campaign), [987654321])[987654321].reason == "erased"


def test_the_gate_asks_once_for_a_whole_batch(editor: User, django_assert_num_queries: object) -> None:
    people = make_people(30)
    campaign = make_campaign(editor)
    with django_assert_num_queries(1):  # type: ignore[operator]
        gate.ask(gate.question_for(campaign), [person.pk for person in people])


def test_why_answers_before_during_and_after(editor: User) -> None:
    people = make_people(3)
    consent.withdraw(people[0], source="form")
    campaign = make_campaign(editor)
    outbox.membership.refresh(campaign.segments.get())
    assert "would not get it: no consent" in why.explain(campaign, people[0]).answer
    assert "would get it" in why.explain(campaign, people[1]).answer
    run = plan(campaign)
    assert why.explain(campaign, people[0]).answer == "No: no consent."
    assert why.explain(campaign, people[1]).answer.startswith("Not yet")
    Message.objects.filter(run=run, contact=people[1]).update(state="sent", sent_at="2026-01-01T00:00Z")
    Message.objects.filter(run=run, contact=people[2]).update(state="unknown", reason="no_answer")
    assert why.explain(campaign, people[1]).got_it is True
    assert why.explain(campaign, people[2]).got_it is None
    [late] = make_people(1, prefix="late")
    assert "was not in its audience" in why.explain(campaign, late).answer
