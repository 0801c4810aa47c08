"""What an approval is bound to: a hash that changes with everything people get, and with nothing else."""

import json
from datetime import date, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns import approval, lifecycle
from campaigns.models import Campaign, Sender, Variant
from contacts import erasure
from core.errors import Refused
from segments.models import Membership, Segment
from team.models import User
from templates_app.models import TemplateVersion
from tests.campaigns.conftest import make_segment, make_template, publish_again

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=8), json_values, max_size=6))
def test_the_same_facts_in_another_order_give_the_same_hash(bound):
    shuffled = dict(reversed(list(bound.items())))
    assert approval.digest(shuffled) == approval.digest(bound)
    assert approval.digest(json.loads(json.dumps(bound))) == approval.digest(bound)


@given(st.dictionaries(st.text(max_size=8), json_values, max_size=6), st.text(max_size=8))
def test_one_more_fact_gives_another_hash(bound, name):
    more = bound | {name: [bound.get(name), "more"]}
    assert approval.digest(more) != approval.digest(bound)


def test_the_hash_is_the_same_on_every_reading(campaign):
    assert approval.content_hash(campaign) == approval.content_hash(Campaign.objects.get(pk=campaign.pk))
    assert len(approval.content_hash(campaign)) == 64


def test_whoever_wrote_or_published_the_content_does_not_decide(campaign, approver, editor):
    boss = User.objects.create_superuser("boss", "boss@example.com", "boss-secret-1")
    TemplateVersion.objects.update(author=approver, published_by=boss)
    lifecycle.submit(campaign, by=editor)
    for person, why in ((approver, "you wrote its content"), (boss, "you published its content")):
        with pytest.raises(Refused, match=why):
            lifecycle.approve(campaign, by=person)
        with pytest.raises(Refused, match=why):
            lifecycle.reject(campaign, by=person, comment="No.")
    other = User.objects.create_superuser("other", "other@example.com", "other-secret-1")
    lifecycle.approve(campaign, by=other)
    assert campaign.status == Campaign.Status.APPROVED


CHANGES = {
    "name": lambda c: Campaign.objects.filter(pk=c.pk).update(name="Other"),
    "purpose": lambda c: Campaign.objects.filter(pk=c.pk).update(purpose="transactional"),
    "kind": lambda c: Campaign.objects.filter(pk=c.pk).update(kind="triggered"),
    "sender": lambda c: Campaign.objects.filter(pk=c.pk).update(sender=None),
    "sender name": lambda c: Sender.objects.update(name="Other"),
    "sender address": lambda c: Sender.objects.update(email="other@example.com"),
    "reply address": lambda c: Sender.objects.update(reply_to="other@example.com"),
    "postal address": lambda c: Sender.objects.update(postal_address="1 Other Street"),
    "weight": lambda c: c.variants.update(weight=2),
    "key": lambda c: c.variants.update(key="B"),
    "one more variant": lambda c: Variant.objects.create(campaign=c, key="B", template=make_template("Other")),
    "template": lambda c: c.variants.update(template=make_template("Other")),
    "version": lambda c: c.variants.update(version=publish_again(c.variants.get().template)),
    "segment": lambda c: c.segments.set([make_segment("Other", [])]),
    "one more segment": lambda c: c.segments.add(make_segment("Other", [])),
    "excluded segment": lambda c: c.excluded_segments.add(make_segment("Other", [])),
    "rules": lambda c: Segment.objects.update(rules={"any": []}),
    "kind of segment": lambda c: Segment.objects.update(kind="static"),
    "opens": lambda c: Campaign.objects.filter(pk=c.pk).update(tracks_opens=False),
    "clicks": lambda c: Campaign.objects.filter(pk=c.pk).update(tracks_clicks=False),
    "time": lambda c: Campaign.objects.filter(pk=c.pk).update(send_on=date(2099, 1, 1), send_time=time(9)),
}


@pytest.mark.parametrize("what", CHANGES)
def test_everything_that_reaches_people_is_bound(what, campaign):
    before = approval.content_hash(campaign)
    CHANGES[what](campaign)
    assert approval.content_hash(Campaign.objects.get(pk=campaign.pk)) != before


def test_notes_of_the_team_and_people_who_come_and_go_are_not_bound(campaign, people):
    before = approval.content_hash(campaign)
    Campaign.objects.filter(pk=campaign.pk).update(description="Other", tags=["other"])
    Segment.objects.update(size=99, name="Renamed", description="Other")
    Membership.objects.filter(contact=people[0]).delete()
    assert approval.content_hash(Campaign.objects.get(pk=campaign.pk)) == before


def test_of_a_segment_chosen_by_hand_the_members_are_bound(campaign, people):
    Segment.objects.update(kind="static")
    before = approval.content_hash(campaign)
    Membership.objects.filter(contact=people[0]).delete()
    assert approval.content_hash(campaign) != before


def test_erasing_somebody_on_a_list_leaves_its_approval_as_it_was(campaign, people, segment, editor):
    Segment.objects.update(kind="static")
    asking = make_segment("Asking", [], {"field": "segment", "operator": "in", "value": str(segment.uuid)})
    campaign.segments.add(asking)
    lifecycle.submit(campaign, by=editor)
    asked = approval.pending(campaign)
    erasure.erase(people[0], by=editor)
    assert not Membership.objects.filter(contact=people[0], segment=segment).exists()
    asked.refresh_from_db()
    assert approval.changes(asked, campaign) == []
    Membership.objects.filter(contact=people[1]).delete()
    assert approval.changes(asked, campaign) == ["the audience"]
    erasure.erase(people[2], by=editor)
    asked.refresh_from_db()
    assert approval.changes(asked, campaign) == ["the audience"]


def test_a_later_change_is_named(campaign, editor, segment):
    lifecycle.submit(campaign, by=editor)
    asked = approval.pending(campaign)
    assert approval.changes(asked, campaign) == []
    Segment.objects.filter(pk=segment.pk).update(rules={"any": []})
    Sender.objects.update(name="Other")
    assert approval.changes(asked, campaign) == ["the sender", "the audience"]


def test_the_rules_of_a_segment_that_a_segment_asks_about_are_bound_too(campaign):
    inner = make_segment("Inner", [])
    middle = make_segment("Middle", [], {"field": "segment", "operator": "in", "value": str(inner.uuid)})
    campaign.segments.set(
        [make_segment("Outer", [], {"field": "segment", "operator": "in", "value": str(middle.uuid)})]
    )
    before = approval.content_hash(campaign)
    Segment.objects.filter(pk=inner.pk).update(rules={"field": "email", "operator": "is_filled"})
    assert approval.content_hash(campaign) != before
