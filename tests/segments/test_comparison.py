"""Several segments side by side say what their members bought, how they respond and whom they share."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from events import names
from segments import comparison
from segments.models import Segment, Standing
from team.models import User
from tests.segments.people import did, person, rule, segment

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC)


@pytest.fixture
def two() -> list[Segment]:
    """Ann and Bob are in the shop, Ann and Cem are important; Ann bought and opened, a scanner clicked for her."""
    ann, bob = person("Ann", tags=["shop", "vip"]), person("Bob", tags=["shop"])
    person("Cem", tags=["vip"])
    Standing.objects.create(contact=ann, spent=Decimal(80), purchase_count=2)
    for contact in (ann, bob):
        did(contact, names.MESSAGE_SENT, NOW - timedelta(days=3))
    did(ann, names.OPENED, NOW - timedelta(days=2))
    did(ann, names.OPENED, NOW - timedelta(days=1))
    did(ann, names.CLICKED, NOW - timedelta(days=1), label="scanner")
    did(bob, names.OPENED, NOW - timedelta(days=200))
    return [segment(tag, rule("tag", "has", tag)) for tag in ("shop", "vip")]


def test_figures_are_of_members_and_of_what_people_did(two: list[Segment]) -> None:
    shop, vip = comparison.figures(two)
    assert (shop.size, shop.buyers, shop.spent, shop.spent_each) == (2, 1, Decimal(80), Decimal(40))
    assert (shop.sent, shop.opened, shop.clicked, shop.open_percent) == (2, 1, 0, 50)
    assert (vip.size, vip.buyers, vip.sent, vip.opened) == (2, 1, 1, 1)


def test_an_empty_segment_has_figures_too() -> None:
    nobody = segment("nobody", {"any": []})
    assert comparison.figures([nobody]) == [comparison.Figures(nobody)]
    assert comparison.figures([nobody])[0].spent_each == 0


def test_the_matrix_says_which_part_of_one_is_in_the_other(two: list[Segment]) -> None:
    rows = comparison.matrix(two, {each.pk: 2 for each in two})
    assert [[(cell.size, cell.percent, cell.is_same) for cell in cells] for _, cells in rows] == [
        [(2, 100, True), (1, 50, False)],
        [(1, 50, False), (2, 100, True)],
    ]


def test_the_page_compares_those_who_are_named_and_ignores_nonsense(
    client: Client, editor: User, two: list[Segment]
) -> None:
    client.force_login(editor)
    page = reverse("admin:segments_segment_compare")
    shown = client.get(page, {"segment": [*(str(each.pk) for each in two), "x", "9" * 30]})
    assert [row.segment for row in shown.context["rows"]] == two
    assert "rows" not in client.get(page, {"segment": two[0].pk}).context
    assert client.get(page).status_code == 200


def test_who_may_not_see_segments_compares_none(client: Client, stranger: User) -> None:
    client.force_login(stranger)
    assert client.get(reverse("admin:segments_segment_compare")).status_code == 403
