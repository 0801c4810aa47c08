"""Revenue and engagement of a segment beside everyone: from totals and days, whatever the log did meanwhile."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from contacts import erasure
from events import ingest
from events.models import Cursor, Event
from segments import earnings, standing
from segments.earnings import Lately
from segments.models import Segment, SpendingDay
from team.models import User
from tests.segments.people import did, person, rule, segment

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC)


def days_ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def add_up() -> None:
    ids = Event.objects.filter(contact_id__isnull=False).values_list("contact_id", flat=True)
    Cursor.objects.update_or_create(reader=standing.READER, defaults={"xid": 2**62, "event_id": 0})
    standing.recount(set(ids))


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    cache.clear()


@pytest.fixture
def shop() -> Segment:
    """Ann bought today and long ago and gave something back, Bob in between; Cem is no member; Dee bought nothing."""
    ann, bob, cem = person("Ann", tags=["shop"]), person("Bob", tags=["shop"]), person("Cem")
    person("Dee", tags=["shop"])
    did(ann, "purchase", days_ago(0), amount=30)
    did(ann, "Order Completed", days_ago(0), revenue=20)
    did(ann, "purchase", days_ago(200), amount=100)
    did(ann, "refund", days_ago(2), amount=10)
    did(bob, "purchase", days_ago(60), amount=40)
    did(cem, "purchase", days_ago(1), amount=500)
    add_up()
    return segment("shop", rule("tag", "has", "shop"))


def test_members_revenue_is_counted_in_total_and_lately(shop: Segment) -> None:
    ours = earnings.of_members(shop)
    assert (ours.people, ours.buyers, ours.orders, ours.spent) == (3, 2, 4, Decimal(180))
    assert (ours.spent_each, ours.spent_each_order, round(ours.buyer_percent)) == (Decimal(60), Decimal(45), 67)
    assert ours.lately == (
        Lately(days=30, people=3, spent=Decimal(40), orders=2, buyers=1, active=1),
        Lately(days=90, people=3, spent=Decimal(80), orders=3, buyers=2, active=2),
    )


def test_everyone_stands_beside_them(shop: Segment) -> None:
    everyone = earnings.of_everyone()
    assert (everyone.people, everyone.buyers, everyone.spent) == (4, 3, Decimal(680))
    share = earnings.share(earnings.of_members(shop), everyone)
    assert (share.people_percent, round(share.spent_percent, 1)) == (75, 26.5)


def test_more_refunds_than_purchases_have_no_shares() -> None:
    ann = person("Ann", tags=["shop"])
    did(ann, "refund", days_ago(1), amount=10)
    add_up()
    ours = earnings.of_members(segment("shop", rule("tag", "has", "shop")))
    assert (ours.spent, ours.lately[0].buyers) == (Decimal(-10), 0)
    assert earnings.share(ours, earnings.of_everyone()).spent_percent == 0


def test_nobodys_figures_are_zero() -> None:
    ours = earnings.of_members(segment("nobody", {"any": []}))
    assert (ours.people, ours.spent, ours.spent_each, ours.score) == (0, 0, 0, 0)


def test_erased_people_leave_no_days(shop: Segment, editor: User) -> None:
    ann = shop.memberships.get(contact__first_name="Ann").contact
    erasure.erase(ann, by=editor)
    assert not SpendingDay.objects.filter(contact=ann).exists()


class TestPage:
    def show(self, client: Client, segment: Segment) -> str:
        return client.get(reverse("admin:segments_segment_change", args=[segment.pk])).content.decode()

    def test_it_says_what_they_bought_and_what_counts(self, client: Client, editor: User, shop: Segment) -> None:
        client.force_login(editor)
        page = self.show(client, shop)
        for words in ("180.00", "680.00", "Last 30 days", "75% of all people, 26.5% of all revenue", "Order Completed"):
            assert words in page, words

    def test_without_purchases_it_says_how_they_get_here(self, client: Client, editor: User) -> None:
        person("Ann")
        client.force_login(editor)
        assert "Nobody has bought anything yet" in self.show(client, segment("all", {"all": []}))

    def test_an_empty_segment_says_so(self, client: Client, editor: User) -> None:
        client.force_login(editor)
        assert "Nobody is in this segment" in self.show(client, segment("nobody", {"any": []}))


@pytest.mark.django_db(transaction=True)
class TestReading:
    """With real commits, as readers of the log need them."""

    def test_a_page_whose_totals_are_behind_says_so_and_offers_to_add_up(self, client: Client, editor: User) -> None:
        ann = person("Ann")
        one = segment("all", {"all": []})
        client.force_login(editor)
        ingest.record("purchase", contact_id=ann.pk, properties={"amount": 5})
        assert standing.behind() is None, "what came just now is not behind"
        Event.objects.update(received_at=days_ago(1))
        behind = standing.behind()
        assert behind is not None
        assert not behind.has_begun
        page = client.get(reverse("admin:segments_segment_change", args=[one.pk])).content.decode()
        assert "have not been added up yet" in page
        assert reverse("admin:segments_segment_add_up") in page
        assert standing.catch_up(10)
        assert standing.behind() is None

    def test_days_by_batches_are_those_of_counting_at_once(self) -> None:
        people = [person("Ann"), person("Bob")]
        for number in range(12):
            ingest.record(
                ["purchase", "Order Refunded", "view"][number % 3], contact_id=people[number % 2].pk,
                occurred_at=days_ago(number % 4), properties={"amount": number},
            )  # fmt: skip
        while standing.advance(batch=3):
            pass
        by_batches = list(SpendingDay.objects.order_by("pk").values())
        standing.recount([one.pk for one in people])
        assert by_batches == list(SpendingDay.objects.order_by("pk").values())
        assert sum(day["purchase_count"] for day in by_batches) == 4
