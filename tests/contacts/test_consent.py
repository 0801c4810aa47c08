"""The consent ledger, suppression, and erasure."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from contacts import consent, erasure, holdings, suppression
from contacts.addresses import BadAddress, normalise_email, normalise_phone
from contacts.models import ConsentRecord, ConsentState, Contact, ImportJob, Suppression, Topic
from core.errors import Refused
from team.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Contact:
    return Contact.objects.create(email="ada@example.com", first_name="Ada", attributes={"plan": "pro"}, tags=["x"])


def test_the_newest_moment_decides_whatever_arrives_last(ada: Contact) -> None:
    now = timezone.now()
    consent.withdraw(ada, source="Link", at=now - timedelta(hours=1))
    consent.grant(ada, source="Old form", at=now - timedelta(days=3))
    assert not consent.is_granted(ada)
    consent.grant(ada, source="New form", at=now)
    assert consent.is_granted(ada)
    assert ConsentRecord.objects.count() == 3
    assert ConsentState.objects.count() == 1


def test_topics_are_decided_apart_from_the_channel(ada: Contact) -> None:
    Topic.objects.create(key="news", name="News")
    consent.grant(ada, source="Form", topic="news")
    assert not consent.is_granted(ada)
    assert consent.is_granted(ada, topic="news")


def test_the_ledger_cannot_be_rewritten(ada: Contact) -> None:
    record = consent.grant(ada, source="Form")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        ConsentRecord.objects.filter(pk=record.pk).update(source="Better form")


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM contacts_consentrecord",
        "UPDATE contacts_consentrecord SET recorded_at = now() - interval '1 year'",
        "UPDATE contacts_consentrecord SET ip_address = '203.0.113.9'",
    ],
)
def test_the_ledger_is_neither_deleted_from_nor_dated_anew(ada: Contact, statement: str) -> None:
    consent.grant(ada, source="Form", ip_address="203.0.113.5")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert ConsentRecord.objects.count() == 1


def test_deleting_a_contact_by_sql_takes_no_consent_along(ada: Contact) -> None:
    consent.grant(ada, source="Form")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        ada.delete()


def test_records_that_outlived_their_use_go_when_a_transaction_says_so(ada: Contact) -> None:
    consent.grant(ada, source="Form")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL carillon.removes_consent = 'on'")
        cursor.execute("DELETE FROM contacts_consentrecord")
    assert not ConsentRecord.objects.exists()


@pytest.mark.parametrize("told", [{"source": " "}, {"source": "x", "channel": "smoke"}])
def test_consent_needs_a_source_and_a_channel(ada: Contact, told: dict[str, str]) -> None:
    with pytest.raises(Refused):
        consent.grant(ada, **told)
    with pytest.raises(Refused):
        consent.grant(ada, source="x", at=timezone.now() + timedelta(days=1))
    assert not ConsentRecord.objects.exists()


def test_suppressing_twice_keeps_the_first_reason() -> None:
    first = suppression.suppress(" ADA@Example.com", reason="complaint")
    again = suppression.suppress("ada@example.com", reason="manual")
    assert again == first
    assert (first.address, Suppression.objects.get().reason) == ("ada@example.com", "complaint")
    with pytest.raises(Refused):
        suppression.suppress("nobody", reason="manual")


def test_erasure_empties_the_person_and_keeps_the_row_and_the_suppression(ada: Contact, editor: User) -> None:
    consent.grant(ada, source="Form", ip_address="192.0.2.1")
    suppression.suppress("ada@example.com", reason="complaint")
    erasure.erase(ada, by=editor)
    erasure.erase(ada, by=editor)
    ada.refresh_from_db()
    held = holdings.everything_about(ada)
    assert (ada.email, ada.first_name, ada.attributes, ada.tags) == (None, "", {}, [])
    assert ada.erased_at
    assert "ada" not in str(held).lower()
    assert [entry["ip_address"] for entry in held["consent"]] == [None]
    assert Suppression.objects.get().address is None  # it holds by its hash
    with pytest.raises(Refused):
        consent.grant(ada, source="Form")


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        (" Ada@Example.COM ", "ada@example.com"),
        ("ada.l+tag@sub.example.co.uk", "ada.l+tag@sub.example.co.uk"),
        ("info@bücher.example", "info@xn--bcher-kva.example"),
    ],
)
def test_emails_are_stored_in_one_form(text: str, stored: str) -> None:
    assert normalise_email(text) == stored


@pytest.mark.parametrize(
    "text", ["", "a", "a@", "@b.de", "a@b", "a@b..de", "a b@c.de", ".a@b.de", "a..b@c.de", "a@-b.de", "a@b.1",
             "a@b.de\nBcc: x@y.de", "a@[127.0.0.1]", "ü@b.de", "a" * 65 + "@b.de", "a@" + "b" * 250 + ".de"],
)  # fmt: skip
def test_what_is_no_email_address_is_refused(text: str) -> None:
    with pytest.raises(BadAddress):
        normalise_email(text)


@given(st.text(max_size=60))
@settings(deadline=None)
def test_normalising_an_address_twice_changes_nothing(text: str) -> None:
    for normalise in (normalise_email, normalise_phone):
        try:
            once = normalise(text)
        except BadAddress:
            continue
        assert normalise(once) == once
        assert once == once.lower()


def test_phone_numbers_are_stored_as_e164() -> None:
    assert normalise_phone("0049 (151) 123-45678") == "+4915112345678"
    for text in ("015112345678", "+49", "+999999999999999999", "phone"):
        with pytest.raises(BadAddress):
            normalise_phone(text)


def test_erasure_also_empties_previews_and_error_lists_that_show_the_person(ada: Contact, editor: User) -> None:
    shows = ImportJob.objects.create(file_name="a", sample=[["ada@example.com", "Ada"]])
    other = ImportJob.objects.create(file_name="b", sample=[["ben@example.com", "Ben"]])
    erasure.erase(ada, by=editor)
    shows.refresh_from_db()
    other.refresh_from_db()
    assert (shows.sample, other.sample) == ([], [["ben@example.com", "Ben"]])
