"""Merges side by side: random merges lose nothing, and two at the same moment end as one of them alone would."""

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contacts import consent, identity, merging, timeline
from contacts.models import ConsentRecord, ConsentState, Contact, Identity, Merge
from core.errors import Refused
from delivery.models import Message
from events import ingest, strays
from events.models import Event
from team.models import User
from tests.delivery.conftest import make_campaign, make_people, plan

PEOPLE = 5


@pytest.fixture
def crowd(editor: User) -> list[Contact]:
    """People with messages, events and consent of every sort."""
    people = make_people(PEOPLE)
    plan(make_campaign(editor))
    for number, person in enumerate(people):
        Message.objects.filter(contact=person).update(state="sent" if number % 2 else "planned")
        for _ in range(number + 1):
            ingest.record("purchase", contact_id=person.pk)
        if number % 3 == 1:
            consent.withdraw(person, source="phone call")
    return people


def held() -> dict[str, Any]:
    """Everything that no merge may lose, and no merge may make more of."""
    return {
        "messages": Message.objects.count(),
        "events": Event.objects.filter(name="purchase").count(),
        "names": set(Contact.objects.exclude(external_id=None).values_list("external_id", flat=True))
        | set(Identity.objects.filter(kind="external").values_list("value", flat=True)),
    }


def told(person: Contact) -> Counter[str]:
    return Counter(entry.kind for entry in timeline.page(person, timeline.Wanted(), size=1_000).entries)


def tried(one: Contact, other: Contact) -> bool:
    try:
        merging.merge(one, into=other)
    except Refused:
        return False
    return True


@pytest.mark.django_db
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pairs=st.lists(st.tuples(st.integers(0, PEOPLE - 1), st.integers(0, PEOPLE - 1)), max_size=8))
def test_random_merges_lose_no_message_event_consent_or_name(
    crowd: list[Contact], pairs: list[tuple[int, int]]
) -> None:
    marker, people = transaction.savepoint(), crowd
    try:
        before, records = held(), set(ConsentRecord.objects.values_list("pk", flat=True))
        withdrawn = {person.pk for person in people if consent.state(person) is False}
        mine = {person.pk: told(person) for person in people}
        for one, other in pairs:
            tried(people[one], people[other])
        assert held() == before
        assert records <= set(ConsentRecord.objects.values_list("pk", flat=True))
        for survivor in Contact.objects.reachable():
            keys = identity.keys(survivor)
            if withdrawn & set(keys):
                assert consent.state(survivor) is False
            now = told(survivor)
            for kind in ("message", "event"):
                assert now[kind] == sum(mine[key][kind] for key in keys)
            assert now["consent"] >= sum(mine[key]["consent"] for key in keys)
        assert not Contact.objects.filter(merged_into__merged_into__isnull=False).exists()
        assert not ConsentState.objects.filter(contact__merged_into__isnull=False).exists()
    finally:
        transaction.savepoint_rollback(marker)


def at_once(*changes: Callable[[], object]) -> None:
    """Run them in threads of their own, as simultaneously as threads start."""
    gate = threading.Barrier(len(changes))

    def run(change: Callable[[], object]) -> None:
        try:
            gate.wait()
            change()
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[change]) for change in changes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive(), "two merges wait for each other"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("times", range(2))
def test_two_merges_of_the_same_people_both_ways_make_one(crowd: list[Contact], times: int) -> None:
    one, other, *_ = crowd
    at_once(lambda: tried(one, other), lambda: tried(other, one))
    assert Merge.objects.count() == 1
    assert Contact.objects.filter(pk__in=[one.pk, other.pk], erased_at=None).count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_ring_of_merges_at_once_leaves_one_or_more_and_no_chain(crowd: list[Contact]) -> None:
    people = crowd
    before = held()
    at_once(*(lambda a=a, b=b: tried(a, b) for a, b in zip(people, [*people[1:], people[0]], strict=True)))
    strays.sweep()
    left = Contact.objects.reachable()
    assert left.count() == PEOPLE - Merge.objects.count()
    assert left.exists()
    assert not Contact.objects.filter(merged_into__merged_into__isnull=False).exists()
    assert held() == before
    living = set(left.values_list("pk", flat=True))
    assert set(Event.objects.filter(name="purchase").values_list("contact_id", flat=True)) <= living


@pytest.mark.django_db(transaction=True)
def test_events_and_consent_that_come_in_during_a_merge_are_not_lost(crowd: list[Contact]) -> None:
    one, other, *_ = crowd

    def write() -> None:
        for _ in range(30):
            ingest.record("purchase", contact_id=one.pk)

    before = Event.objects.filter(name="purchase").count()
    at_once(write, lambda: tried(one, other))
    strays.sweep()
    assert Event.objects.filter(name="purchase").count() == before + 30
    assert not Event.objects.filter(contact_id=one.pk).exists()
