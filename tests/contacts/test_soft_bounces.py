"""Soft bounces in a row: counted by when messages were sent, each once, however and in whatever order word comes."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contacts import soft_bounces, suppression
from contacts.models import SoftBounces, Suppression
from contacts.soft_bounces import IN_A_ROW, Arrival, Bounce

pytestmark = pytest.mark.django_db

ADA = "ada@example.com"
START = datetime(2026, 3, 1, 9, tzinfo=UTC)


def at(day: int) -> datetime:
    return START + timedelta(days=day)


def bounce(number: int, address: str = ADA) -> Bounce:
    return Bounce(address, number, at(number), f"452 mailbox full, message {number}")


def counted(address: str = ADA) -> int:
    return SoftBounces.objects.get(address=address).count


def test_five_messages_in_a_row_suppress_and_say_so() -> None:
    for number in range(1, IN_A_ROW):
        assert soft_bounces.count([bounce(number)]) == []
    assert not suppression.is_suppressed(ADA)
    assert soft_bounces.count([bounce(IN_A_ROW)]) == [ADA]
    entry = suppression.find(ADA)
    assert entry is not None
    assert entry.reason == Suppression.Reason.SOFT_BOUNCES
    assert entry.detail == "5 messages in a row came back. The last: 452 mailbox full, message 5"


def test_the_same_message_told_again_and_again_counts_once() -> None:
    for _ in range(7):
        assert soft_bounces.count([bounce(1), bounce(1), bounce(2)]) == []
    assert counted() == 2


def test_one_that_arrived_in_between_ends_the_row() -> None:
    soft_bounces.count([bounce(1), bounce(2), bounce(3)])
    soft_bounces.end([Arrival(ADA, at(4))])
    assert counted() == 0
    soft_bounces.count([bounce(number) for number in (5, 6, 7, 8)])
    assert (counted(), suppression.is_suppressed(ADA)) == (4, False)


def test_late_word_of_a_message_before_one_that_arrived_counts_no_more() -> None:
    soft_bounces.count([bounce(5)])
    soft_bounces.end([Arrival(ADA, at(4))])
    assert counted() == 1
    soft_bounces.count([bounce(2), bounce(3)])
    assert counted() == 1
    soft_bounces.end([Arrival(ADA, at(2))])
    assert counted() == 1


def test_addresses_that_never_bounced_leave_no_row() -> None:
    soft_bounces.end([Arrival(ADA, at(1))])
    assert not SoftBounces.objects.exists()


def test_a_batch_takes_as_many_statements_as_one(django_assert_num_queries: Any) -> None:
    batch = [bounce(number, f"p{person}@example.com") for person in range(50) for number in range(1, 6)]
    with django_assert_num_queries(6):  # savepoint and its release among them
        assert len(soft_bounces.count(batch)) == 50
    assert Suppression.objects.filter(reason="soft_bounces").count() == 50


def test_after_a_release_the_row_begins_anew() -> None:
    soft_bounces.count([bounce(number) for number in range(1, 6)])
    entry = suppression.find(ADA)
    assert entry is not None
    suppression.release(entry, why="They emptied it", by=None)
    soft_bounces.count([bounce(5), bounce(6)])
    assert not suppression.is_suppressed(ADA)


class Told:
    """What a slow reader would say: of the messages that bounced, those sent after the last that arrived."""

    def __init__(self, steps: list[tuple[bool, int]]) -> None:
        arrived = max([day for is_bounce, day in steps if not is_bounce], default=-1)
        days = {day for is_bounce, day in steps if is_bounce}
        self.in_a_row = len({day for day in days if day > arrived})


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 12)), min_size=1, max_size=14), st.randoms())
def test_in_whatever_order_word_comes_the_count_is_the_same(steps: list[tuple[bool, int]], chance: Any) -> None:
    """Messages 0 to 12, each either bounced or arrived, told in any order and more than once."""
    fate = dict((day, is_bounce) for is_bounce, day in steps)  # noqa: C402  the last word on each message
    told = [(is_bounce, day) for day, is_bounce in fate.items()]
    told = [(True, 99), *told, *chance.sample(told, len(told) // 2)]  # 99: so that there is a row from the start
    chance.shuffle(rest := told[1:])
    with transaction.atomic():
        for is_bounce, day in [told[0], *rest]:
            if is_bounce:
                soft_bounces.count([bounce(day)])
            else:
                soft_bounces.end([Arrival(ADA, at(day))])
        assert counted() == Told(told).in_a_row
        transaction.set_rollback(True)


@pytest.mark.django_db(transaction=True)
def test_bounces_told_at_once_by_several_are_all_counted() -> None:
    def tell(number: int) -> None:
        soft_bounces.count([bounce(number), bounce(number, "ben@example.com")])
        connection.close()

    threads = [threading.Thread(target=tell, args=[number]) for number in range(1, IN_A_ROW + 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (counted(), counted("ben@example.com")) == (IN_A_ROW, IN_A_ROW)
    assert suppression.among([ADA, "ben@example.com"]) == {ADA, "ben@example.com"}
