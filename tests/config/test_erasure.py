"""Erasing somebody through the whole product: a word that stands in everything about them is nowhere afterwards."""

import base64
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from django.conf import settings as configured
from django.core.cache import cache
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection
from django.test import Client
from django.utils import timezone
from psycopg import sql

from contacts import consent, erasure, identity, merging, preferences, suppression
from contacts.holdings import everything_about, holdings
from contacts.models import Confirmation, Contact, Erasure, ImportJob, NotDuplicate, Topic
from delivery.confirmation import sending as confirmations
from delivery.models import Account, Message, SandboxMail
from events.models import Event
from events.tracking import catalogue, pace, sources
from segments.models import Segment
from team.models import User
from tests.contacts.files import checked, csv_bytes, imported, uploaded
from tests.delivery.conftest import Provider, drain, make_account, make_campaign, plan, start_provider

__all__ = ["start_provider"]
pytestmark = pytest.mark.django_db(transaction=True)

WORD = "quokkabird"
EMAIL, BEFORE, PHONE, NUMBER = f"{WORD}@example.com", f"before.{WORD}@example.org", "+4915199887766", "15199887766"
HEADER = ["email", "external_id", "phone", "first_name", "last_name", "nickname", "referrer"]
ROW = [EMAIL, f"id-{WORD}", "+49 151 99887766", WORD.title(), WORD.upper(), WORD, ""]
OTHER = ["other@example.com", "id-other", "", "Other", "Person", "", ""]

MAPPING = dict(zip(HEADER, [*HEADER[:5], "new:text", ""], strict=True))


@pytest.fixture(autouse=True)
def _folders(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    cache.clear()
    for part in (sources, catalogue, pace):
        part.forget_remembered()


def tables_with(word: str) -> set[str]:
    """Every table a row of which holds the word in any column: as text, in JSON, or as bytes."""
    found = set()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type <> 'VIEW'"
        )
        for (name,) in cursor.fetchall():
            question = sql.SQL("SELECT EXISTS (SELECT FROM {} AS t WHERE t::text ILIKE %s OR t::text ILIKE %s)")
            hexed = "".join(f"{letter:02x}" for letter in word.encode())
            cursor.execute(question.format(sql.Identifier(name)), [f"%{word}%", f"%{hexed}%"])
            found |= {name} if cursor.fetchone() == (True,) else set()
    return found


def files_with(word: str) -> list[str]:
    files = (path for path in Path(configured.MEDIA_ROOT).rglob("*") if path.is_file())
    return [path.name for path in files if word.encode() in path.read_bytes().lower()]


def keys_with(word: str) -> list[bytes]:
    """What Redis has of it: names of keys, texts, lists and hashes."""
    server = redis.Redis.from_url(configured.REDIS_URL)
    return [key for key in server.scan_iter() if word.encode() in (key + _value(server, key)).lower()]


def _value(server: Any, key: bytes) -> bytes:
    kind = server.type(key).decode()
    read = {"string": server.get, "hash": server.hgetall, "set": server.smembers}
    return repr(server.lrange(key, 0, -1) if kind == "list" else read[kind](key) if kind in read else b"").encode()


def say(kind: str, source_key: str, **message: Any) -> None:
    basic = base64.b64encode(f"{source_key}:".encode()).decode()
    answer = Client().post(
        f"/v1/{kind}", json.dumps(message), content_type="application/json", headers={"Authorization": f"Basic {basic}"}
    )
    assert answer.status_code == 200, answer.content


@pytest.fixture
def news() -> Topic:
    return Topic.objects.create(key="news", name="News", opt_in=Topic.OptIn.DOUBLE)


@pytest.fixture
def person(editor: User, client: Client, news: Topic, start_provider: Any) -> Contact:  # noqa: F811
    """Somebody who went through all of the product."""
    client.force_login(editor)
    imported(csv_bytes(HEADER, ROW, OTHER), mapping=MAPPING)
    contact = Contact.objects.get(email=EMAIL)
    _came_back_in_files()
    _visited(contact)
    _was_merged(contact)
    _decided(contact)
    _was_edited(client, contact)
    _was_sent_to(contact, editor, start_provider())
    contact.refresh_from_db()
    return contact


def _came_back_in_files() -> None:
    """Uploads that wait, one that was checked, and rows with errors of one that is done."""
    uploaded(csv_bytes(HEADER, ROW, OTHER), f"{EMAIL}.csv")
    checked(csv_bytes(HEADER, ROW, OTHER, ["not an address", *ROW[1:]]), mapping=MAPPING)
    errors = [[f"{EMAIL};second@example.com", *ROW[1:]], ["wrong", "id-wrong", *OTHER[2:]]]
    imported(csv_bytes(HEADER, OTHER, *errors), mapping=MAPPING)


def _visited(contact: Contact) -> None:
    source, key = sources.add(name="Shop", kind="server", by=None)
    say("track", key, anonymousId=f"browser-{WORD}", event="Seen", properties={"search": WORD})
    say("identify", key, userId=f"id-{WORD}", anonymousId=f"browser-{WORD}", traits={"nickname": WORD, "city": WORD})
    money = {"revenue": 12.5, "currency": "EUR", "note": f"for {WORD}", "phone": 4915199887766}
    say("track", key, userId=f"id-{WORD}", event="Order Completed", properties=money)
    say("page", key, anonymousId=f"browser-{WORD}", name="Home", properties={"url": f"https://example.com/{WORD}"})
    say("group", key, userId=f"id-{WORD}", groupId="acme", traits={"name": "Acme"})


