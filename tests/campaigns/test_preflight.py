"""What stands in the way, with exact numbers."""

from datetime import timedelta

import pytest
from django.utils import timezone

from campaigns import lifecycle, preflight
from campaigns.models import Approval, Campaign, Variant
from contacts.models import ConsentState, Contact, Suppression
from segments.models import Membership
from tests.campaigns.conftest import make_template

BAD_FINDING = {"level": "block", "code": "no_unsubscribe", "message": "There is no unsubscribe link."}


def codes(campaign: Campaign, level: str) -> list[str]:
    return [finding.code for finding in preflight.check(campaign) if finding.level == level]


def use(campaign: Campaign, **version) -> None:
    campaign.variants.update(template=make_template("Special", **version))


BLOCKS = {
    "no_segment": lambda c: c.segments.clear(),
    "empty_audience": lambda c: Membership.objects.all().delete(),
    "no_variant": lambda c: c.variants.all().delete(),
    "unpublished": lambda c: use(c, is_published=False),
    "no_sender": lambda c: Campaign.objects.filter(pk=c.pk).update(sender=None),
    "no_unsubscribe": lambda c: use(c, findings=[BAD_FINDING]),
    "segment_failed": lambda c: c.segments.update(refresh_failed="It took too long."),
}


@pytest.mark.parametrize("code", BLOCKS)
def test_what_blocks_is_found(code, campaign):
    assert codes(campaign, "block") == []
    BLOCKS[code](campaign)
    assert codes(Campaign.objects.get(pk=campaign.pk), "block") == [code]


def test_a_transactional_campaign_needs_no_unsubscribe_link(campaign):
    use(campaign, findings=[BAD_FINDING])
    Campaign.objects.filter(pk=campaign.pk).update(purpose="transactional")
    assert codes(Campaign.objects.get(pk=campaign.pk), "block") == []


def test_a_transactional_template_is_not_enough_for_marketing(campaign):
    use(campaign, source="<p>Your receipt</p>", compiled_html="<p>Your receipt</p>", findings=[])
    assert codes(campaign, "block") == ["no_unsubscribe"]


def test_each_person_who_will_not_get_it_is_counted_once_by_the_first_reason(campaign, people, segment):
    Contact.objects.filter(pk=people[0].pk).update(erased_at=timezone.now(), email=None)
    Contact.objects.filter(pk=people[1].pk).update(email=None)
    Suppression.objects.create(address=people[2].email)
    ConsentState.objects.filter(contact__in=people[2:4]).update(is_granted=False)
    found = preflight.reach(campaign)
    assert (found.total, found.reachable) == (5, 1)
    assert found.left_out == {"erased": 1, "no_address": 1, "suppressed": 1, "no_consent": 1}
    messages = [finding.message for finding in preflight.check(campaign)]
    assert "1 of 5 people have not given consent: they will not get it." in messages
    assert "1 of 5 people can get it." in messages


def test_transactional_mail_asks_for_no_consent(campaign, people):
    ConsentState.objects.all().delete()
    assert preflight.reach(campaign).left_out == {"no_consent": 5}
    Campaign.objects.filter(pk=campaign.pk).update(purpose="transactional")
    campaign.refresh_from_db()
    assert preflight.reach(campaign).reachable == 5


def test_consent_for_a_topic_or_another_channel_is_not_consent_for_this(campaign, people):
    ConsentState.objects.update(topic="news")
    assert preflight.reach(campaign).left_out == {"no_consent": 5}


def test_findings_of_the_template_and_a_missing_preheader_are_passed_on(campaign):
    clip = {"level": "warn", "code": "gmail_clipping", "message": "The HTML is 120 KB."}
    use(campaign, preheader="", findings=[clip])
    assert codes(campaign, "warn") == ["gmail_clipping", "no_preheader"]


def test_another_campaign_to_the_same_segment_within_a_day_is_named(new_campaign, editor, approver):
    first, second = new_campaign("First"), new_campaign("Second")
    for campaign in (first, second):
        lifecycle.submit(campaign, by=editor)
        lifecycle.approve(campaign, by=approver)
        when = timezone.now() + timedelta(hours=20 if campaign == first else 40)
        lifecycle.schedule(campaign, by=editor, on=when.date(), time=when.time(), zone="UTC")
    assert "“Second” goes to some of the same segments within 24 hours." in [
        finding.message for finding in preflight.check(first)
    ]
    Campaign.objects.filter(pk=second.pk).update(planned_at=timezone.now() + timedelta(hours=50))
    assert "overlap" not in codes(first, "warn")


def test_a_planned_draft_is_warned_of_overlaps_too(new_campaign, editor, approver):
    other = new_campaign("Other")
    lifecycle.submit(other, by=editor)
    lifecycle.approve(other, by=approver)
    when = timezone.now() + timedelta(hours=20)
    lifecycle.schedule(other, by=editor, on=when.date(), time=when.time(), zone="UTC")
    draft = new_campaign("Draft", send_on=when.date(), send_time=when.time(), send_zone="UTC")
    assert "overlap" in codes(draft, "warn")


def test_an_audience_far_above_the_usual_is_mentioned(new_campaign, people, segment):
    campaign, earlier = new_campaign(), new_campaign("Earlier")
    for size in (900, 1000, 1100):
        Approval.objects.create(campaign=earlier, content_hash="", decision="approved", audience_count=size)
    more = Contact.objects.bulk_create(Contact(external_id=f"more{n}") for n in range(3000))
    Membership.objects.bulk_create(Membership(segment=segment, contact=person) for person in more)
    assert "unusually_large" in codes(campaign, "warn")
    Approval.objects.update(audience_count=2900)
    assert "unusually_large" not in codes(campaign, "warn")


def test_checking_costs_a_fixed_number_of_queries(campaign, django_assert_max_num_queries):
    for key in "BCDEF":
        Variant.objects.create(campaign=campaign, key=key, template=make_template(key))
    with django_assert_max_num_queries(16):
        preflight.check(campaign)
