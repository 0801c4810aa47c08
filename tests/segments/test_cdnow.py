"""Eighteen months of a real shop, sent by Segment's own client: segments count exactly what the file says."""

import csv
import gzip
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import NamedTuple

import pytest
from django.conf import settings
from pytest_django.live_server_helper import LiveServer
from segment.analytics import Client
from segment.analytics import request as transport

from contacts.models import Contact
from events.models import Event
from events.tracking import sources
from segments import standing
from tests.segments.people import found, rule

FILE = settings.BASE_DIR.parent / "shared" / "data" / "cdnow_purchases.csv.gz"
FIRST, LAST = date(2021, 3, 1), date(2021, 8, 31)

pytestmark = [
    pytest.mark.timeout(900),  # seventy thousand events through HTTP; seconds on an idle machine
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not FILE.exists(), reason="the real file ../shared/data/cdnow_purchases.csv.gz is not here"),
]


class Purchase(NamedTuple):
    customer: str
    day: date
    quantity: int
    amount: Decimal


def purchases() -> Iterator[Purchase]:
    with gzip.open(FILE, "rt") as file:
        for row in csv.DictReader(file):
            yield Purchase(
                row["customer_id"], date.fromisoformat(row["date"]), int(row["quantity"]), Decimal(row["amount"])
            )


def send(bought: list[Purchase], server: str) -> None:
    _, key = sources.add(name="Shop", by=None)
    failed: list[Exception] = []
    client = Client(
        key, host=server, max_queue_size=100_000, gzip=True, on_error=lambda error, _batch: failed.append(error)
    )
    for one in bought:
        client.track(
            one.customer,
            "Order Completed",
            {"revenue": float(one.amount), "quantity": one.quantity},
            timestamp=datetime.combine(one.day, time(12), tzinfo=UTC),
        )
    client.flush()
    client.join()
    transport._session.close()  # it would keep the server's thread, and that one its connection
    assert failed == []


def customers(bought: list[Purchase], fits: Callable[[list[Purchase]], bool]) -> set[str]:
    by_customer: dict[str, list[Purchase]] = defaultdict(list)
    for one in bought:
        by_customer[one.customer].append(one)
    return {customer for customer, theirs in by_customer.items() if fits(theirs)}


def named(ids: set[int]) -> set[str | None]:
    return set(Contact.objects.filter(pk__in=ids).values_list("external_id", flat=True))


def test_questions_about_a_real_shops_customers_are_answered_exactly(live_server: LiveServer) -> None:
    bought = list(purchases())
    send(bought, live_server.url)
    assert Event.objects.count() == len(bought) == 69_659
    assert Contact.objects.count() == len({one.customer for one in bought})
    event, last = {"event": "Order Completed"}, max(one.day for one in bought)

    between = [FIRST.isoformat(), LAST.isoformat()]
    twice = customers(bought, lambda theirs: sum(FIRST <= one.day <= LAST for one in theirs) >= 2)
    assert named(found(event | {"operator": "at_least", "times": 2, "between": between})) == twice

    rich = customers(bought, lambda theirs: sum(one.amount for one in theirs) > 100)
    total = event | {"operator": "sum", "property": "revenue", "is": "greater_than", "value": 100}
    assert named(found(total)) == rich

    silent_since = last - timedelta(days=179)
    silent = customers(bought, lambda theirs: max(one.day for one in theirs) < silent_since)
    end = datetime.combine(last + timedelta(days=1), time(), tzinfo=UTC)
    recently = [silent_since.isoformat(), last.isoformat()]
    assert named(found(event | {"operator": "did_not", "within_days": 180}, end)) == silent
    assert named(found(event | {"operator": "did_not", "between": recently})) == silent
    assert named(found(event | {"operator": "last_time", "is": "more_than_days_ago", "value": 180}, end)) == silent
    assert len(twice) > 1000
    assert len(rich) > 1000
    assert len(silent) > 1000

    # the same from what is kept up beside the log
    while standing.advance():
        pass
    times = Counter(one.customer for one in bought)
    assert named(found(rule("spent", "greater_than", 100))) == rich
    assert named(found(rule("purchases", "at_least", 10))) == {who for who, count in times.items() if count >= 10}
    assert named(found(rule("last_purchase", "more_than_days_ago", 180), end)) == silent
