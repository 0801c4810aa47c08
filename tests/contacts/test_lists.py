"""How far the list of contacts looks, what it says of that, and that nothing is left out of an export."""

import re

import pytest
from django.db import connection
from django.test import Client

from contacts import consent, list_bounds, lists
from contacts.models import Contact
from core import paging
from team.models import User

pytestmark = pytest.mark.django_db
LIST = "/admin/contacts/contact/"


@pytest.fixture
def console(editor: User, client: Client) -> Client:
    client.force_login(editor)
    return client


@pytest.fixture
def people(monkeypatch: pytest.MonkeyPatch) -> list[Contact]:
    """Thirty, oldest first; lists look at ten at a time, and find at most five."""
    monkeypatch.setattr(list_bounds, "LOOK_AT", 10)
    monkeypatch.setattr(paging, "COUNT_UP_TO", 5)
    return Contact.objects.bulk_create(
        Contact(email=f"p{n:02}@example.com", last_name="Ng", external_id=f"x{n:02}") for n in range(30)
    )


def shown(console: Client, **asked: str | int) -> tuple[list[str], str]:
    """The emails on the page, and its words without tags."""
    response = console.get(LIST, asked)
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", response.content.decode()))
    return [contact.email for contact in response.context["cl"].result_list], text


def ask_all_but(people: list[Contact], *numbers: int) -> None:
    for number, contact in enumerate(people):
        if number not in numbers:
            consent.grant(contact, channel="email", source="Form")


def test_those_never_asked_are_looked_for_a_part_at_a_time_until_the_oldest(
    console: Client, people: list[Contact]
) -> None:
    ask_all_but(people, 27, 22, 13)
    found, text = shown(console, consent="none")
    assert found == ["p27@example.com", "p22@example.com"]
    assert "2 contacts among the newest 10 " in text
    assert "Look at older contacts" in text
    assert "Back to the newest" not in text
    found, text = shown(console, consent="none", before=people[19].pk)
    assert found == ["p13@example.com"]
    assert "1 contact among 10 older ones" in text
    assert "Back to the newest" in text
    found, text = shown(console, consent="none", before=people[9].pk)
    assert found == []
    assert "0 contacts among the oldest" in text
    assert "Look at older contacts" not in text


def test_when_most_were_never_asked_the_part_is_shown_and_its_count_stops(
    console: Client, people: list[Contact]
) -> None:
    ask_all_but(people, *range(30))
    found, text = shown(console, consent="none")
    assert found == [contact.email for contact in people[:19:-1]]
    assert "more than 5 contacts among the newest 10" in text


def test_the_link_to_older_contacts_goes_on_where_this_look_ended(console: Client, people: list[Contact]) -> None:
    page = console.get(LIST, {"consent": "none"})
    bound = page.context["cl"].bound
    assert f"before={people[19].pk}" in bound.older_url
    older = console.get(LIST + bound.older_url).context["cl"]
    assert f"before={people[9].pk}" in older.bound.older_url
    assert "before" not in older.bound.newest_url


def test_a_list_that_was_looked_at_wholly_says_nothing_of_parts(
    console: Client, people: list[Contact], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_bounds, "LOOK_AT", 30)
    ask_all_but(people, 3)
    found, text = shown(console, consent="none")
    assert found == ["p03@example.com"]
    assert "among" not in text


def test_someone_old_who_was_never_asked_is_found_by_name_or_rare_tag(console: Client, people: list[Contact]) -> None:
    Contact.objects.filter(pk=people[1].pk).update(tags=["rare"])
    assert shown(console, consent="none", q="p01")[0] == ["p01@example.com"]
    assert shown(console, consent="none", tag="rare")[0] == ["p01@example.com"]


def test_a_beginning_that_many_share_lists_the_first_and_says_so(console: Client, people: list[Contact]) -> None:
    found, text = shown(console, q="p")
    assert found == [f"p0{n}@example.com" for n in (4, 3, 2, 1, 0)]
    assert "5 contacts among the first 5 found" in text
    assert "More than 5 contacts begin like this" in text
    assert "Type more to find the others" in text


def test_a_beginning_that_few_share_lists_them_all_newest_first(console: Client, people: list[Contact]) -> None:
    Contact.objects.filter(pk=people[7].pk).update(last_name="P2nd")
    found, text = shown(console, q="p29")
    assert (found, "among" in text) == (["p29@example.com"], False)
    assert shown(console, q="X07")[0] == []  # an external id is theirs, letter by letter
    assert shown(console, q="x07")[0] == shown(console, q="p2N")[0] == ["p07@example.com"]


def test_filters_count_among_the_first_found_only_and_say_so(console: Client, people: list[Contact]) -> None:
    ask_all_but(people, 2, 20)
    found, text = shown(console, q="p", consent="none")
    assert found == ["p02@example.com"]
    assert "1 contact among the first 5 found" in text


def test_whatever_a_list_shows_its_export_has_everyone_asked_for(console: Client, people: list[Contact]) -> None:
    ask_all_but(people, 2, 20, 25)
    for asked, expected in (({"q": "p"}, 30), ({"consent": "none"}, 3), ({"consent": "none", "before": "1"}, 3)):
        export = console.get(f"{LIST}export.csv", asked)
        assert len(export.getvalue().splitlines()) == expected + 1, asked


@pytest.mark.parametrize("before", ["", "x", "-1", "9" * 40, "٣"])
def test_a_bent_address_still_shows_the_list(console: Client, people: list[Contact], before: str) -> None:
    assert console.get(LIST, {"consent": "none", "before": before}).status_code == 200


def test_a_last_name_is_found_by_its_index_in_its_order(people: list[Contact]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
    by_name = (
        Contact.objects.alias(last_lower=lists.LAST_NAME).filter(last_lower__startswith="n").order_by("last_lower")
    )
    plan = by_name.explain()
    assert "contacts_contact_last_name" in plan
    assert "Sort" not in plan
