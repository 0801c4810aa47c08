"""What rules would find: size, base, a few people; and one question of a person at a time."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from contacts.models import Contact
from core.errors import Refused
from segments import estimate, preview
from segments.preview import Preview
from segments.rules import parse
from team.models import User
from tests.segments.people import person, rule

EVERYONE: dict[str, list[object]] = {"all": []}


@pytest.mark.django_db
def test_a_preview_says_how_many_of_how_many_and_shows_some() -> None:
    ann = person("Ann", tags=["vip"])
    person("Bob")
    found = preview.of(rule("tag", "has", "vip"))
    assert (found.size, found.base, found.percent, found.warning) == (1, 2, 50.0, "")
    assert found.sample == [ann]
    assert found.words.text == "Tags has “vip”"


@pytest.mark.django_db
@pytest.mark.parametrize("count", [1, 5, 90])
def test_a_sample_shows_different_people_who_fit_however_many_they_are(count: int) -> None:
    person("Zoe")
    for number in range(count):
        person(f"Ann{number}", tags=["vip"])
    shown = preview.of(rule("tag", "has", "vip")).sample
    assert len({contact.pk for contact in shown}) == min(5, count)
    assert all(contact.tags == ["vip"] for contact in shown)


@pytest.mark.django_db
def test_somebody_who_came_just_now_is_in_the_base_at_once() -> None:
    person("Ann")
    assert preview.of(EVERYONE).base == 1
    person("Bob")
    assert preview.of(EVERYONE).base == 2
    assert preview.of(EVERYONE).warning == "Everyone fits these rules."


@pytest.mark.django_db
def test_a_share_is_never_more_than_everyone() -> None:
    """The base may be a minute old."""
    ann = person("Ann")
    person("Bob")
    Contact.objects.filter(pk=ann.pk).update(erased_at="2026-01-01T00:00Z")
    assert preview.of(EVERYONE).base == 1
    Contact.objects.filter(pk=ann.pk).update(erased_at=None)
    assert preview.of(EVERYONE).percent == 100


@contextmanager
def nobody_reads_contacts() -> Iterator[None]:
    """While this holds, every question about people waits."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE contacts_contact IN ACCESS EXCLUSIVE MODE")
        yield


def asked_apart(pool: ThreadPoolExecutor, person: User) -> Future[Preview]:
    """A question in a thread with a connection of its own, as a request has."""

    def ask() -> Preview:
        try:
            return preview.of(EVERYONE, by=person)
        finally:
            connections.close_all()

    return pool.submit(ask)


def waiting(person: User, count: int) -> None:
    """Until that many questions of the person wait for the table."""
    for _ in range(200):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_clear_snapshot()")  # a transaction sees what it saw first
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s AND wait_event_type = 'Lock'",
                [f"carillon preview {person.pk}"],
            )
            if cursor.fetchone()[0] == count:
                return
        time.sleep(0.05)
    raise AssertionError("the question was never asked")


@pytest.mark.django_db(transaction=True)
def test_a_newer_question_of_the_same_person_ends_the_older_one(editor: User) -> None:
    person("Ann")
    with ThreadPoolExecutor(2) as pool:
        with nobody_reads_contacts():
            older = asked_apart(pool, editor)
            waiting(editor, 1)
            newer = asked_apart(pool, editor)
            with pytest.raises(Refused) as refused:
                older.result(timeout=10)
        assert refused.value.code == "replaced"
        assert newer.result(timeout=10).size == 1


@pytest.mark.django_db(transaction=True)
def test_questions_of_two_people_leave_each_other_alone(editor: User, approver: User) -> None:
    person("Ann")
    with ThreadPoolExecutor(2) as pool:
        with nobody_reads_contacts():
            first = asked_apart(pool, editor)
            waiting(editor, 1)
            second = asked_apart(pool, approver)
            waiting(approver, 1)
        assert first.result(timeout=10).size == second.result(timeout=10).size == 1


@pytest.fixture
def crowd() -> int:
    """20,000 people, of whom 2 in 5 have the tag; how many have."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO contacts_contact (first_name, tags)"
            " SELECT 'Ann', CASE WHEN n % 5 < 2 THEN ARRAY['vip'] ELSE '{}' END FROM generate_series(1, 20000) n"
        )
    return 8_000


@pytest.mark.django_db
def test_what_takes_longer_than_a_moment_is_told_from_a_sample(crowd: int, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = {"all": [rule("tag", "has", "vip"), rule("first_name", "matches", "(A|B|C)(n|m)+$")]}
    monkeypatch.setattr(preview, "QUICK_SECONDS", 0.001)
    told = preview.of(slow, is_quick=True)
    assert told.is_estimate
    assert told.between is not None
    assert told.between[0] <= crowd <= told.between[1]
    assert told.between[0] <= told.size <= told.between[1]
    assert told.between[1] - told.between[0] < 1_000
    assert [contact.tags for contact in told.sample] == [["vip"]] * 5
    assert preview.of(slow, is_quick=True) == told  # no other figure while nothing changes
    counted = preview.of(slow)
    assert (counted.size, counted.is_estimate) == (crowd, False)


@pytest.mark.django_db
def test_an_estimate_of_nobody_warns_of_nothing(crowd: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview, "QUICK_SECONDS", 0.001)
    told = preview.of(rule("first_name", "matches", "(x|y)+$"), is_quick=True)
    assert (told.size, told.warning, told.sample) == (0, "", [])
    assert told.between is not None
    assert 0 < told.between[1] < 30  # of 20,000, when some 4,000 were asked


@pytest.mark.django_db
@pytest.mark.parametrize("used_up", [0, 400_000])
def test_people_are_drawn_where_most_ids_are_gone(used_up: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO contacts_contact (id, first_name, tags)"
            " SELECT %s + n * 3, 'Ann', CASE WHEN n %% 5 < 2 THEN ARRAY['vip'] ELSE '{}' END"
            " FROM generate_series(1, 20000) n",
            [used_up],
        )
        told = estimate.of(cursor, parse(rule("tag", "has", "vip")), timezone.now(), base=20_000, some=1)
    assert told.low <= 8_000 <= told.high
    assert told.high - told.low < 700


@pytest.mark.parametrize(
    ("seen", "asked", "low", "high"),
    [
        (0, 100, 0.0, 0.0370),
        (50, 100, 0.4038, 0.5962),
        (100, 100, 0.9630, 1.0),
        (15, 148, 0.0624, 0.1605),
        (0, 0, 0, 1),
    ],
)
def test_the_interval_is_wilsons(seen: int, asked: int, low: float, high: float) -> None:
    """15 of 148 is the example of Newcombe 1998 (Statistics in Medicine 17:857)."""
    assert estimate.interval(seen, asked) == pytest.approx((low, high), abs=5e-5)
