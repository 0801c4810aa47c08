"""Consent where people meet it: the confirmation's page, the console, the API, and the proof as a file."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from contacts import consent, erasure, optin
from contacts.importing import jobs
from contacts.models import Confirmation, ConsentRecord, ConsentState, Contact, ImportJob, Topic
from core import tokens
from team import apikeys
from team.models import User
from tests.conftest import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Contact:
    return Contact.objects.create(email="ada@example.com", first_name="Ada")


@pytest.fixture(autouse=True)
def news() -> Topic:
    return Topic.objects.create(key="news", name="Garden news", opt_in=Topic.OptIn.DOUBLE, wording="Yes, please.")


@pytest.fixture
def asked(ada: Contact) -> Confirmation:
    consent.opt_in(ada, topic="news", source="Form in the footer")
    return Confirmation.objects.get()


def page(confirmation: Confirmation) -> str:
    return f"/confirm/{optin.token_of(confirmation)}"


# --- the page behind the link ---
@pytest.mark.parametrize("method", ["get", "head"])
def test_looking_at_the_link_never_confirms_however_often(asked: Confirmation, client: Client, method: str) -> None:
    before = ConsentRecord.objects.count()
    for _ in range(3):
        answer = getattr(client, method)(page(asked), {"lang": "de", "action": "confirm"})
        assert answer.status_code == 200
    assert ConsentRecord.objects.count() == before
    assert not ConsentState.objects.exists()


@pytest.mark.parametrize("method", ["put", "patch", "delete", "options"])
def test_the_link_takes_nothing_but_a_look_and_a_post(asked: Confirmation, client: Client, method: str) -> None:
    assert getattr(client, method)(page(asked)).status_code == 405
    assert not ConsentState.objects.exists()


def test_the_button_confirms_once_with_the_address_it_came_from(asked: Confirmation, client: Client) -> None:
    assert "Garden news" in client.get(page(asked)).content.decode()
    for _ in range(2):
        assert client.post(page(asked), REMOTE_ADDR="192.0.2.9").status_code == 200
    [grant] = ConsentRecord.objects.filter(action="grant")
    assert (grant.ip_address, grant.wording, grant.topic) == ("192.0.2.9", "Yes, please.", "news")
    assert "Form in the footer" in grant.source
    assert client.get(page(asked)).status_code == 200


def test_a_stranger_with_the_link_learns_too_little_of_the_address(asked: Confirmation, client: Client) -> None:
    assert "ada@example.com" not in client.get(page(asked)).content.decode()


def test_links_that_we_did_not_make_confirm_nothing(asked: Confirmation, client: Client) -> None:
    token = optin.token_of(asked)
    payload = tokens.verify(optin.PURPOSE, token)
    hostile = [
        token[:-1], token[:-2] + ("A" if token[-2] != "A" else "B") + token[-1], "x", "%00", "a" * 5000,
        tokens.sign("unsubscribe", payload), tokens.sign("preferences", payload), tokens.sign(optin.PURPOSE, b"\xff"),
        tokens.sign(optin.PURPOSE, (2**63 - 1).to_bytes(8) + payload[8:]),
    ]  # fmt: skip
    for one in hostile:
        assert client.post(f"/confirm/{one}").status_code in (404, 410), one
    assert not ConsentState.objects.exists()


def test_a_link_is_over_after_a_week_a_withdrawal_an_erasure_or_a_change_of_address(
    asked: Confirmation, ada: Contact, client: Client, editor: User
) -> None:
    address = page(asked)
    Confirmation.objects.update(expires_at=timezone.now())
    assert client.post(address).status_code == 410
    Confirmation.objects.update(expires_at=timezone.now() + timedelta(days=1))
    Contact.objects.update(email="new@example.com")
    assert client.post(address).status_code == 410
    Contact.objects.update(email="ada@example.com")
    assert client.get(address).status_code == 200
    consent.withdraw(ada, topic="news", source="Phone")
    assert client.post(address).status_code == 410
    consent.opt_in(ada, topic="news", source="Form")
    address = page(Confirmation.objects.get())
    erasure.erase(ada, by=editor)
    assert client.post(address).status_code == 410
    assert not ConsentState.objects.filter(is_granted=True).exists()


# --- the console ---
@pytest.fixture
def console(editor: User, client: Client) -> Client:
    client.force_login(editor)
    return client


def test_the_console_answers_for_a_moment_and_shows_the_records(console: Client, ada: Contact) -> None:
    then = timezone.now() - timedelta(days=10)
    consent.grant(ada, source="Newsletter form", at=then)
    address = f"/admin/contacts/contact/{ada.pk}/consent/"
    asks = {"channel": "email", "topic": ""}
    after = console.get(address, asks | {"at": f"{then + timedelta(days=1):%Y-%m-%dT%H:%M}"}).content.decode()
    assert "Yes: email as a whole was granted" in after
    assert "came in later" in after
    before = console.get(address, asks | {"at": f"{then - timedelta(days=1):%Y-%m-%dT%H:%M}"}).content.decode()
    assert "No: no consent" in before
    assert console.get(address, asks | {"at": "soon"}).status_code == 200
    assert console.get(address, asks | {"at": "2026-01-01T00:00", "topic": "'; DROP"}).status_code == 200


def test_asking_to_confirm_and_a_past_withdrawal_are_recorded_in_the_console(console: Client, ada: Contact) -> None:
    address = f"/admin/contacts/contact/{ada.pk}/consent/"
    told = {"channel": "email", "source": "Phone call"}
    console.post(address, told | {"action": "ask", "topic": "news"})
    assert Confirmation.objects.get().request.source == "Phone call"
    console.post(address, told | {"action": "withdraw", "topic": "", "at": "2026-01-05T10:00"})
    newest = ConsentRecord.objects.latest("id")
    assert (newest.action, f"{newest.occurred_at:%Y-%m-%d}") == ("withdraw", "2026-01-05")
    for wrong in (
        {"action": "clear"},
        {"action": "grant", "topic": "nothing"},
        {"action": "grant", "at": "2999-01-01"},
    ):
        console.post(address, told | wrong)
    assert ConsentRecord.objects.count() == 2


def test_the_proof_holds_every_record_and_those_of_merged_contacts_and_no_formula(
    console: Client, ada: Contact
) -> None:
    other = Contact.objects.create(email="ada@example.org")
    consent.grant(ada, source="=HYPERLINK(1)", wording="#let x = 1 $ [*] \\ <>")
    consent.grant(other, source="Old shop")
    Contact.objects.filter(pk=other.pk).update(merged_into=ada, erased_at=timezone.now(), email=None)
    answer = console.get(f"/admin/contacts/contact/{ada.pk}/proof.csv")
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [row[4] for row in rows[1:3]] == ["'=HYPERLINK(1)", "Old shop"]
    assert len(rows[-1][1]) == 64
    paper = console.get(f"/admin/contacts/contact/{ada.pk}/proof.pdf")
    assert paper.content.startswith(b"%PDF")
    assert console.get(f"/admin/contacts/contact/{ada.pk}/proof.exe").status_code == 404


def test_a_stranger_sees_no_consent_and_records_none(stranger: User, client: Client, ada: Contact) -> None:
    client.force_login(stranger)
    for path in ("consent/", "proof.csv", "proof.pdf"):
        assert client.get(f"/admin/contacts/contact/{ada.pk}/{path}").status_code == 403
    told = {"action": "grant", "channel": "email", "source": "x"}
    assert client.post(f"/admin/contacts/contact/{ada.pk}/consent/", told).status_code == 403
    assert not ConsentRecord.objects.exists()


def test_topics_are_changed_by_administrators_and_stay_once_they_are_used(
    console: Client, news: Topic, ada: Contact
) -> None:
    assert "Garden news" in console.get("/admin/contacts/topic/").content.decode()
    assert console.post(f"/admin/contacts/topic/{news.pk}/change/", {"name": "x"}).status_code == 403
    console.force_login(make_user("dot", "Administrator"))
    told = {"name": "Garden letter", "opt_in": "single", "position": 3, "key": "other"}
    assert console.post(f"/admin/contacts/topic/{news.pk}/change/", told).status_code == 302
    news.refresh_from_db()
    assert (news.name, news.opt_in, news.key) == ("Garden letter", "single", "news")
    consent.grant(ada, topic="news", source="Form")
    assert console.post(f"/admin/contacts/topic/{news.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Topic.objects.filter(pk=news.pk).exists()


# --- the API ---
def client_of(user: User, *scopes: str) -> APIClient:
    client = APIClient()
    _, key = apikeys.issue(user, name="test", scopes=list(scopes))
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    return client


@pytest.fixture
def api(editor: User) -> APIClient:
    return client_of(editor, "contacts:read", "contacts:write")


def test_somebody_signs_up_by_the_api_and_is_asked_to_confirm(api: APIClient, ada: Contact) -> None:
    body: dict[str, Any] = {"topic": "news", "source": "Web shop", "ip_address": "192.0.2.1"}
    answer = api.post(f"/api/contacts/{ada.uuid}/consent/opt-in", body)
    assert (answer.status_code, answer.json()["action"]) == (201, "request")
    assert Confirmation.objects.get().request.wording == "Yes, please."
    for wrong, code in (({"topic": "nothing"}, 409), ({"tpoic": "news"}, 400), ({"source": ""}, 400)):
        assert api.post(f"/api/contacts/{ada.uuid}/consent/opt-in", body | wrong).status_code == code
    assert client_of(api_user(), "contacts:read").post(
        f"/api/contacts/{ada.uuid}/consent/opt-in", body
    ).status_code == 403  # fmt: skip


def api_user() -> User:
    return User.objects.get(username="ada")


def test_the_api_answers_for_a_moment(api: APIClient, ada: Contact) -> None:
    consent.grant(ada, source="Form", at=timezone.now() - timedelta(days=3))
    address = f"/api/contacts/{ada.uuid}/consent/check"
    now = timezone.now()
    yes = api.get(address, {"at": now.isoformat()}).json()
    assert (yes["may"], yes["was_known"], [one["source"] for one in yes["deciding"]]) == (True, True, ["Form"])
    no = api.get(address, {"at": (now - timedelta(days=5)).isoformat(), "topic": "news"}).json()
    assert (no["may"], no["deciding"]) == (False, [])
    assert api.get(address).status_code == 400
    assert api.get(address, {"at": now.isoformat(), "topic": "nothing"}).status_code == 409


def test_topics_are_listed_by_the_api_and_changed_by_who_may(api: APIClient) -> None:
    assert [one["key"] for one in api.get("/api/topics").json()["results"]] == ["news"]
    assert api.post("/api/topics", {"key": "a", "name": "A"}).status_code == 403
    admin = client_of(make_user("dot", "Administrator"), "contacts:read", "contacts:write")
    assert admin.post("/api/topics", {"key": "a", "name": "A", "opt_in": "double"}).status_code == 201
    assert admin.post("/api/topics", {"key": "a", "name": "B"}).status_code == 409
    assert admin.patch("/api/topics/a", {"name": "B"}).json()["name"] == "B"
    assert admin.patch("/api/topics/a", {"key": "b"}).status_code == 400
    assert admin.get("/api/topics/a").json()["opt_in"] == "double"


def test_a_file_grants_the_topics_it_names_and_nothing_else(api: APIClient) -> None:
    file = SimpleUploadedFile("p.csv", b"email\na@example.com\n")
    body = {"file": file, "consent_source": "Fair", "consent_topics": ["news"]}
    answer = api.post("/api/contacts/import", body, format="multipart")
    assert answer.status_code == 202
    work_off(ImportJob.objects.get())
    assert list(ConsentState.objects.values_list("topic", "is_granted")) == [("news", True)]
    file = SimpleUploadedFile("p.csv", b"email\nb@example.com\n")
    wrong = {"file": file, "consent_source": "Fair", "consent_topics": ["nothing"]}
    assert api.post("/api/contacts/import", wrong, format="multipart").status_code == 409


def test_a_file_of_which_nobody_says_that_people_agreed_records_no_consent(api: APIClient) -> None:
    file = SimpleUploadedFile("p.csv", b"email\na@example.com\n")
    api.post("/api/contacts/import", {"file": file}, format="multipart")
    work_off(ImportJob.objects.get())
    assert Contact.objects.filter(email="a@example.com").exists()
    assert not ConsentRecord.objects.exists()


def work_off(job: ImportJob) -> None:
    for _ in range(10):
        jobs.work(job)
        job.refresh_from_db()
        if job.status == ImportJob.Status.DONE:
            return
    raise AssertionError(job.status)
