"""What events add up to: exact over any order and batches, again after the log changed, and as fields of rules."""

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contacts import erasure
from contacts.models import Contact
from events import ingest, labels
from events.models import Cursor, Event
from segments import standing
from segments.models import SpendingLevel, Standing
from tests.segments.people import did, found, names, person, rule

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)


def add_up() -> None:
    """A test's transaction is never below the horizon that readers of the log wait for: everything is counted again."""
    ids = Event.objects.filter(contact_id__isnull=False).values_list("contact_id", flat=True)
    Cursor.objects.update_or_create(reader=standing.READER, defaults={"xid": 2**62, "event_id": 0})
    standing.recount(set(ids))


def days_ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def test_spending_is_the_sum_of_purchases_without_refunds() -> None:
    ann, bob, _cem = person("Ann"), person("Bob"), person("Cem")
    did(ann, "purchase", days_ago(40), amount=30.5)
    did(ann, "Order Completed", days_ago(10), revenue=70, total=99)
    did(ann, "purchase", days_ago(3), amount="100", value=1e300)
    did(ann, "Order Refunded", days_ago(1), total=20)
    did(bob, "purchase", days_ago(2), label="scanner", amount=50)
    add_up()
    row = Standing.objects.get(contact=ann)
    assert (row.spent, row.purchase_count) == (Decimal("80.5"), 3)
    assert (row.first_purchase_at, row.last_purchase_at) == (days_ago(40), days_ago(3))
    assert not Standing.objects.filter(contact=bob).exists()
    assert names(rule("spent", "equals", 80.5), NOW) == "Ann"
    assert names(rule("spent", "at_most", 80), NOW) == "Bob Cem"
    assert names(rule("purchases", "at_least", 3), NOW) == "Ann"
    assert names(rule("average_purchase", "between", [26, 27]), NOW) == "Ann"
    assert names(rule("average_purchase", "is_empty"), NOW) == "Bob Cem"
    assert names(rule("last_purchase", "in_last_days", 3), NOW) == "Ann"
    assert names(rule("last_purchase", "more_than_days_ago", 2), NOW) == "Ann"
    assert names(rule("first_purchase", "is_empty"), NOW) == "Bob Cem"


def test_spending_levels_are_the_teams_own() -> None:
    for name, amount in (("Ann", 99), ("Bob", 100), ("Cem", 5000)):
        did(person(name), "purchase", days_ago(1), amount=amount)
    person("Dee")
    add_up()
    levels = {level: names(rule("spending_level", "equals", level)) for level in ("none", "low", "medium", "top")}
    assert levels == {"none": "Dee", "low": "Ann", "medium": "Bob", "top": "Cem"}
    SpendingLevel.objects.filter(key="medium").update(at_least=99)
    assert names(rule("spending_level", "equals", "medium")) == "Ann Bob"
    assert names(rule("spending_level", "not_equals", "medium")) == "Cem Dee"
    SpendingLevel.objects.all().delete()
    assert names(rule("spending_level", "equals", "none")) == "Ann Bob Cem Dee"


def test_the_engagement_score_halves_every_thirty_days_and_no_row_has_to_change_for_that() -> None:
    ann = person("Ann")
    did(ann, "message.clicked", datetime(2026, 6, 15, tzinfo=UTC))
    did(ann, "message.opened", datetime(2026, 6, 15, tzinfo=UTC))
    did(ann, "message.opened", datetime(2026, 6, 15, tzinfo=UTC), label="prefetch")
    add_up()
    for days, score in ((0, 4), (30, 2), (60, 1), (3000, 0)):
        moment = NOW + timedelta(days=days)
        assert names(rule("engagement_score", "equals", score), moment) == "Ann", days
    assert names(rule("engagement_score", "greater_than", 0), NOW + timedelta(days=200)) == ""


def test_the_newest_word_about_a_subscription_counts_whatever_the_order_in_which_it_came() -> None:
    ann, bob = person("Ann"), person("Bob")
    did(ann, "subscription.changed", days_ago(5), tier="gold")
    did(ann, "Subscription Started", days_ago(50), plan="basic")
    did(bob, "subscription.started", days_ago(9), tier="gold")
    did(bob, "subscription.ended", days_ago(8), tier="gold")
    add_up()
    assert names(rule("subscription_tier", "equals", "gold")) == "Ann"
    assert names(rule("subscription_tier", "is_empty")) == "Bob"
    assert names(rule("subscription_since", "in_last_days", 6), NOW) == "Ann"


