"""The home page: full, empty, and for people without a role."""

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from analytics import tasks
from campaigns.models import Campaign
from delivery.models import Account
from events import names
from team import notices
from team.models import Notice, User
from tests.analytics.factories import add_messages, happen, make_campaign

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def home(client: Client, editor: User) -> Client:
    cache.clear()
    client.force_login(editor)
    return client


def text(client: Client) -> str:
    answer = client.get(reverse("admin:index"))
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_a_new_installation_shows_the_first_steps(home: Client) -> None:
    page = text(home)
    assert "Getting started" in page
    assert "Plan your first campaign" in page
    assert "Nothing was sent in the last 30 days" in page


def test_a_running_console_shows_what_matters(home: Client) -> None:
    _, run = make_campaign("Going out", status=Campaign.Status.SENDING)
    happen(names.OPENED, add_messages(run, 2, "sent")[0])
    add_messages(run, 2, "planned")
    Campaign.objects.create(name="Please look", status=Campaign.Status.IN_REVIEW)
    Campaign.objects.create(name="Soon", status=Campaign.Status.SCHEDULED, planned_at=timezone.now())
    make_campaign("Done")
    Account.objects.create(name="Relay", provider="smtp", failing_since=timezone.now(), failure="535 <bad> login")
    tasks.roll_up()
    page = text(home)
    for words in ("Going out", "2 of 4", "Please look", "Soon", "Done", "Relay is refusing", "535 &lt;bad&gt; login"):
        assert words in page
    assert "Getting started" not in page


def test_someone_without_a_role_is_told_so(client: Client, stranger: User) -> None:
    client.force_login(stranger)
    Campaign.objects.create(name="Secret plan", status=Campaign.Status.IN_REVIEW)
    make_campaign("Old secret")
    page = text(client)
    assert "have no role yet" in page
    assert "ecret" not in page


def test_the_home_page_asks_no_more_with_more_campaigns(home: Client, django_assert_max_num_queries: object) -> None:
    for number in range(6):
        _, run = make_campaign(f"Number {number}")
        add_messages(run, 2, "sent")
    text(home)
    with django_assert_max_num_queries(40):  # type: ignore[operator]
        text(home)


def test_notices_are_marked_as_read_one_or_all(home: Client, editor: User, stranger: User) -> None:
    one, _two = notices.tell("First news"), notices.tell("Second news", user=editor)
    foreign = notices.tell("For someone else", user=stranger)
    assert "For someone else" not in text(home)
    address = reverse("analytics:read-notices")
    home.post(address, {"notice": one.pk})
    assert "First news" not in text(home)
    assert "Second news" in text(home)
    home.post(address, {"notice": foreign.pk})
    home.post(address)
    assert list(Notice.objects.filter(read_at=None)) == [foreign]


@pytest.mark.parametrize("wrong", ["x", "-1", "9" * 30, "²"])
def test_a_wrong_notice_breaks_nothing(home: Client, wrong: str) -> None:
    assert home.post(reverse("analytics:read-notices"), {"notice": wrong}).status_code == 302


def test_reading_notices_needs_a_post_of_a_team_member(client: Client, editor: User) -> None:
    address = reverse("analytics:read-notices")
    assert client.post(address).status_code == 403
    client.force_login(editor)
    assert client.get(address).status_code == 405
