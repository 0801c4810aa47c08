"""Suppression: one entry per address whether it is readable or a hash, releases that leave a trace, two at once."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import Error, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contacts import erasure, holdings, lists, own_data, suppression
from contacts.importing import jobs
from contacts.models import (
    Contact,
    Identity,
    SoftBounces,
    Suppression,
    SuppressionRelease,
    SuppressionSalt,
)
from contacts.subscriptions import Told
from core.errors import Refused
from segments import membership
from team.models import User

pytestmark = pytest.mark.django_db

Reason = Suppression.Reason
ADA = "ada@example.com"
SUPPRESSED = {"all": [{"field": "suppressed", "operator": "is", "value": True}]}


def person(email: str = ADA, **fields: Any) -> Contact:
    return Contact.objects.create(email=email, **fields)


def shown_as_suppressed(contact: Contact) -> bool:
    return lists.with_standing(Contact.objects.filter(pk=contact.pk)).get().suppression is not None


def import_people(*emails: str) -> None:
    file = ContentFile(("email\n" + "\n".join(emails) + "\n").encode(), name="people.csv")
    job = jobs.upload(file, "people.csv", by=None)
    jobs.check(job, mapping={"email": "email"}, goes_on=True)
    jobs.work(job)


# --- one entry, readable or not ---
def test_an_address_is_found_in_every_spelling_of_it() -> None:
    suppression.suppress("info@Bücher.example", reason=Reason.MANUAL)
    assert suppression.is_suppressed(" INFO@xn--bcher-kva.EXAMPLE")
    assert not suppression.is_suppressed("info@example.org")
    with pytest.raises(Refused, match="no channel"):
        suppression.is_suppressed(ADA, "pigeon")


def test_many_are_added_in_one_statement_and_each_once(django_assert_num_queries: Any) -> None:
    suppression.suppress("p1@example.com", reason=Reason.COMPLAINT, detail="Spam button")
    told = {f"p{number}@example.com": f"Line {number}" for number in range(300)}
    with django_assert_num_queries(1):
        assert suppression.suppress_many(told, reason=Reason.IMPORTED) == 299
    assert suppression.suppress_many(told, reason=Reason.IMPORTED) == 0
    assert Suppression.objects.get(address="p1@example.com").detail == "Spam button"
    with django_assert_num_queries(1):
        assert suppression.among(["p1@example.com", "p299@example.com", "q@example.com"]) == {
            "p1@example.com", "p299@example.com",
        }  # fmt: skip


def test_a_missing_salt_is_made_by_whoever_needs_it_first() -> None:
    SuppressionSalt.objects.all().delete()
    assert not suppression.is_suppressed(ADA)
    first = suppression.suppress(ADA, reason=Reason.MANUAL)
    Suppression.objects.create(address="ben@example.com")
    assert SuppressionSalt.objects.count() == 1
    assert suppression.find(ADA) == first
    assert suppression.is_suppressed("ben@example.com")


# --- after an erasure ---
def test_after_an_erasure_the_entry_has_no_address_and_holds(editor: User) -> None:
    ada = person()
    suppression.suppress(ADA, reason=Reason.COMPLAINT, detail=f"<{ADA}> pressed the button")
    erasure.erase(ada, by=editor)
    entry = Suppression.objects.get()
    assert (entry.address, entry.detail, entry.reason) == (None, "", "complaint")
    assert ADA.encode() not in bytes(entry.address_hash)
    assert suppression.find(ADA) == entry
    assert suppression.suppress(ADA, reason=Reason.MANUAL) == entry
    assert suppression.among([ADA, "ben@example.com"]) == {ADA}


def test_whoever_comes_back_after_an_erasure_is_suppressed_everywhere() -> None:
    suppression.suppress(ADA, reason=Reason.COMPLAINT)
    erasure.erase(person(), by=None)
    import_people(ADA, "ben@example.com")
    ada, ben = Contact.objects.get(email=ADA), Contact.objects.get(email="ben@example.com")
    assert (shown_as_suppressed(ada), shown_as_suppressed(ben)) == (True, False)
    assert membership.count(SUPPRESSED) == 1
    erasure.erase(ada, by=None)
    assert (Suppression.objects.get().address, membership.count(SUPPRESSED)) == (None, 0)


def test_a_changed_address_finds_its_hash_too() -> None:
    suppression.suppress(ADA, reason=Reason.HARD_BOUNCE)
    erasure.erase(person(), by=None)
    ben = person("ben@example.com")
    Contact.objects.filter(pk=ben.pk).update(email=ADA)
    assert shown_as_suppressed(ben)


def test_former_addresses_are_hashed_as_well() -> None:
    ada = person()
    Identity.objects.create(kind=Identity.Kind.EMAIL, value="old@example.com", contact=ada)
    suppression.suppress("old@example.com", reason=Reason.COMPLAINT)
    SoftBounces.objects.create(address="old@example.com", channel="email", count=2)
    erasure.erase(ada, by=None)
    assert Suppression.objects.get().address is None
    assert suppression.is_suppressed("old@example.com")
    assert not SoftBounces.objects.exists()


def test_an_address_that_somebody_else_has_stays_readable() -> None:
    ada, ben = person(), person("ben@example.com")
    Identity.objects.create(kind=Identity.Kind.EMAIL, value="ben@example.com", contact=ada)
    suppression.suppress("ben@example.com", reason=Reason.MANUAL)
    erasure.erase(ada, by=None)
    assert Suppression.objects.get().address == "ben@example.com"
    assert shown_as_suppressed(ben)


def test_who_has_their_data_erased_and_wants_peace_is_known_by_a_hash_alone() -> None:
    own_data.erase(person(), keeps_away=True, told=Told("the preference centre"))
    entry = Suppression.objects.get()
    assert (entry.address, entry.reason, entry.is_wish) == (None, "objection", True)
    assert suppression.is_suppressed(ADA)


def test_what_the_list_holds_is_handed_over_and_then_gone(editor: User) -> None:
    ada = person()
    first = suppression.suppress(ADA, reason=Reason.HARD_BOUNCE, detail="550 no such user")
    suppression.release(first, why="Ada wrote that it works", by=editor)
    suppression.suppress(ADA, reason=Reason.COMPLAINT)
    told = holdings.everything_about(ada)["suppressions"]
    assert [(one["reason"], one.get("why")) for one in told] == [
        ("complaint", None), ("hard_bounce", "Ada wrote that it works"),
    ]  # fmt: skip
    erasure.erase(ada, by=editor)
    trace = SuppressionRelease.objects.get()
    assert (trace.address, trace.why, trace.detail, trace.released_by) == (None, "", "", editor)


ADDRESSES = [f"{name}@example.com" for name in ("ann", "bob", "cem")]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.sampled_from(["come", "go", "bar", "free"]), st.sampled_from(ADDRESSES))))
def test_whatever_happens_hash_and_address_give_the_same_answer(steps: list[tuple[str, str]]) -> None:
    """People come, are erased, addresses are suppressed and released; the model is a set of strings."""
    barred: set[str] = set()
    with transaction.atomic():
        for step, address in steps:
            held, entry = Contact.objects.filter(email=address).first(), suppression.find(address)
            if step == "come" and held is None:
                person(address)
            elif step == "go" and held is not None:
                erasure.erase(held, by=None)
            elif step == "bar":
                suppression.suppress(address, reason=Reason.MANUAL)
                barred.add(address)
            elif step == "free" and entry is not None:
                suppression.release(entry, why="they asked", by=None)
                barred.discard(address)
        people = Contact.objects.exclude(email=None)
        assert suppression.among(ADDRESSES) == {one for one in ADDRESSES if suppression.is_suppressed(one)} == barred
        assert {str(one.email) for one in people if shown_as_suppressed(one)} == barred & {one.email for one in people}
        transaction.set_rollback(True)


# --- releasing ---
def test_a_release_says_what_was_released_by_whom_and_why(editor: User) -> None:
    entry = suppression.suppress(ADA, reason=Reason.HARD_BOUNCE, detail="550 5.1.1", by=editor)
    with pytest.raises(Refused, match="Say why"):
        suppression.release(entry, why="  ", by=editor)
    trace = suppression.release(entry, why="A new mailbox", by=editor)
    assert (trace.address, trace.reason, trace.why, trace.released_by) == (ADA, "hard_bounce", "A new mailbox", editor)
    assert (trace.suppressed_at, trace.suppressed_by) == (entry.created_at, editor)
    assert not suppression.is_suppressed(ADA)
    with pytest.raises(Refused, match="already"):
        suppression.release(entry, why="again", by=editor)
    again = suppression.suppress(ADA, reason=Reason.COMPLAINT)
    assert [one.why for one in suppression.releases(again)] == ["A new mailbox"]


@pytest.mark.parametrize("change", [{"why": "Something else"}, {"reason": "manual"}, {"address": "b@example.com"}])
def test_a_release_is_never_rewritten(change: dict[str, str]) -> None:
    trace = suppression.release(suppression.suppress(ADA, reason=Reason.COMPLAINT), why="They asked", by=None)
    with pytest.raises(Error, match="append-only"), transaction.atomic():
        SuppressionRelease.objects.filter(pk=trace.pk).update(**change)
    with pytest.raises(Error, match="append-only"), transaction.atomic():
        trace.delete()


def test_a_hashed_entry_is_released_by_whoever_knows_the_address() -> None:
    suppression.suppress(ADA, reason=Reason.OBJECTION)
    erasure.erase(person(), by=None)
    entry = suppression.find(ADA)
    assert entry is not None
    trace = suppression.release(entry, why="They signed up again", by=None)
    assert (trace.address, suppression.is_suppressed(ADA)) == (None, False)


def test_bounces_and_wishes_are_released_by_different_rights() -> None:
    rights = {reason: suppression.right_to_release(Suppression(reason=reason)) for reason in Reason.values}
    bounces = {reason for reason, right in rights.items() if right == "contacts.release_suppression"}
    assert bounces == {"hard_bounce", "soft_bounces"}


# --- two at once ---
def side_by_side(*jobs_: Callable[[], object]) -> list[object]:
    """Each in a thread of its own; what they returned, or raised."""
    answers: list[object] = [None] * len(jobs_)

    def run(place: int) -> None:
        try:
            answers[place] = jobs_[place]()
        except Refused as refused:
            answers[place] = refused.code
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[place]) for place in range(len(jobs_))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return answers


@pytest.mark.django_db(transaction=True)
def test_two_who_suppress_at_once_make_one_entry_and_one_salt() -> None:
    SuppressionSalt.objects.all().delete()
    found = side_by_side(*[lambda: suppression.suppress(ADA, reason=Reason.MANUAL).pk] * 8)
    assert len(set(found)) == 1
    assert (Suppression.objects.count(), SuppressionSalt.objects.count()) == (1, 1)
    assert suppression.is_suppressed(ADA)


@pytest.mark.django_db(transaction=True)
def test_an_entry_is_released_once_whoever_is_first() -> None:
    entry = suppression.suppress(ADA, reason=Reason.MANUAL)
    answers = side_by_side(*[lambda: suppression.release(entry, why="a mistake", by=None).pk] * 4)
    assert sorted(map(str, answers)).count("not_suppressed") == 3
    assert SuppressionRelease.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_whoever_comes_back_while_being_erased_is_suppressed() -> None:
    """The newcomer waits for the address, and meets the hash that the erasure left."""
    suppression.suppress(ADA, reason=Reason.COMPLAINT)
    ada, erased = person(), threading.Event()

    def go() -> None:
        with transaction.atomic():
            erasure.erase(ada, by=None)
            erased.set()
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_sleep(0.3)")

    def come() -> None:
        erased.wait(10)
        person()

    side_by_side(go, come)
    assert shown_as_suppressed(Contact.objects.get(email=ADA))
