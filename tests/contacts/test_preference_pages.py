"""The preference centre as its visitors use it: a signed link, no login, no cookies, no JavaScript."""

import io
import json
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zipfile import ZipFile

import pytest
import time_machine
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from contacts import consent, preferences
from contacts.models import Contact, Preference, Suppression, Topic
from core import tokens
from team.models import User

pytestmark = pytest.mark.django_db
ASKED = {"action": "save", "frequency": "all", "shown": ["email:", "email:news"], "topic": ["email:"]}


@pytest.fixture
def robin() -> Contact:
    Topic.objects.create(key="news", name="Product news", opt_in=Topic.OptIn.SINGLE)
    person = Contact.objects.create(email="robin@example.com", first_name="Robin")
    consent.grant(person, source="test")
    cache.clear()
    return person


@pytest.fixture
def visitor() -> Client:
    """A browser that has no cookies of ours and sends none back."""
    return Client(enforce_csrf_checks=True, headers={"accept-language": "en"})


def page(contact: Contact, rest: str = "") -> str:
    return f"/p/{preferences.token_of(contact.pk)}{rest}"


def save(visitor: Client, contact: Contact, **changes: Any) -> Any:
    return visitor.post(page(contact), ASKED | changes)


def everything(contact: Contact) -> tuple[Any, ...]:
    """All that a page could have changed."""
    row = Contact.objects.values().get(pk=contact.pk)
    return (row, list(Preference.objects.values()), list(contact.consent_records.values()), Suppression.objects.count())


@pytest.mark.parametrize("rest", ["", "/data", "?done=left", "?action=leave", "/data?action=erase&erase-address=x"])
@pytest.mark.parametrize("method", ["get", "head"])
def test_looking_never_changes_anything(visitor: Client, robin: Contact, method: str, rest: str) -> None:
    before = everything(robin)
    for _ in range(3):
        assert getattr(visitor, method)(page(robin, rest)).status_code == 200
    assert everything(robin) == before


def test_a_page_is_kept_by_no_cache_and_found_by_no_search_engine(visitor: Client, robin: Contact) -> None:
    answer = visitor.get(page(robin))
    assert "no-store" in answer["Cache-Control"]
    assert answer["X-Robots-Tag"] == "noindex"
    assert answer["Referrer-Policy"] == "same-origin"
    assert "script-src 'self'" in answer["Content-Security-Policy"]
    assert not answer.cookies


def test_the_page_shows_too_little_for_whom_it_was_forwarded_to(visitor: Client, robin: Contact) -> None:
    for rest in ("", "/data"):
        text = visitor.get(page(robin, rest)).content.decode()
        assert "r…@example.com" in text
        assert "robin@" not in text
        assert "Robin" not in text


@pytest.mark.parametrize(
    "token",
    ["x", "AAAA", "%00", "a" * 5000, "..%2f..%2fetc", "ä",
     lambda pk: tokens.sign("unsubscribe", preferences.payload(pk)),
     lambda pk: preferences.token_of(pk)[:-1], lambda pk: preferences.token_of(pk) + "A",
     lambda pk: preferences.token_of(pk + 1), lambda pk: tokens.sign("preferences", b"\xff" * 12)],
)  # fmt: skip
def test_a_link_that_is_not_ours_leads_nowhere(visitor: Client, robin: Contact, token: Any) -> None:
    address = token(robin.pk) if callable(token) else token
    for rest in ("", "/data"):
        answer = visitor.get(f"/p/{address}{rest}")
        assert answer.status_code == 404
    assert visitor.post(f"/p/{address}", ASKED).status_code == 404


def test_saving_keeps_what_was_chosen_and_says_so(visitor: Client, robin: Contact) -> None:
    answer = save(
        visitor, robin, topic=["email:news"], frequency="weekly", quiet_from="22:00", quiet_until="07:30",
        time_zone="Europe/Berlin", paused_until="", locale="de",
    )  # fmt: skip
    assert answer.status_code == 302
    robin.refresh_from_db()
    assert preferences.of(robin) == preferences.Wishes("weekly", time(22), time(7, 30), None, "de", "Europe/Berlin")
    assert consent.is_granted(robin, topic="news")
    assert not consent.is_granted(robin)
    after = visitor.get(answer["Location"])
    assert "Ihre Einstellungen sind gespeichert" in after.content.decode()
    record = robin.consent_records.filter(topic="news").get()
    assert (record.source, record.ip_address) == ("the preference centre", "127.0.0.1")
    assert record.wording == "I want to receive “Product news” by Email."


