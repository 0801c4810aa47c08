"""The ledger over time: whatever order records arrive in, state, permission and answers equal a slow reference."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contacts import consent, permission
from contacts.models import ConsentRecord, ConsentState, Contact, Topic
from core.errors import Refused

pytestmark = pytest.mark.django_db
START = timezone.now() - timedelta(days=100)
TOPICS = {"": None, "plain": Topic.OptIn.CHANNEL, "own": Topic.OptIn.SINGLE, "sure": Topic.OptIn.DOUBLE}


@dataclass(frozen=True)
class Told:
    """One record: what, about which topic, and on which day it happened; the order of arrival is the list's."""

    action: str
    topic: str
    day: int


told = st.builds(
    Told,
    action=st.sampled_from(["grant", "withdraw", "clear", "request"]),
    topic=st.sampled_from(list(TOPICS)),
    day=st.integers(0, 20),
)


def at(day: int) -> datetime:
    return START + timedelta(days=day)


def tell(contact: Contact, history: list[Told]) -> None:
    for one in history:
        if one.action == "request":
            ConsentRecord.objects.create(
                contact=contact, channel="email", topic=one.topic, action="request", source="x", occurred_at=at(one.day)
            )
        else:
            getattr(consent, one.action)(contact, topic=one.topic, source="x", at=at(one.day))


def reference(history: list[Told], topic: str, until: int) -> bool | None:
    """The newest of what had happened; of the same moment the one that arrived last."""
    state, newest = None, -1
    for one in history:
        if one.topic == topic and one.action != "request" and newest <= one.day <= until:
            newest = one.day
            state = {"grant": True, "withdraw": False, "clear": None}[one.action]
    return state


def may(history: list[Told], topic: str, until: int) -> bool:
    whole, own = reference(history, "", until), reference(history, topic, until)
    if topic == "":
        return whole is True
    if TOPICS[topic] == Topic.OptIn.CHANNEL:
        return whole is True and own is not False
    return own is True and whole is not False


@pytest.fixture(autouse=True)
def topics() -> None:
    Topic.objects.bulk_create(Topic(key=key, name=key, opt_in=how) for key, how in TOPICS.items() if how)


@pytest.fixture
def ada() -> Contact:
    return Contact.objects.create(email="ada@example.com")


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(history=st.lists(told, max_size=14), asked=st.integers(0, 21))
def test_state_permission_and_answers_equal_a_slow_reference_in_whatever_order_records_arrive(
    ada: Contact, history: list[Told], asked: int
) -> None:
    with transaction.atomic():
        tell(ada, history)
        for topic in TOPICS:
            assert consent.state(ada, "email", topic) is reference(history, topic, 99)
            answer = consent.could_write(ada, at=at(asked), topic=topic)
            assert answer.may is may(history, topic, asked)
            assert answer.sentence.startswith("Yes" if answer.may else "No")
            assert answer.was_known is False  # all of it was recorded today
            assert gate_says(ada, topic) is may(history, topic, 99)
        assert ConsentRecord.objects.count() == len(history)
        transaction.set_rollback(True)  # each example leaves nothing behind for the next


def gate_says(contact: Contact, key: str) -> bool:
    """What the clause that the gate uses says, by the database."""
    clause = permission.clause(Topic.objects.filter(key=key).first(), channel="email")
    statement = f"SELECT NOT {clause.refused} FROM contacts_contact c {clause.joins} WHERE c.id = %s"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(statement, [contact.pk])
        return bool(cursor.fetchone()[0])


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    ours=st.lists(told, max_size=8),
    theirs=st.lists(told, max_size=8),
    own=st.sampled_from(["ada@example.com", None]),
    other=st.sampled_from(["ada@example.org", None]),
    takes=st.booleans(),
)
def test_a_merge_never_allows_what_either_side_did_not(
    ours: list[Told], theirs: list[Told], own: str | None, other: str | None, takes: bool
) -> None:
    with transaction.atomic():
        survivor, merged = Contact.objects.create(email=own), Contact.objects.create(email=other)
        tell(survivor, ours)
        tell(merged, theirs)
        kept = other if other and (takes or not own) else own
        consent.take_stricter(survivor, merged, takes=["email"] if takes else [])
        for topic in TOPICS:
            mine, hers = reference(ours, topic, 99), reference(theirs, topic, 99)
            after = consent.state(survivor, "email", topic)
            if mine is False or hers is False:
                assert after is False
            elif mine and hers:
                assert after is True
            elif after:  # granted by one alone: only for the address that stays, or where there was no other to ask
                granted_for, never_asked = (own, other) if mine else (other, own)
                assert granted_for is not None
                assert granted_for == kept or never_asked is None
        assert ConsentRecord.objects.filter(contact=merged).count() == len(theirs)
        transaction.set_rollback(True)  # each example leaves nothing behind for the next


