"""Contacts that may be one person: what each rule finds, what people decide, and merging by a rule."""

from typing import Any

import pytest

from contacts import duplicates, erasure, merging
from contacts.duplicates import rules
from contacts.models import BulkMerge, Company, Contact, Employment, Merge
from core.errors import Refused
from team.models import User

pytestmark = pytest.mark.django_db
NUMBERS = iter(range(10_000))


def person(email: str | None = None, **fields: Any) -> Contact:
    return Contact.objects.create(email=email or f"p{next(NUMBERS)}@example.com", **fields)


def pairs(key: str) -> list[tuple[Contact, Contact]]:
    return [(pair.first, pair.second) for pair in duplicates.found(rules[key])]


def test_spellings_of_one_mailbox_are_found() -> None:
    plain, tagged = person("ada@example.com"), person("ada+news@example.com")
    dots, none = person("a.d.a@gmail.com"), person("ada@gmail.com")
    other = person("ad.a+x@googlemail.com")
    person("adam@example.com")
    person("a.d.a@example.com")
    person("+ada@example.com")
    assert set(pairs("mailbox")) == {(plain, tagged), (dots, none), (dots, other), (none, other)}
    assert duplicates.count(rules["mailbox"]) == 4


def test_a_phone_is_a_hint_and_with_the_name_it_is_certain() -> None:
    ada = person(phone="+4915112345678", first_name="Ada", last_name="Byron")
    again = person(phone="+4915112345678", first_name="ada", last_name="BYRON")
    child = person(phone="+4915112345678", first_name="Anne", last_name="Byron")
    assert pairs("phone") == [(ada, again), (ada, child), (again, child)]
    assert pairs("phone_and_name") == [(ada, again)]


def test_a_number_that_everyone_has_says_nothing() -> None:
    for _ in range(duplicates.MOST + 1):
        person(phone="+4915112345678")
    assert not pairs("phone")


def test_the_same_name_counts_within_one_company() -> None:
    firm, other = (Company.objects.create(external_id=name) for name in ("firm", "other"))
    one, two, three = (person(first_name="Ada", last_name="Byron") for _ in range(3))
    nameless = [person(), person()]
    for who, where in ((one, firm), (two, firm), (three, other), *((who, firm) for who in nameless)):
        Employment.objects.create(contact=who, company=where)
    assert pairs("name_in_company") == [(one, two)]


@pytest.mark.parametrize("key", list(rules))
def test_of_finds_for_one_what_found_finds_for_all(key: str) -> None:
    firm = Company.objects.create(external_id="firm")
    for email in ("ada@gmail.com", "a.da@gmail.com", "ada+1@gmail.com", "b@example.com", "b+x@example.com"):
        who = person(email, phone="+4915112345678", first_name="Ada", last_name="Byron")
        Employment.objects.create(contact=who, company=firm)
    found = set(pairs(key))
    for contact in Contact.objects.all():
        expected = {(b if a == contact else a).pk for a, b in found if contact in (a, b)}
        asked = duplicates._asked(duplicates._OTHERS.format(others=rules[key].others), {"id": contact.pk})
        assert {row[0] for row in asked} == expected
    assert found


def test_two_people_are_not_found_again(editor: User) -> None:
    first, second = person("ada@example.com"), person("ada+1@example.com")
    duplicates.keep_apart(second, first, by=editor)
    duplicates.keep_apart(first, second, by=editor)
    assert not pairs("mailbox")
    assert not duplicates.of(first)
    with pytest.raises(Refused):
        duplicates.keep_apart(first, first, by=editor)


def test_erased_and_merged_contacts_are_nobody_s_duplicates() -> None:
    first, second = person("ada@example.com"), person("ada+1@example.com")
    third, fourth = person("ben@example.com"), person("ben+1@example.com")
    erasure.erase(second, by=None)
    merging.merge(fourth, into=third)
    assert not pairs("mailbox")
    assert not duplicates.of(first)


def test_pages_of_pairs_follow_each_other() -> None:
    for number in range(5):
        person(f"p{number}@example.com")
        person(f"p{number}+x@example.com")
    whole = duplicates.found(rules["mailbox"])
    leafed: list[duplicates.Pair] = []
    while part := duplicates.found(
        rules["mailbox"], after=(leafed[-1].first.pk, leafed[-1].second.pk) if leafed else (0, 0), limit=2
    ):
        leafed += part
    assert leafed == whole
    assert len(whole) == 5


def test_a_rule_merges_all_that_it_finds(editor: User) -> None:
    plain, tagged = person("ada@example.com", first_name="Ada"), person("ada+news@example.com", external_id="A-1")
    asked = duplicates.merge_all(rules["mailbox"], by=editor)
    with pytest.raises(Refused, match="already"):
        duplicates.merge_all(rules["mailbox"], by=editor)
    assert duplicates.work(asked, seconds=10) is False
    asked.refresh_from_db()
    assert (asked.merged_count, asked.left_count, asked.finished_at is not None) == (1, 0, True)
    plain.refresh_from_db()
    tagged.refresh_from_db()
    assert plain.merged_into == tagged, "whom other systems know stays"
    assert tagged.first_name == "Ada"
    assert Merge.objects.get().rule == "mailbox"


def test_three_spellings_become_one_person(editor: User) -> None:
    three = [person("ada@gmail.com"), person("a.da@gmail.com"), person("ad.a@gmail.com")]
    duplicates.work(duplicates.merge_all(rules["mailbox"], by=editor), seconds=10)
    assert Contact.objects.reachable().count() == 1
    assert Merge.objects.count() == len(three) - 1


def test_two_ids_of_other_systems_are_left_to_a_person(editor: User) -> None:
    person("ada@example.com", external_id="A-1")
    person("ada+news@example.com", external_id="A-2")
    asked = duplicates.merge_all(rules["mailbox"], by=editor)
    duplicates.work(asked, seconds=10)
    asked.refresh_from_db()
    assert (asked.merged_count, asked.left_count) == (0, 1)
    assert len(pairs("mailbox")) == 1


def test_a_rule_that_is_only_a_hint_merges_nobody(editor: User) -> None:
    with pytest.raises(Refused, match="may be two people"):
        duplicates.merge_all(rules["phone"], by=editor)


def test_a_pair_that_another_worker_has_dealt_with_is_counted_once(editor: User) -> None:
    person("ada@example.com")
    person("ada+news@example.com")
    asked = duplicates.merge_all(rules["mailbox"], by=editor)
    late = BulkMerge.objects.get()
    [pair] = duplicates.found(rules["mailbox"])
    duplicates._deal_with(asked, pair)
    duplicates._deal_with(late, pair)
    assert BulkMerge.objects.get().merged_count == 1
