"""The state machine: only listed moves, by whoever may, once, with what was approved."""

import threading
from datetime import UTC, date, datetime, time, timedelta

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from campaigns import lifecycle
from campaigns.models import Approval, Campaign, Sender, StatusChange
from core.errors import Refused
from segments.models import Segment
from team.models import Notice, User
from tests.campaigns.conftest import publish_again
from tests.conftest import make_user

Status = Campaign.Status
TOMORROW = timedelta(days=1)


def at(campaign: Campaign, status: str) -> Campaign:
    """Put it there without going through the moves: a test's shortcut, never the product's."""
    Campaign.objects.filter(pk=campaign.pk).update(status=status)
    campaign.refresh_from_db()
    return campaign


def in_hours(hours: float) -> dict[str, object]:
    moment = timezone.now() + timedelta(hours=hours)
    return {"on": moment.date(), "time": moment.time().replace(microsecond=0), "zone": "UTC"}


def call(verb: str, campaign: Campaign, editor: User, approver: User) -> None:
    calls = {
        "submit": lambda: lifecycle.submit(campaign, by=editor),
        "withdraw": lambda: lifecycle.withdraw(campaign, by=editor),
        "approve": lambda: lifecycle.approve(campaign, by=approver),
        "reject": lambda: lifecycle.reject(campaign, by=approver, comment="No"),
        "schedule": lambda: lifecycle.schedule(campaign, by=editor, **in_hours(24)),
        "unschedule": lambda: lifecycle.unschedule(campaign, by=editor),
        "launch": lambda: lifecycle.launch(campaign, by=editor),
        "pause": lambda: lifecycle.pause(campaign, by=editor),
        "resume": lambda: lifecycle.resume(campaign, by=editor),
        "cancel": lambda: lifecycle.cancel(campaign, by=editor),
    }
    calls[verb]()


VERBS = ["submit", "withdraw", "approve", "reject", "schedule", "unschedule", "launch", "pause", "resume", "cancel"]


def reach_status(campaign: Campaign, status: str, editor: User, approver: User) -> Campaign:
    """Get there by real moves."""
    paths = {
        Status.DRAFT: [],
        Status.IN_REVIEW: ["submit"],
        Status.REJECTED: ["submit", "reject"],
        Status.APPROVED: ["submit", "approve"],
        Status.SCHEDULED: ["submit", "approve", "schedule"],
        Status.SENDING: ["submit", "approve", "launch"],
        Status.PAUSED: ["submit", "approve", "launch", "pause"],
        Status.CANCELLED: ["submit", "approve", "launch", "cancel"],
        Status.FINISHED: ["submit", "approve", "launch"],
    }
    for verb in paths[Status(status)]:
        call(verb, campaign, editor, approver)
    if status == Status.FINISHED:
        lifecycle.finish(campaign)
    assert campaign.status == status
    return campaign


@pytest.mark.parametrize("status", Status.values)
@pytest.mark.parametrize("verb", VERBS)
def test_only_listed_moves_succeed_and_each_leaves_one_change(verb, status, campaign, editor, approver):
    reach_status(campaign, status, editor, approver)
    before = campaign.status_changes.count()
    if status in lifecycle.MOVES[verb].sources:
        call(verb, campaign, editor, approver)
        assert campaign.status == lifecycle.MOVES[verb].target
        change = campaign.status_changes.first()
        assert (change.from_status, change.to_status) == (status, campaign.status)
        assert campaign.status_changes.count() == before + 1
    else:
        with pytest.raises(Refused) as refused:
            call(verb, campaign, editor, approver)
        assert refused.value.code == "wrong_status"
        campaign.refresh_from_db()
        assert campaign.status == status
        assert campaign.status_changes.count() == before


def test_a_campaign_goes_all_the_way(campaign, editor, approver):
    lifecycle.submit(campaign, by=editor, comment="Please")
    lifecycle.approve(campaign, by=approver, comment="Fine")
    lifecycle.launch(campaign, by=editor)
    assert campaign.planned_at == campaign.started_at
    assert lifecycle.finish(campaign)
    steps = [(change.to_status, change.by) for change in reversed(campaign.status_changes.all())]
    assert steps == [
        (Status.IN_REVIEW, editor),
        (Status.APPROVED, approver),
        (Status.SENDING, editor),
        (Status.FINISHED, None),
    ]