def test_a_pause_lasts_until_midnight_where_the_person_is(visitor: Client, robin: Contact) -> None:
    with time_machine.travel(datetime(2026, 7, 1, 12, tzinfo=UTC), tick=False):
        save(visitor, robin, paused_until="2026-07-10", time_zone="Asia/Tokyo")
        assert preferences.of(robin).paused_until == datetime(2026, 7, 9, 15, tzinfo=UTC)
        assert 'value="2026-07-10"' in visitor.get(page(robin)).content.decode()
        save(visitor, robin, paused_until="", time_zone="Asia/Tokyo")
        assert preferences.of(robin).paused_until is None


def test_a_pause_that_a_program_set_to_the_minute_stays_to_the_minute(visitor: Client, robin: Contact) -> None:
    until = timezone.now().replace(microsecond=0) + timedelta(days=3, minutes=5)
    preferences.keep(robin, preferences.Wishes(paused_until=until), source="a test")
    shown = visitor.get(page(robin)).context["form"]["paused_until"].value()
    save(visitor, robin, paused_until=f"{shown}", frequency="daily")
    assert preferences.of(robin).paused_until == until


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"quiet_from": "22:00"}, "Give both times"),
        ({"quiet_from": "22:00", "quiet_until": "07:00"}, "Choose your time zone"),
        ({"quiet_from": "22:00", "quiet_until": "22:00", "time_zone": "Europe/Paris"}, "at least one hour"),
        ({"quiet_from": "22:00", "quiet_until": "21:30", "time_zone": "Europe/Paris"}, "at least one hour"),
        ({"quiet_from": "25:00", "quiet_until": "07:00"}, "Enter a valid time"),
        ({"paused_until": "2001-01-01"}, "still to come"),
        ({"paused_until": "2999-01-01"}, "at most a year"),
        ({"paused_until": "soon"}, "Enter a valid date"),
        ({"frequency": "hourly"}, "Select a valid choice"),
        ({"time_zone": "Mars/Olympus"}, "Select a valid choice"),
        ({"locale": "xx"}, "Select a valid choice"),
        ({"time_zone": "\x00"}, "Select a valid choice"),
    ],
)
def test_what_can_t_be_kept_is_said_at_its_field_and_nothing_is_saved(
    visitor: Client, robin: Contact, changes: dict[str, str], words: str
) -> None:
    before = everything(robin)
    answer = save(visitor, robin, topic=["email:news"], **changes)
    assert answer.status_code == 400
    text = answer.content.decode()
    assert words in text
    assert 'aria-invalid="true"' in text
    assert 'value="email:news" id="topic-2" aria-describedby="about-2" checked' in text
    assert everything(robin) == before


def test_boxes_that_were_not_ours_do_nothing(visitor: Client, robin: Contact) -> None:
    Topic.objects.create(key="staff", name="Staff", is_public=False)
    forged = ["email:staff", "fax:", "email:nope", "'; DROP TABLE contacts_contact --", ":", "email", "\x00"]
    assert save(visitor, robin, shown=[*ASKED["shown"], *forged], topic=["email:", *forged]).status_code == 302
    assert robin.consent_records.count() == 1


def test_one_button_unsubscribes_from_everything(visitor: Client, robin: Contact) -> None:
    consent.grant(robin, topic="news", source="test")
    answer = visitor.post(page(robin), {"action": "leave"})
    assert consent.state(robin) is False
    assert consent.state(robin, topic="news") is False
    assert "You are unsubscribed from everything" in visitor.get(answer["Location"]).content.decode()


def test_somebody_who_was_merged_finds_the_page_of_who_they_are_now(visitor: Client, robin: Contact) -> None:
    old = Contact.objects.create(merged_into=robin, erased_at=timezone.now())
    assert "r…@example.com" in visitor.get(page(old)).content.decode()