def test_erased_people_have_no_totals(editor: Any) -> None:
    ann = person("Ann")
    did(ann, "purchase", days_ago(1), amount=5)
    add_up()
    erasure.erase(ann, by=editor)
    assert not Standing.objects.exists()


@pytest.mark.django_db(transaction=True)
class TestReading:
    """With real commits, as readers of the log need them."""

    def catch_up(self) -> None:
        while standing.advance(batch=3):
            pass

    def test_batches_add_up_to_what_counting_at_once_gives(self) -> None:
        people = [person(name) for name in ("Ann", "Bob")]
        for number in range(20):
            ingest.record(
                ["purchase", "message.opened", "subscription.changed", "Order Refunded"][number % 4],
                contact_id=people[number % 2].pk, occurred_at=days_ago(number * 17 % 90),
                properties={"amount": number, "tier": f"tier {number}"},
            )  # fmt: skip
        self.catch_up()
        by_batches = list(Standing.objects.order_by("pk").values())
        standing.recount([one.pk for one in people])
        for ours, again in zip(by_batches, Standing.objects.order_by("pk").values(), strict=True):
            heat = ours.pop("heat"), again.pop("heat")
            assert heat == (None, None) or math.isclose(*heat)
            assert ours == again

    def test_a_click_that_turns_out_to_be_a_scanners_no_longer_counts(self) -> None:
        ann = person("Ann")
        for name in ("message.opened", "message.clicked"):
            ingest.record(name, contact_id=ann.pk, campaign_id=7, message_id=1, occurred_at=days_ago(1))
        self.catch_up()
        heat = Standing.objects.get().heat
        clicks = list(Event.objects.filter(name="message.clicked"))
        labels.relabel(clicks, label="scanner", reason="several links at once")
        self.catch_up()
        assert math.isclose(Standing.objects.get().heat or 0, (heat or 0) - 2)

    def test_totals_are_noted_as_changes_of_those_people(self) -> None:
        ann = person("Ann")
        ingest.record("purchase", contact_id=ann.pk, properties={"amount": 5})
        self.catch_up()
        with connection.cursor() as cursor:
            cursor.execute("SELECT contact_ids FROM contacts_change WHERE 'standing' = ANY(keys)")
            assert [ann.pk] in [row[0] for row in cursor.fetchall()]


ACTS = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.sampled_from(["purchase", "refund", "message.opened", "message.clicked", "subscription.started", "view"]),
        st.integers(-400, 30),
        st.sampled_from([1, 2.5, "3", None, True, -4, 10**12]),
    ),
    max_size=8,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=ACTS, threshold=st.sampled_from([-5, 0, 1, 3.5, 10]))
def test_totals_and_score_agree_with_a_slow_count(acts: list, threshold: float) -> None:
    Contact.objects.all().delete()
    Event.objects.all().delete()
    Standing.objects.all().delete()
    people = [person("Ann"), person("Bob")]
    for who, name, days, amount in acts:
        did(people[who], name, NOW + timedelta(days=days), amount=amount)
    add_up()
    weights = {"purchase": 5, "message.opened": 1, "message.clicked": 3}
    midnight = NOW.replace(hour=0)
    spent, score = {}, {}
    for who, one in enumerate(people):
        mine = [(name, days, amount) for other, name, days, amount in acts if other == who]
        spent[one.pk] = sum(
            (-1 if name == "refund" else 1) * amount
            for name, _, amount in mine
            if name in ("purchase", "refund") and type(amount) in (int, float) and abs(amount) < 10**9
        )
        score[one.pk] = sum(
            weights.get(name, 0) * 2 ** ((NOW + timedelta(days=days) - midnight) / timedelta(days=30))
            for name, days, _ in mine
        )
    assert found(rule("spent", "at_least", threshold), NOW) == {pk for pk, total in spent.items() if total >= threshold}
    nearly = {pk for pk, value in score.items() if value >= threshold + 0.06}
    at_best = {pk for pk, value in score.items() if value >= threshold - 0.06}
    assert nearly <= found(rule("engagement_score", "at_least", threshold), NOW) <= at_best