def test_submitting_pins_the_published_version(campaign, template, editor):
    first = template.current_version
    lifecycle.submit(campaign, by=editor)
    publish_again(template)
    assert campaign.variants.get().version == first


def test_a_withdrawn_campaign_follows_its_template_again(campaign, template, editor):
    lifecycle.submit(campaign, by=editor)
    newer = publish_again(template)
    lifecycle.withdraw(campaign, by=editor)
    assert campaign.variants.get().version is None
    lifecycle.submit(campaign, by=editor)
    assert campaign.variants.get().version == newer


def test_a_rejection_needs_a_comment(campaign, editor, approver):
    lifecycle.submit(campaign, by=editor)
    with pytest.raises(Refused, match="needs a comment"):
        lifecycle.reject(campaign, by=approver, comment="  ")


def test_what_blocks_a_campaign_refuses_its_submission(campaign, editor):
    campaign.segments.clear()
    with pytest.raises(Refused, match="pick at least one segment") as refused:
        lifecycle.submit(campaign, by=editor)
    assert refused.value.code == "preflight"
    assert campaign.variants.get().version is None  # nothing of the attempt stays


# --- four eyes


@pytest.mark.parametrize("involvement", ["created_by", "edited_by", "requested_by"])
@pytest.mark.parametrize("verb", [lifecycle.approve, lifecycle.reject])
def test_nobody_decides_on_their_own_work_and_superusers_are_not_exempt(involvement, verb, campaign, editor):
    boss = User.objects.create_superuser("boss", "boss@example.com", "boss-secret-1")
    lifecycle.submit(campaign, by=boss if involvement == "requested_by" else editor)
    if involvement != "requested_by":
        Campaign.objects.filter(pk=campaign.pk).update(**{involvement: boss})
    with pytest.raises(Refused, match="Someone else must decide") as refused:
        verb(campaign, by=boss, comment="Mine")
    assert refused.value.code == "four_eyes"
    assert campaign.approvals.get().decision == Approval.Decision.PENDING


def test_an_approver_who_did_not_look_at_the_newest_content_is_refused(campaign, editor, approver):
    lifecycle.submit(campaign, by=editor)
    seen = campaign.approvals.get().content_hash
    lifecycle.withdraw(campaign, by=editor)
    Campaign.objects.filter(pk=campaign.pk).update(name="Something else")
    lifecycle.submit(campaign, by=editor)
    with pytest.raises(Refused) as refused:
        lifecycle.approve(campaign, by=approver, seen=seen)
    assert refused.value.code == "changed_since_seen"


@pytest.mark.parametrize("verb", VERBS)
def test_a_stranger_may_do_nothing(verb, campaign, stranger):
    with pytest.raises(Refused) as refused:
        call(verb, campaign, stranger, stranger)
    assert refused.value.code == "not_allowed"


def test_nobody_can_play_the_product(campaign, editor):
    assert lifecycle.refusal(campaign, "start", by=editor).code == "not_allowed"
    assert not set(lifecycle.verbs(campaign, editor)) & {"start", "miss", "stop", "finish"}


def test_approvers_hear_of_a_request_and_the_asker_of_the_answer(campaign, editor, approver):
    lifecycle.submit(campaign, by=editor)
    assert [notice.user for notice in Notice.objects.all()] == [approver]
    lifecycle.reject(campaign, by=approver, comment="Typo in the subject")
    newest = Notice.objects.latest("pk")
    assert newest.user == editor
    assert "Typo in the subject" in newest.text


# --- approval is bound


def test_an_edit_voids_the_approval(approved, editor):
    lifecycle.edited(approved, by=editor)
    assert approved.status == Status.DRAFT
    assert approved.approvals.get().decision == Approval.Decision.VOID
    with pytest.raises(Refused):
        lifecycle.launch(approved, by=editor)


def _rename(campaign):
    Campaign.objects.filter(pk=campaign.pk).update(name="Other")


def _retarget(campaign):
    Segment.objects.update(rules={"any": []})


