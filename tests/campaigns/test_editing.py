"""Changes: noted, guarded, and never half done. Comments: who hears of them."""

from datetime import date, time, timedelta

import pytest

from campaigns import collaboration, editing, keeping, lifecycle
from campaigns.editing import Stale, Wording
from campaigns.models import Campaign, Edit
from core.errors import Refused
from team.models import Notice
from tests.campaigns.conftest import make_segment, make_template
from tests.conftest import make_user

Status = Campaign.Status


def test_a_change_is_noted_with_what_it_was_before(campaign, editor, template):
    other = make_segment("Others", [])
    changed = editing.change(
        campaign, by=editor, name="Autumn", segments=[other], variants=[Wording(template, 3)], tracks_opens=False
    )
    assert changed == ["Name", "Counts opens", "Segments", "Content"]
    assert Edit.objects.get().changes[0] == {"field": "Name", "before": "Spring", "after": "Autumn"}
    assert {"field": "Segments", "before": "Everyone", "after": "Others"} in Edit.objects.get().changes


def test_saving_the_same_again_is_no_change(approved, editor):
    assert editing.change(approved, by=editor, name="Spring", segments=list(approved.segments.all())) == []
    approved.refresh_from_db()
    assert approved.status == Status.APPROVED
    assert not Edit.objects.exists()


@pytest.mark.parametrize(
    "values",
    [
        {"name": "Other"},
        {"description": "Other"},
        {"segments": []},
        {"tracks_clicks": False},
        {"send_on": date(2099, 1, 1), "send_time": time(9), "send_zone": "UTC"},
        {"variants": []},
    ],
)
def test_any_change_of_an_approved_campaign_voids_the_approval(values, approved, editor):
    editing.change(approved, by=editor, **values)
    assert approved.status == Status.DRAFT
    assert approved.approvals.get().decision == "void"
    assert approved.edited_by == editor


def test_a_tag_is_a_note_and_voids_nothing(approved, editor):
    editing.tag(approved, by=editor, tags=["x", "a"])
    editing.tag(approved, by=editor, tags=["a"])
    assert (approved.status, approved.tags) == (Status.APPROVED, ["a", "x"])
    assert Edit.objects.count() == 1


def test_whoever_edits_last_may_not_approve(campaign, editor, approver):
    editing.change(campaign, by=approver, name="By the approver")
    lifecycle.submit(campaign, by=editor)
    with pytest.raises(Refused, match="you made the last change"):
        lifecycle.approve(campaign, by=approver)


def test_a_stale_save_is_refused_and_changes_nothing(campaign, editor):
    with pytest.raises(Stale):
        editing.change(campaign, by=editor, seen=campaign.updated_at - timedelta(microseconds=1), name="Late")
    campaign.refresh_from_db()
    assert campaign.name == "Spring"


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"send_on": date(2099, 1, 1)}, "half_a_time"),
        ({"send_on": date(2001, 1, 1), "send_time": time(9), "send_zone": "UTC"}, "in_the_past"),
        ({"send_on": date(2099, 1, 1), "send_time": time(9), "send_zone": "../x"}, "unknown_zone"),
    ],
)
def test_an_impossible_time_is_refused_and_nothing_else_is_saved(values, code, campaign, editor):
    with pytest.raises(Refused) as refused:
        editing.change(campaign, by=editor, name="Half", **values)
    assert refused.value.code == code
    campaign.refresh_from_db()
    assert campaign.name == "Spring"


def test_too_many_variants_are_refused(campaign, editor, template):
    with pytest.raises(Refused, match="at most 26"):
        editing.change(campaign, by=editor, variants=[Wording(template)] * 27)


def test_variants_keep_their_rows_when_they_stay(campaign, editor, template):
    first = campaign.variants.get().pk
    editing.change(campaign, by=editor, variants=[Wording(template, 2), Wording(make_template("B"))])
    assert [variant.key for variant in campaign.variants.all()] == ["A", "B"]
    assert campaign.variants.first().pk == first
    editing.change(campaign, by=editor, variants=[Wording(template, 2)])
    assert campaign.variants.get().pk == first


def test_a_stranger_neither_creates_nor_changes_nor_tags_nor_copies(stranger, campaign):
    for attempt in (
        lambda: editing.create(by=stranger, name="X"),
        lambda: editing.change(campaign, by=stranger, name="X"),
        lambda: editing.tag(campaign, by=stranger, tags=["x"]),
        lambda: keeping.duplicate(campaign, by=stranger),
        lambda: keeping.archive(campaign, by=stranger),
        lambda: keeping.delete(campaign, by=stranger),
        lambda: keeping.restore(campaign, by=stranger),
        lambda: collaboration.comment(campaign, by=stranger, body="x"),
    ):
        with pytest.raises(Refused) as refused:
            attempt()
        assert refused.value.code == "not_allowed"


def test_a_copy_has_the_same_content_and_a_name_that_fits(approved, editor):
    Campaign.objects.filter(pk=approved.pk).update(name="x" * 160)
    approved.refresh_from_db()
    copy = keeping.duplicate(approved, by=editor)
    assert len(copy.name) == 160
    assert copy.status == Status.DRAFT
    assert list(copy.segments.all()) == list(approved.segments.all())
    assert not copy.approvals.exists()
    assert copy.variants.get().version is None


# --- comments


def test_mentions_and_answers_reach_people_once(campaign, editor, approver):
    eve = make_user("eve", "Marketer")
    first = collaboration.comment(campaign, by=editor, body="@ben @eve@example.com @ben, please look. @ada @nobody")
    assert {notice.user for notice in Notice.objects.all()} == {approver, eve}
    Notice.objects.all().delete()
    collaboration.comment(campaign, by=approver, body="@ada looks fine", parent=first)
    assert [notice.user for notice in Notice.objects.all()] == [editor]
    assert "mentioned you" in Notice.objects.get().text


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("@ben", {"ben"}),
        ("(@ben) and @ben.", {"ben"}),
        ("write to ben@ben or x@ben", set()),
        ("@Ben", set()),
        ("@@ben", set()),
        ("no one", set()),
    ],
)
def test_a_mention_is_a_name_after_an_at_sign(body, names, approver):
    assert {user.username for user in collaboration.mentioned(body)} == names


def test_a_reply_to_a_reply_joins_the_thread(campaign, editor):
    first = collaboration.comment(campaign, by=editor, body="One")
    second = collaboration.comment(campaign, by=editor, body="Two", parent=first)
    third = collaboration.comment(campaign, by=editor, body="Three", parent=second)
    assert third.parent == first


def test_a_reply_across_campaigns_is_refused(new_campaign, editor):
    said = collaboration.comment(new_campaign("A"), by=editor, body="One")
    with pytest.raises(Refused, match="another campaign"):
        collaboration.comment(new_campaign("B"), by=editor, body="Two", parent=said)