@pytest.mark.parametrize(
    ("query", "locale", "header", "code"),
    [
        ("", "", "fr-CA,fr;q=0.9", "fr"), ("", "de-AT", "fr", "de"), ("?lang=es", "de", "fr", "es"),
        ("?lang=xx", "de", "fr", "de"), ("", "ja", "fr", "fr"), ("", "", "ja", "en"), ("?lang=../../x", "", "", "en"),
        ("", "pt_BR", "ar-EG", "ar"), ("?lang=" + "a" * 3000, "", "de", "de"),
    ],
)  # fmt: skip
def test_the_page_speaks_the_language_asked_for_else_the_persons_else_the_browsers(
    visitor: Client, robin: Contact, query: str, locale: str, header: str, code: str
) -> None:
    Contact.objects.filter(pk=robin.pk).update(locale=locale)
    answer = visitor.get(page(robin, query), headers={"accept-language": header})
    assert answer["Content-Language"] == code
    assert f'<html lang="{code}" dir="{"rtl" if code == "ar" else "ltr"}">' in answer.content.decode()


def test_a_language_that_we_don_t_have_stays_the_persons_own(visitor: Client, robin: Contact) -> None:
    Contact.objects.filter(pk=robin.pk).update(locale="pt-BR", time_zone="Etc/GMT+3")
    text = visitor.get(page(robin)).content.decode()
    assert "português (Brasil)" in text
    assert save(visitor, robin, locale="pt-BR", time_zone="Etc/GMT+3").status_code == 302
    robin.refresh_from_db()
    assert (robin.locale, robin.time_zone) == ("pt-BR", "Etc/GMT+3")


def test_a_name_with_markup_stays_a_name(visitor: Client, robin: Contact) -> None:
    Topic.objects.filter(key="news").update(name="<script>alert(1)</script>", description='"><img onerror=x>')
    text = visitor.get(page(robin)).content.decode()
    assert "<script>alert" not in text
    assert "<img onerror" not in text


def test_who_knows_the_address_takes_everything_along(visitor: Client, robin: Contact) -> None:
    answer = visitor.post(page(robin, "/data"), {"action": "download", "take-address": " Robin@Example.com "})
    assert answer["Content-Disposition"].startswith('attachment; filename="my-data-')
    with ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as archive:
        assert json.loads(archive.read("contact.json"))["email"] == "robin@example.com"
        assert json.loads(archive.read("consent.json"))[0]["source"] == "test"


def test_who_knows_the_address_is_erased_and_never_written_to_again(visitor: Client, robin: Contact) -> None:
    told = {"action": "erase", "erase-address": "robin@example.com", "erase-keeps_away": "on"}
    answer = visitor.post(page(robin, "/data"), told)
    assert "Your data is erased" in answer.content.decode()
    robin.refresh_from_db()
    assert (robin.email, robin.first_name, robin.erased_at is None) == (None, "", False)
    assert Suppression.objects.count() == 1
    assert visitor.get(page(robin)).status_code == 404
    assert visitor.post(page(robin), ASKED).status_code == 404


def test_nobody_is_barred_who_did_not_want_that(visitor: Client, robin: Contact) -> None:
    visitor.post(page(robin, "/data"), {"action": "erase", "erase-address": "robin@example.com"})
    robin.refresh_from_db()
    assert robin.erased_at is not None
    assert not Suppression.objects.exists()


@pytest.mark.parametrize("action", [("download", "take"), ("erase", "erase")])
@pytest.mark.parametrize(
    "told", ["", "someone@example.com", "r…@example.com", "\x00", "None", "robin@example.com\r\nx"]
)
def test_who_does_not_know_the_address_gets_nothing(
    visitor: Client, robin: Contact, action: tuple[str, str], told: str
) -> None:
    before = everything(robin)
    answer = visitor.post(page(robin, "/data"), {"action": action[0], f"{action[1]}-address": told})
    assert answer.status_code == 400
    assert "Content-Disposition" not in answer
    assert everything(robin) == before


def test_an_address_can_t_be_guessed_by_trying(visitor: Client, robin: Contact) -> None:
    for number in range(5):
        visitor.post(page(robin, "/data"), {"action": "download", "take-address": f"guess{number}@example.com"})
    answer = visitor.post(page(robin, "/data"), {"action": "download", "take-address": "robin@example.com"})
    assert answer.status_code == 400
    assert "Too many tries" in answer.content.decode()


def test_the_team_sees_a_preview_that_sends_nothing(client: Client, editor: User, stranger: User) -> None:
    address = "/admin/contacts/preferences/preview/"
    assert client.get(address).status_code == 302
    client.force_login(editor)
    text = client.get(address).content.decode()
    assert "This is a preview" in text
    assert text.count("<button") == text.count(" disabled>")
    assert client.post(address, ASKED).status_code == 405
    client.force_login(stranger)
    assert client.get(address).status_code in (302, 403)