def _respeak(campaign):
    Sender.objects.update(name="Somebody else")


def _reweigh(campaign):
    campaign.variants.update(weight=7)


def _track(campaign):
    Campaign.objects.filter(pk=campaign.pk).update(tracks_opens=False)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_rename, "its name"),
        (_retarget, "the audience"),
        (_respeak, "the sender"),
        (_reweigh, "the content"),
        (_track, "what is tracked"),
    ],
)
def test_a_launch_refuses_what_is_not_what_was_approved(change, words, approved, editor):
    change(approved)
    with pytest.raises(Refused, match=words) as refused:
        lifecycle.launch(approved, by=editor)
    assert refused.value.code == "content_changed"
    approved.refresh_from_db()
    assert approved.status == Status.APPROVED


def test_an_approval_is_refused_when_a_rule_changed_while_it_waited(campaign, editor, approver):
    lifecycle.submit(campaign, by=editor)
    _retarget(campaign)
    with pytest.raises(Refused, match="the audience changed"):
        lifecycle.approve(campaign, by=approver)


def test_a_campaign_approved_without_a_time_may_be_scheduled_and_unscheduled(approved, editor):
    lifecycle.schedule(approved, by=editor, **in_hours(24))
    lifecycle.unschedule(approved, by=editor)
    assert (approved.planned_at, approved.send_on) == (None, None)
    lifecycle.launch(approved, by=editor)
    assert approved.status == Status.SENDING


def test_a_campaign_approved_for_a_time_starts_at_that_time_only(new_campaign, editor, approver):
    campaign = new_campaign(send_on=date(2099, 5, 1), send_time=time(9), send_zone="Europe/Berlin")
    lifecycle.submit(campaign, by=editor)
    lifecycle.approve(campaign, by=approver)
    with pytest.raises(Refused, match="the time changed"):
        lifecycle.launch(campaign, by=editor)
    with pytest.raises(Refused, match="the time changed"):
        lifecycle.schedule(campaign, by=editor, on=date(2099, 5, 2), time=time(9), zone="Europe/Berlin")
    lifecycle.schedule(campaign, by=editor, on=date(2099, 5, 1), time=time(9), zone="Europe/Berlin")
    assert campaign.planned_at == datetime(2099, 5, 1, 7, tzinfo=UTC)


# --- starting by itself


def scheduled(campaign: Campaign, editor: User, due: datetime) -> Campaign:
    """Scheduled for a moment that has already come, as time alone would make it."""
    lifecycle.schedule(campaign, by=editor, **in_hours(24))
    Campaign.objects.filter(pk=campaign.pk).update(planned_at=due)
    campaign.refresh_from_db()
    return campaign


def test_a_scheduled_campaign_starts_when_its_moment_comes_and_not_before(approved, editor):
    lifecycle.schedule(approved, by=editor, **in_hours(1))
    assert lifecycle.start_due() == 0
    with time_machine.travel(approved.planned_at + timedelta(seconds=1), tick=False):
        assert lifecycle.start_due() == 1
        assert lifecycle.start_due() == 0
    approved.refresh_from_db()
    assert approved.status == Status.SENDING


@pytest.mark.parametrize(("late", "status"), [(5.9, Status.SENDING), (6.1, Status.APPROVED)])
def test_late_within_the_grace_period_starts_and_later_is_missed(late, status, approved, editor):
    scheduled(approved, editor, timezone.now() - timedelta(hours=late))
    lifecycle.start_due()
    approved.refresh_from_db()
    assert approved.status == status


def test_a_missed_campaign_says_so_to_everyone(approved, editor):
    scheduled(approved, editor, timezone.now() - timedelta(hours=7))
    lifecycle.start_due()
    assert approved.status_changes.first().reason == "missed"
    notice = Notice.objects.latest("pk")
    assert notice.user is None
    assert "was missed" in notice.text


def test_a_scheduled_campaign_whose_segment_changed_does_not_start(approved, editor):
    scheduled(approved, editor, timezone.now())
    _retarget(approved)
    assert lifecycle.start_due() == 0
    approved.refresh_from_db()
    assert approved.status == Status.DRAFT
    assert "the audience changed" in Notice.objects.latest("pk").text


