"""Whom a campaign names, and which variant each of them gets."""

from collections import Counter

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from campaigns import allocation, audience
from campaigns.models import Campaign, Variant
from contacts.models import Contact
from core.errors import Refused
from tests.campaigns.conftest import make_segment, make_template


def named(campaign: Campaign) -> list[int]:
    sql, params = audience.audience_sql(campaign)
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return sorted(row[0] for row in cursor.fetchall())


class AnyCombinationOfSegments(TestCase):
    @settings(max_examples=25, deadline=None)
    @given(st.lists(st.sets(st.integers(0, 7)), max_size=3), st.lists(st.sets(st.integers(0, 7)), max_size=2))
    def test_the_audience_is_the_union_less_what_is_left_out_each_once(self, included, excluded):
        people = Contact.objects.bulk_create(Contact(external_id=f"p{n}") for n in range(8))
        campaign = Campaign.objects.create(name="Any")
        for number, members in enumerate(included):
            campaign.segments.add(make_segment(f"in {number}", [people[n] for n in members]))
        for number, members in enumerate(excluded):
            campaign.excluded_segments.add(make_segment(f"out {number}", [people[n] for n in members]))
        wanted = set().union(*included) - set().union(*excluded)
        assert named(campaign) == sorted(people[n].pk for n in wanted)
        assert audience.count(campaign) == len(wanted)


def test_no_segment_names_nobody(campaign):
    campaign.segments.clear()
    assert named(campaign) == []


def allot(campaign: Campaign, ids: list[int]) -> dict[int, int]:
    """Contact to variant, as the planning statement decides it."""
    sql, params = allocation.variant_sql(campaign)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT contact_id, {sql} FROM unnest(%s::bigint[]) AS audience(contact_id)", [*params, ids])
        return dict(cursor.fetchall())


@pytest.fixture
def three(campaign):
    for key, weight in (("B", 2), ("C", 5)):
        Variant.objects.create(campaign=campaign, key=key, template=make_template(key), weight=weight)
    return campaign


def test_one_variant_is_everyones(campaign):
    assert set(allot(campaign, list(range(100))).values()) == {campaign.variants.get().pk}


def test_shares_follow_the_weights(three):
    counts = Counter(allot(three, list(range(1, 40_001))).values())
    shares = [counts[variant.pk] / 40_000 for variant in three.variants.order_by("key")]
    assert shares == pytest.approx([1 / 8, 2 / 8, 5 / 8], abs=0.01)  # four standard errors are 0.0097


def test_a_person_gets_the_same_variant_every_time_in_sql_and_in_python(three):
    ids = [1, 2, 3, 17, 10**6, 2**62]
    first = allot(three, ids)
    assert allot(three, list(reversed(ids))) == first
    assert {each: allocation.variant_for(three, Contact(pk=each, locale="")).pk for each in ids} == first


def test_two_campaigns_share_people_out_independently(three, new_campaign):
    other = new_campaign("Other")
    for key, weight in (("B", 2), ("C", 5)):
        Variant.objects.create(campaign=other, key=key, template=make_template(f"Other {key}"), weight=weight)
    ids = list(range(1, 20_001))
    keys = {variant.pk: variant.key for variant in Variant.objects.all()}
    mine, theirs = allot(three, ids), allot(other, ids)
    both_c = sum(keys[mine[each]] == keys[theirs[each]] == "C" for each in ids) / 20_000
    assert both_c == pytest.approx((5 / 8) ** 2, abs=0.014)


def test_no_variant_is_refused(campaign):
    campaign.variants.all().delete()
    with pytest.raises(Refused, match="choose a template"):
        allocation.variant_sql(campaign)
