"""Whoever follows changes may be killed anywhere, Redis may be emptied, and two may follow at once: nothing is lost."""

import signal
from collections.abc import Callable

import pytest
from django.core.cache import cache

from contacts.models import Change, Contact
from events import ingest
from events.models import Event
from segments import matching
from segments.models import Segment, Transition
from tests.faults.conftest import Process, wait_until
from tests.segments.people import rule, segment

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.fault]

PEOPLE = 300
VIP, BOUGHT = rule("tag", "has", "vip"), {"event": "purchase", "within_days": 5}


def made() -> tuple[Segment, Segment]:
    """Two segments, and news of everyone for both."""
    segments = segment("VIPs", VIP), segment("Buyers", BOUGHT)
    Contact.objects.bulk_create(Contact(first_name=f"P{number}") for number in range(PEOPLE))
    Contact.objects.update(tags=["vip"])
    ingest.record_many({"name": "purchase", "contact_id": pk} for pk in Contact.objects.values_list("pk", flat=True))
    return segments


def is_complete(segments: tuple[Segment, ...]) -> bool:
    return all(each.memberships.count() == PEOPLE for each in segments) and not Transition.objects.exists()


def told() -> int:
    return Event.objects.filter(name="segment.entered").count()


@pytest.mark.parametrize("failpoint", ["before_match_commit", "before_match_commit:2", "before_drain_commit"])
def test_one_killed_in_the_middle_of_a_batch_loses_nothing_and_repeats_nothing(
    start: Callable[..., Process], failpoint: str
) -> None:
    segments = made()
    assert start("manage.py", "follow_segments", CARILLON_FAILPOINT=failpoint).wait() == 9
    assert not is_complete(segments)
    matching.catch_up()
    assert is_complete(segments)
    assert told() == 2 * PEOPLE
    assert not Change.objects.exists()
    assert set(Segment.objects.values_list("size", flat=True)) == {PEOPLE}


def test_two_at_once_and_an_emptied_redis_do_no_harm(start: Callable[..., Process]) -> None:
    segments = made()
    first, second = (start("manage.py", "follow_segments") for _ in range(2))
    cache.clear()
    wait_until(lambda: is_complete(segments), what="that everyone is a member")
    first.signal(signal.SIGKILL)
    Contact.objects.update(tags=[])
    wait_until(lambda: not segments[0].memberships.exists(), what="that the other goes on")
    assert told() == 2 * PEOPLE
    second.signal(signal.SIGTERM)
    assert second.wait() == 0