def test_deleted_and_archived_campaigns_never_start(approved, editor, new_campaign):
    scheduled(approved, editor, timezone.now())
    Campaign.objects.filter(pk=approved.pk).update(archived_at=timezone.now())
    assert lifecycle.start_due() == 0


# --- at the same moment


def at_once(*calls) -> list[object]:
    """Run all calls in threads with connections of their own; their results or the exceptions they raised."""
    barrier, results = threading.Barrier(len(calls)), [None] * len(calls)

    def run(index, call):
        try:
            barrier.wait(10)
            results[index] = call()
        except Refused as refused:
            results[index] = refused
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(index, call)) for index, call in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


@pytest.mark.django_db(transaction=True)
def test_two_launches_at_once_are_one(approved, editor):
    stale = [Campaign.objects.get(pk=approved.pk) for _ in range(4)]
    results = at_once(*[lambda c=c: lifecycle.launch(c, by=editor) for c in stale])
    assert sum(result is None for result in results) == 1
    assert StatusChange.objects.filter(campaign=approved, to_status=Status.SENDING).count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_schedulers_at_once_start_a_campaign_once(approved, editor):
    scheduled(approved, editor, timezone.now())
    assert sum(at_once(*[lifecycle.start_due] * 4)) == 1
    assert StatusChange.objects.filter(campaign=approved, to_status=Status.SENDING).count() == 1


@pytest.mark.django_db(transaction=True)
def test_approving_and_withdrawing_at_once_ends_in_one_of_the_two(campaign, editor, approver):
    lifecycle.submit(campaign, by=editor)
    mine, theirs = (Campaign.objects.get(pk=campaign.pk) for _ in range(2))
    at_once(lambda: lifecycle.withdraw(mine, by=editor), lambda: lifecycle.approve(theirs, by=approver))
    campaign.refresh_from_db()
    decision = campaign.approvals.get().decision
    # An approved one may be withdrawn afterwards, but a withdrawn one is never approved.
    assert (campaign.status, decision) in [(Status.APPROVED, "approved"), (Status.DRAFT, "void")]


# --- out of the way


@pytest.mark.parametrize("status", [Status.IN_REVIEW, Status.SCHEDULED, Status.SENDING, Status.PAUSED])
@pytest.mark.parametrize("verb", [lifecycle.archive, lifecycle.delete])
def test_what_is_under_way_is_neither_archived_nor_deleted(verb, status, campaign, editor, approver):
    reach_status(campaign, status, editor, approver)
    with pytest.raises(Refused, match="under way"):
        verb(campaign, by=editor)


def test_a_deleted_campaign_comes_back_but_does_nothing_meanwhile(approved, editor):
    lifecycle.delete(approved, by=editor)
    with pytest.raises(Refused, match="Restore it first"):
        lifecycle.launch(approved, by=editor)
    lifecycle.restore(approved, by=editor)
    lifecycle.launch(approved, by=editor)
    assert approved.status == Status.SENDING


def test_completing_is_for_triggered_campaigns(approved, editor, new_campaign, approver):
    lifecycle.launch(approved, by=editor)
    with pytest.raises(Refused, match="finishes by itself"):
        lifecycle.complete(approved, by=editor)
    triggered = reach_status(new_campaign("Welcome", kind="triggered"), Status.SENDING, editor, approver)
    lifecycle.complete(triggered, by=editor)
    assert triggered.status == Status.FINISHED


def test_finishing_a_paused_campaign_changes_nothing(campaign, editor, approver):
    reach_status(campaign, Status.PAUSED, editor, approver)
    assert lifecycle.finish(campaign) is False


def test_the_product_pauses_and_tells_everyone(approved, editor):
    lifecycle.launch(approved, by=editor)
    lifecycle.pause(approved, by=None, reason="The provider refuses our password.")
    assert approved.status == Status.PAUSED
    assert "refuses our password" in Notice.objects.latest("pk").text


def test_a_second_marketer_cannot_approve(campaign, editor):
    lifecycle.submit(campaign, by=editor)
    with pytest.raises(Refused) as refused:
        lifecycle.approve(campaign, by=make_user("eve", "Marketer"))
    assert refused.value.code == "not_allowed"