def _was_merged(contact: Contact) -> None:
    twin = Contact.objects.create(email=BEFORE, first_name=WORD)
    far = Contact.objects.create(email="far@example.com")
    NotDuplicate.objects.create(first=contact, second=far)
    merging.merge(twin, into=contact)
    identity.link(contact, kind="external", value=f"old-{WORD}")


def _decided(contact: Contact) -> None:
    consent.grant(contact, source="Form", ip_address="203.0.113.77")
    consent.opt_in(contact, topic="news", source="Form", ip_address="203.0.113.77")
    body = {"action": "save", "frequency": "weekly", "shown": ["email:"], "topic": ["email:"], "locale": "de"}
    assert Client().post(f"/p/{preferences.token_of(contact.pk)}", body).status_code == 302


def _was_edited(client: Client, contact: Contact) -> None:
    fields = {name: getattr(contact, name) or "" for name in ("email", "phone", "external_id")}
    told = fields | {"first_name": WORD.title(), "last_name": WORD, "tags": WORD}
    assert client.post(f"/admin/contacts/contact/{contact.pk}/change/", told).status_code == 302
    listed = Segment.objects.create(name="Chosen", kind="static")
    listed.memberships.create(contact=contact)
    suppression.suppress(BEFORE, reason="manual", detail=f"{WORD} asked for it")


def _was_sent_to(contact: Contact, editor: User, provider: Provider) -> None:
    account = make_account(provider)
    plan(make_campaign(editor))
    confirmations.send_due()
    drain()
    message = Message.objects.filter(contact=contact).latest("pk")
    Message.objects.filter(pk=message.pk).update(detail=f"550 <{EMAIL}> no", provider_id=WORD, data={"for": WORD})
    Account.objects.filter(pk=account.pk).update(failure=f"451 <{EMAIL}> later")
    for body in provider.bodies():
        SandboxMail.objects.create(sender="n@example.com", recipient=EMAIL, subject=f"Hi {WORD}", raw=body)
    SandboxMail.objects.create(sender="n@example.com", recipient=BEFORE, subject=f"[Test] {WORD}", raw=WORD.encode())


EVERYWHERE = {
    "contacts_contact", "contacts_identity", "contacts_importjob", "contacts_suppression", "delivery_message",
    "delivery_sandboxmail", "delivery_account", "django_admin_log",
}  # fmt: skip


def test_a_word_that_stands_in_everything_about_somebody_is_nowhere_once_they_are_erased(
    person: Contact, client: Client
) -> None:
    before = tables_with(WORD)
    assert before >= EVERYWHERE
    assert any(name.startswith("events_") for name in before)
    assert any(name.startswith("contacts_import_") for name in before), "rows that wait for the import"
    assert files_with(WORD)
    assert keys_with(WORD)
    assert client.post(f"/admin/contacts/contact/{person.pk}/erase/").status_code == 302
    at_once = tables_with(WORD) | tables_with(NUMBER)
    assert at_once == set()
    erasure.look_again()
    assert files_with(WORD) == files_with(NUMBER) == keys_with(WORD) == keys_with(NUMBER) == []
    erasure.look_again(timezone.now() + timedelta(minutes=11))
    assert tables_with(WORD) | tables_with(NUMBER) | tables_with("203.0.113.77") == set()
    assert Erasure.objects.get().known == {}


def test_what_was_not_theirs_stays(person: Contact) -> None:
    erasure.erase(person, by=None)
    erasure.look_again()
    assert Contact.objects.get(email="other@example.com").first_name == "Other"
    ready = ImportJob.objects.get(status="ready")
    assert [row[0] for row in ready.sample] == ["other@example.com"]
    done = ImportJob.objects.filter(status="done").exclude(first_errors=[]).get()
    assert [error["value"] for error in done.first_errors] == ["wrong"]
    bought = Event.objects.get(name="Order Completed")
    assert bought.properties == {"revenue": 12.5, "currency": "EUR"}, "figures still add up"
    assert consent.could_write(person, at=timezone.now()).records, "what was agreed stays as proof"


def test_an_upload_that_names_them_ends_and_its_owner_is_told_why(person: Contact) -> None:
    [waiting] = ImportJob.objects.filter(status="uploaded")
    erasure.erase(person, by=None)
    erasure.look_again()
    waiting.refresh_from_db()
    assert (waiting.status, waiting.file.name, waiting.file_name) == ("failed", "", "file")
    assert "was erased" in waiting.problem


def test_the_export_of_somebody_has_each_kind_of_thing_that_is_held(person: Contact) -> None:
    held = {key: json.dumps(rows, cls=DjangoJSONEncoder) for key, rows in everything_about(person).items() if rows}
    assert Confirmation.objects.filter(contact=person).exists()
    assert holdings.keys() - held.keys() <= {"approvals", "erasures", "handovers", "standing"}
    assert WORD in held["events"].lower()
