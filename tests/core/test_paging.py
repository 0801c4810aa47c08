"""Counts of lists: exact while that is cheap, an estimate for a whole table, an honest stop for a filtered one."""

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from contacts.models import Contact
from core import paging
from core.paging import EstimatingPaginator
from team.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def _thirty_contacts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "COUNT_UP_TO", 20)
    Contact.objects.bulk_create(Contact(email=f"p{n}@example.com", first_name="Ada") for n in range(30))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE contacts_contact")


@pytest.mark.usefixtures("_thirty_contacts")
def test_a_whole_table_shows_its_estimate_as_one() -> None:
    pages = EstimatingPaginator(Contact.objects.order_by("-id"), 10)
    assert (pages.count, pages.count_in_words, pages.num_pages) == (30, "about 30", 3)


@pytest.mark.usefixtures("_thirty_contacts")
def test_a_filtered_list_is_counted_only_so_far_and_says_so() -> None:
    pages = EstimatingPaginator(Contact.objects.filter(first_name="Ada").order_by("-id"), 10)
    assert (pages.count, pages.count_in_words) == (21, "more than 20")
    few = EstimatingPaginator(Contact.objects.filter(email="p7@example.com").order_by("-id"), 10)
    assert (few.count, few.count_in_words) == (1, "1")


def test_nobody_leafs_deeper_than_what_is_read_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "PAGES_DEEP", 2)
    Contact.objects.bulk_create(Contact(email=f"p{n}@example.com") for n in range(30))
    assert EstimatingPaginator(Contact.objects.order_by("-id"), 10).num_pages == 2


@pytest.mark.usefixtures("_thirty_contacts")
def test_a_list_tells_its_count_below_it_and_no_other_beside_the_title(client: Client, editor: User) -> None:
    client.force_login(editor)
    whole = client.get(reverse("admin:contacts_contact_changelist")).content.decode()
    assert "about 30" in whole
    assert "Show all" not in whole
    filtered = client.get(reverse("admin:contacts_contact_changelist"), {"erased": "no"}).content.decode()
    assert "more than 20" in filtered
    found = client.get(reverse("admin:contacts_contact_changelist"), {"q": "p"}).content.decode()
    assert "among the first 20 found" in found
    assert "results (" not in found
