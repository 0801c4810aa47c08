"""Runs between their opening and their end: what happens to one keeps no other waiting, and none is left behind."""

import pytest
from django.utils import timezone

from campaigns import lifecycle
from campaigns.models import Campaign
from delivery import outbox
from delivery.models import Message, Run
from segments import membership
from segments.models import Segment
from team.models import Notice, User
from tests.delivery.conftest import make_campaign, make_people, plan

pytestmark = pytest.mark.django_db


def run_of(campaign: Campaign) -> Run:
    return Run.objects.select_related("campaign").get(campaign=campaign)


def test_a_campaign_that_can_t_be_planned_pauses_and_keeps_no_other_waiting(editor: User) -> None:
    make_people(2)
    broken, fine = make_campaign(editor, name="Broken"), make_campaign(editor, name="Fine")
    broken.variants.all().delete()
    outbox.sweep()
    assert run_of(broken).status == Run.Status.PLANNING
    assert run_of(broken).campaign.status == Campaign.Status.PAUSED
    assert "choose a template first" in Notice.objects.get().text
    assert run_of(fine).status == Run.Status.SENDING


def test_segments_that_take_long_are_refreshed_in_several_goes_each_once(
    editor: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_people(2)
    campaign = make_campaign(editor)
    campaign.segments.add(Segment.objects.create(name="Again", rules={"all": []}))
    run = outbox.open_run(campaign)
    monkeypatch.setattr(outbox, "REFRESHING_SECONDS", 0)
    moments = []
    for _ in range(3):
        assert outbox.plan(run) is (len(moments) == 2)
        moments.append(set(campaign.segments.exclude(refreshed_at=None).values_list("refreshed_at", flat=True)))
    assert [len(refreshed) for refreshed in moments] == [1, 2, 2]
    assert moments[0] < moments[1] == moments[2]
    assert run_of(campaign).audience_count == 2


def test_segments_that_keep_their_members_are_planned_as_they_are(editor: User) -> None:
    first, _ = make_people(2)
    campaign = make_campaign(editor)
    chosen = Segment.objects.create(name="Chosen", kind="static")
    membership.add(chosen, [first])
    taken = Segment.objects.create(name="Taken", kind="snapshot", rules={"all": []})
    campaign.segments.set([chosen, taken])
    assert plan(campaign).audience_count == 2
    make_people(1, prefix="later")
    assert plan(make_later(campaign)).audience_count == 2


def make_later(campaign: Campaign) -> Campaign:
    campaign.planned_at = timezone.now()
    campaign.save(update_fields=["planned_at"])
    return campaign


def test_a_campaign_paused_in_the_moment_its_run_ends_ends_after_it_is_resumed(editor: User, approver: User) -> None:
    make_people(2)
    campaign = make_campaign(editor)
    plan(campaign)
    Message.objects.update(state=Message.State.SENT)
    seen_before = run_of(campaign)
    lifecycle.pause(campaign, by=approver)
    outbox.close_if_quiet(seen_before)
    assert run_of(campaign).status == Run.Status.SENDING
    lifecycle.resume(campaign, by=approver)
    outbox.sweep()
    assert run_of(campaign).status == Run.Status.FINISHED
    assert run_of(campaign).campaign.status == Campaign.Status.FINISHED


def test_a_campaign_cancelled_before_it_was_planned_leaves_no_open_run(editor: User, approver: User) -> None:
    campaign = make_campaign(editor)
    outbox.open_run(campaign)
    lifecycle.cancel(campaign, by=approver)
    outbox.sweep()
    assert run_of(campaign).status == Run.Status.CANCELLED
    assert not Message.objects.exists()