def test_a_grant_moves_with_its_address_and_not_without(ada: Contact) -> None:
    other = Contact.objects.create(email="ada@example.org")
    consent.grant(other, source="Form", wording="Yes, write to me.")
    consent.take_stricter(ada, other)
    assert consent.state(ada) is None
    consent.take_stricter(ada, other, takes=["email"])
    assert consent.state(ada) is True
    record = ada.consent_records.first()
    assert record.wording == "Yes, write to me."
    assert str(other.uuid) in record.source


def test_an_answer_names_its_records_and_says_what_came_in_later(ada: Contact) -> None:
    consent.grant(ada, source="Newsletter form", at=at(1))
    consent.withdraw(ada, source="Letter that lay about", at=at(5))
    before, after = consent.could_write(ada, at=at(3)), consent.could_write(ada, at=at(6))
    assert (before.may, after.may) == (True, False)
    assert "Newsletter form" in before.sentence
    assert "withdrawn" in after.sentence
    assert "Letter that lay about" in after.sentence
    assert [record.action for record in after.deciding] == ["withdraw"]
    assert len(after.late) == 2


def test_a_question_about_an_unknown_topic_or_channel_is_refused(ada: Contact) -> None:
    with pytest.raises(Refused):
        consent.could_write(ada, at=timezone.now(), topic="nothing")
    with pytest.raises(Refused):
        consent.could_write(ada, at=timezone.now(), channel="smoke")
    with pytest.raises(Refused):
        consent.grant(ada, topic="nothing", source="x")


def test_joining_a_topic_lifts_an_older_withdrawal_of_everything_and_gives_nothing_else_back(ada: Contact) -> None:
    consent.grant(ada, source="Form")
    consent.withdraw(ada, source="Unsubscribed")
    consent.opt_in(ada, topic="own", source="Workshop page")
    assert consent.state(ada) is None
    assert gate_says(ada, "own")
    assert not gate_says(ada, "")
    assert not gate_says(ada, "plain")


def test_joining_what_comes_with_the_channel_joins_the_channel(ada: Contact) -> None:
    consent.withdraw(ada, topic="plain", source="Preferences")
    consent.opt_in(ada, topic="plain", source="Form", wording="Yes.")
    assert gate_says(ada, "plain")
    assert gate_says(ada, "")


def test_a_topic_to_be_confirmed_is_not_granted_by_asking_and_not_asked_twice_for_once_it_is(ada: Contact) -> None:
    assert consent.opt_in(ada, topic="sure", source="Form").action == "request"
    assert consent.state(ada, topic="sure") is None
    consent.grant(ada, topic="sure", source="Paper form")
    assert consent.opt_in(ada, topic="sure", source="Form").action == "grant"
    with pytest.raises(Refused, match="no address"):
        consent.opt_in(Contact.objects.create(external_id="x"), topic="sure", source="Form")


def test_a_withdrawal_takes_back_what_was_asked_for_and_not_confirmed(ada: Contact) -> None:
    consent.opt_in(ada, topic="sure", source="Form")
    consent.withdraw(ada, topic="own", source="Link")
    assert ada.confirmations.count() == 1
    consent.withdraw(ada, source="Link")
    assert not ada.confirmations.exists()


def test_many_are_granted_several_topics_at_once_but_none_who_want_nothing_or_have_decided() -> None:
    people = [Contact.objects.create(email=f"p{number}@example.com") for number in range(4)]
    consent.withdraw(people[0], source="Link")
    consent.withdraw(people[1], topic="own", source="Link")
    count = consent.grant_many([person.pk for person in people], topics=["own", "sure"], source="Fair")
    assert count == 3
    granted = ConsentState.objects.filter(is_granted=True).values_list("contact__email", "topic")
    assert set(granted) == {
        ("p1@example.com", "sure"), ("p2@example.com", "own"), ("p2@example.com", "sure"),
        ("p3@example.com", "own"), ("p3@example.com", "sure"),
    }  # fmt: skip
