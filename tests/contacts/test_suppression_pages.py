"""The suppression list where people meet it: the console, a contact's page, the preference centre, the API."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils.html import escape
from rest_framework.test import APIClient

from contacts import erasure, preferences, suppression
from contacts.importing import jobs
from contacts.models import Contact, Identity, ImportJob, Suppression, SuppressionRelease
from team import apikeys
from team.models import AuditRecord, User
from team.roles import ADMINISTRATOR
from tests.conftest import make_user

pytestmark = pytest.mark.django_db

LIST = "/admin/contacts/suppression/"
API = "/api/suppressions"
ADA = "ada@example.com"


@pytest.fixture
def console(editor: User, client: Client) -> Client:
    client.force_login(editor)
    return client


@pytest.fixture
def admin(db: None) -> User:
    return make_user("dee", ADMINISTRATOR)


@pytest.fixture
def hashed() -> Suppression:
    """An entry that only a hash is left of."""
    suppression.suppress("gone@example.org", reason="objection")
    erasure.erase(Contact.objects.create(email="gone@example.org"), by=None)
    return Suppression.objects.get(address=None)


def text_of(answer: Any) -> str:
    return answer.content.decode()


def page_of(entry: Suppression) -> str:
    return f"{LIST}{entry.pk}/change/"


# --- the console's list ---
def test_the_list_shows_why_who_and_when_and_what_was_erased(
    console: Client, editor: User, hashed: Suppression
) -> None:
    suppression.suppress(ADA, reason="complaint", detail="<b>Spam</b> button " + "x" * 200, by=editor)
    page = text_of(console.get(LIST))
    for shown in (
        ADA,
        "Complaint",
        "&lt;b&gt;Spam&lt;/b&gt;",
        str(editor),
        "Erased address",
        "Asked for it themselves",
    ):
        assert shown in page
    assert "gone@example.org" not in page
    assert bytes(hashed.address_hash).hex()[:12] in page


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("q=gone@example.org", {"Erased"}), ("q= GONE@Example.org ", {"Erased"}), ("q=gone", set()),
        ("q=ada", {"ada"}), ("q=nobody@example.com", set()), ("q=%25", set()),
        ("reason__exact=complaint", {"ada"}), ("reason__exact=manual", {"ben"}),
        ("channel__exact=email", {"ada", "ben", "Erased"}),
        ("address_is=hashed", {"Erased"}), ("address_is=readable", {"ada", "ben"}), ("when=day", {"ada", "Erased"}),
        ("when=year", {"ada", "ben", "Erased"}), ("when=nonsense", {"ada", "ben", "Erased"}),
    ],
)  # fmt: skip
def test_the_list_is_filtered_and_searched(console: Client, hashed: Suppression, asked: str, found: set[str]) -> None:
    suppression.suppress(ADA, reason="complaint")
    ben = suppression.suppress("ben@example.com", reason="manual")
    Suppression.objects.filter(pk=ben.pk).update(created_at="2026-08-01T09:00Z")
    answer = console.get(f"{LIST}?{asked}")
    assert answer.status_code == 200
    rows = answer.context["cl"].result_list
    assert {(row.address or "Erased").partition("@")[0] for row in rows} == found


def test_an_empty_list_and_a_thousand_entries_are_both_a_page(
    console: Client, django_assert_max_num_queries: Any
) -> None:
    assert console.get(LIST).status_code == 200
    suppression.suppress_many({f"p{n}@example.com": "x" * 500 for n in range(1000)}, reason="imported")
    with django_assert_max_num_queries(12):
        page = text_of(console.get(LIST))
    assert page.count("contact-name") == 50


# --- adding and releasing ---
def test_an_address_is_added_by_hand_once_whatever_its_spelling(console: Client, editor: User) -> None:
    told = {"channel": "email", "address": " ADA@Example.com", "reason": "manual", "detail": "Asked on the phone"}
    answer = console.post(f"{LIST}add/", told, follow=True)
    assert "Suppressed: nothing is sent" in text_of(answer)
    Suppression.objects.update(created_at="2026-01-01T09:00Z")
    again = console.post(f"{LIST}add/", told | {"reason": "complaint"}, follow=True)
    assert "It was suppressed already" in text_of(again)
    entry = Suppression.objects.get()
    assert (entry.address, entry.reason, entry.created_by) == (ADA, "manual", editor)
    assert "not an email" in text_of(console.post(f"{LIST}add/", told | {"address": "x"}))
    assert "Type the address" in text_of(console.post(f"{LIST}add/", told | {"address": ""}))


def test_a_contact_is_suppressed_from_their_page_and_leads_to_the_entry(console: Client) -> None:
    ada = Contact.objects.create(email=ADA, first_name="Ada")
    page = text_of(console.get(f"/admin/contacts/contact/{ada.pk}/timeline/"))
    assert f"{LIST}add/?contact={ada.pk}" in page
    assert ADA in text_of(console.get(f"{LIST}add/?contact={ada.pk}"))
    entry = suppression.suppress(ADA, reason="hard_bounce")
    page = text_of(console.get(f"/admin/contacts/contact/{ada.pk}/timeline/"))
    assert "Suppressed: hard bounce" in page
    assert page_of(entry) in page
    assert f"/admin/contacts/contact/{ada.pk}/timeline/" in text_of(console.get(page_of(entry)))


def test_an_entry_leads_to_whoever_had_the_address_before_a_merge(console: Client) -> None:
    ada = Contact.objects.create(email=ADA, first_name="Ada")
    Identity.objects.create(kind="email", value="old@example.com", contact=ada)
    entry = suppression.suppress("old@example.com", reason="manual")
    assert f"/admin/contacts/contact/{ada.pk}/timeline/" in text_of(console.get(page_of(entry)))


def test_marketers_release_what_bounced_with_a_reason(console: Client, editor: User) -> None:
    entry = suppression.suppress(ADA, reason="soft_bounces", detail="5 messages")
    refused = console.post(f"{LIST}{entry.pk}/release/", {"why": " "})
    assert (refused.status_code, "Say why" in text_of(refused)) == (400, True)
    assert console.get(f"{LIST}{entry.pk}/release/").status_code == 405
    console.post(f"{LIST}{entry.pk}/release/", {"why": "They emptied <it>"})
    trace = SuppressionRelease.objects.get()
    assert (trace.why, trace.released_by) == ("They emptied <it>", editor)
    assert escape("They emptied <it>") in text_of(console.get("/admin/contacts/suppressionrelease/"))
    again = suppression.suppress(ADA, reason="hard_bounce")
    assert escape("They emptied <it>") in text_of(console.get(page_of(again)))
    assert console.post(f"{LIST}{entry.pk}/release/", {"why": "again"}).status_code == 404


@pytest.mark.parametrize("reason", ["complaint", "objection", "manual", "imported"])
def test_what_may_be_a_wish_is_released_by_administrators_alone(
    console: Client, admin: User, client: Client, reason: str
) -> None:
    entry = suppression.suppress(ADA, reason=reason)
    assert "only administrators release it" in text_of(console.get(page_of(entry)))
    assert console.post(f"{LIST}{entry.pk}/release/", {"why": "please"}).status_code == 403
    assert suppression.is_suppressed(ADA)
    client.force_login(admin)
    client.post(f"{LIST}{entry.pk}/release/", {"why": "Signed up anew"})
    assert not suppression.is_suppressed(ADA)


def test_entries_and_releases_are_never_changed_or_deleted_by_hand(client: Client, admin: User) -> None:
    entry = suppression.suppress(ADA, reason="manual")
    trace = suppression.release(suppression.suppress("b@example.com", reason="manual"), why="a mistake", by=admin)
    client.force_login(admin)
    for path in (f"{LIST}{entry.pk}/delete/", f"/admin/contacts/suppressionrelease/{trace.pk}/delete/",
                 "/admin/contacts/suppressionrelease/add/"):  # fmt: skip
        assert client.post(path, {"post": "yes"}).status_code == 403
    client.post(LIST, {"action": "delete_selected", "_selected_action": [entry.pk], "post": "yes"})
    client.post(page_of(entry), {"address": "other@example.com", "channel": "email", "reason": "manual"})
    entry.refresh_from_db()
    assert entry.address == ADA


def test_who_may_only_look_adds_and_releases_nothing(client: Client, approver: User, stranger: User) -> None:
    entry = suppression.suppress(ADA, reason="hard_bounce")
    posts = ["add/", "import/", f"{entry.pk}/release/"]
    client.force_login(approver)
    assert client.get(LIST).status_code == client.get(page_of(entry)).status_code == 200
    assert "not change it" in text_of(client.get(page_of(entry)))
    for path in posts:
        assert client.post(f"{LIST}{path}", {"why": "x"}).status_code == 403, path
    assert client.get(f"{LIST}export.csv").status_code == 403
    client.force_login(stranger)
    for path in ("", f"{entry.pk}/change/", "import/", "export.csv"):
        assert client.get(f"{LIST}{path}").status_code == 403, path


def test_the_export_is_what_is_filtered_harmless_and_written_down(
    console: Client, editor: User, hashed: Suppression
) -> None:
    suppression.suppress(ADA, reason="complaint", detail='=HYPERLINK("x")')
    answer = console.get(f"{LIST}export.csv?reason__exact=complaint")
    lines = b"".join(answer.streaming_content).decode().splitlines()
    assert lines[0].endswith("address,channel,reason,detail,added_by,added_at")
    assert lines[1].startswith(f"{ADA},email,complaint,\"'=HYPERLINK")
    assert len(lines) == 2
    note = AuditRecord.objects.get(action="export.suppressions")
    assert (note.by, note.count, note.detail) == (editor, 1, {"filter": {"reason__exact": "complaint"}})


# --- lists ---
def test_pasted_addresses_go_straight_to_the_dry_run(console: Client) -> None:
    told = {"pasted": "ada@example.com\nnope\n", "channel": "email", "reason": "objection", "detail": "By letter"}
    console.post(f"{LIST}import/", told)
    job = ImportJob.objects.get()
    assert (job.status, job.kind, job.file_name) == ("checking", "suppressions", "Pasted list")
    jobs.work(job)
    page = text_of(console.get(f"/admin/contacts/importjob/{job.pk}/change/"))
    for shown in ("Suppress 1 address", "nothing has been written", "not an email address", "By letter"):
        assert shown in page
    assert not Suppression.objects.exists()
    console.post(f"/admin/contacts/importjob/{job.pk}/confirm/")
    jobs.work(job)
    assert "1 new address on the suppression list" in text_of(
        console.get(f"/admin/contacts/importjob/{job.pk}/change/")
    )
    assert Suppression.objects.get().detail == "By letter"


def test_a_file_of_several_columns_asks_which_one(console: Client) -> None:
    content = b"id;Mail;Other\n1;ada@example.com;ben@example.com\n"
    told = {
        "file": SimpleUploadedFile("l.csv", content),
        "channel": "email",
        "reason": "imported",
        "detail": "Old tool",
    }
    console.post(f"{LIST}import/", told)
    job = ImportJob.objects.get()
    page = text_of(console.get(f"/admin/contacts/importjob/{job.pk}/change/"))
    for shown in ("Which column has the addresses?", "ben@example.com", "Old tool", "Semicolon"):
        assert shown in page
    said = {"channel": "email", "reason": "imported", "detail": "Old tool"}
    for wrong in ("", "99", "x", "-1"):
        answer = console.post(f"{LIST}import/{job.pk}/check/", said | {"column": wrong})
        assert "Choose the one column" in text_of(answer)
    console.post(f"{LIST}import/{job.pk}/check/", said | {"column": "2"})
    jobs.work(job)
    assert "Which column" in text_of(console.get(f"/admin/contacts/importjob/{job.pk}/map/"))
    console.post(f"/admin/contacts/importjob/{job.pk}/confirm/")
    jobs.work(job)
    assert list(Suppression.objects.values_list("address", flat=True)) == ["ben@example.com"]


@pytest.mark.parametrize("told", [{}, {"pasted": "  "}, {"pasted": "a@example.com", "file": True}])
def test_a_list_is_either_a_file_or_pasted(console: Client, told: dict[str, Any]) -> None:
    if "file" in told:
        told = told | {"file": SimpleUploadedFile("l.csv", b"a@example.com\n")}
    answer = console.post(f"{LIST}import/", told | {"channel": "email", "reason": "imported"})
    assert "one of the two" in text_of(answer)
    assert not ImportJob.objects.exists()


# --- the preference centre ---
@pytest.mark.parametrize(
    ("reason", "said"), [("complaint", "addresses that are not written to"), ("hard_bounce", "came back")]
)
def test_the_preference_page_says_that_nothing_is_sent(client: Client, reason: str, said: str) -> None:
    ada = Contact.objects.create(email=ADA)
    page = f"/p/{preferences.token_of(ada.pk)}"
    assert "We send nothing to this address" not in text_of(client.get(page, follow=True))
    suppression.suppress(ADA, reason=reason)
    assert said in text_of(client.get(page, follow=True))


# --- the API ---
def client_of(user: User, *scopes: str) -> APIClient:
    client = APIClient()
    _, key = apikeys.issue(user, name="test", scopes=list(scopes))
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    return client


@pytest.fixture
def api(editor: User) -> APIClient:
    return client_of(editor, "contacts:read", "contacts:write")


def found(api: APIClient, query: str = "") -> list[str | None]:
    answer = api.get(f"{API}?{query}")
    assert answer.status_code == 200, answer.json()
    return [one["address"] for one in answer.json()["results"]]


def test_programs_add_look_up_and_list(api: APIClient, hashed: Suppression) -> None:
    first = api.post(API, {"address": "Ada@Example.com", "reason": "complaint", "detail": "Feedback loop"})
    again = api.post(API, {"address": "ada@example.com"})
    assert (first.status_code, again.status_code, again.json()["reason"]) == (201, 201, "complaint")
    assert api.post(API, {"address": "nope"}).status_code == 409
    assert api.post(API, {"address": ADA, "because": "x"}).status_code == 400
    assert api.post(API, {"address": ADA, "reason": "mood"}).status_code == 400
    assert found(api) == [ADA, None]
    assert found(api, "address=ADA@example.com&channel=email") == [ADA]
    assert found(api, "address=gone@example.org") == [None]
    assert found(api, "address=gone") == []
    assert found(api, "is_readable=false") == [None]
    assert found(api, "is_readable=true&reason=complaint&created_after=2026-01-01T00:00:00Z") == [ADA]
    one = api.get(f"{API}/{hashed.pk}").json()
    assert (one["address"], one["is_readable"], one["reason"]) == (None, False, "objection")


def test_programs_release_with_the_same_rights_as_people(api: APIClient, admin: User) -> None:
    bounced = suppression.suppress(ADA, reason="hard_bounce")
    wish = suppression.suppress("ben@example.com", reason="complaint")
    assert api.post(f"{API}/{bounced.pk}/release", {"why": ""}).status_code == 400
    answer = api.post(f"{API}/{bounced.pk}/release", {"why": "It works again"})
    assert (answer.status_code, answer.json()["why"], answer.json()["reason"]) == (200, "It works again", "hard_bounce")
    assert api.post(f"{API}/{bounced.pk}/release", {"why": "It works again"}).status_code == 404
    assert api.post(f"{API}/{wish.pk}/release", {"why": "please"}).status_code == 403
    assert client_of(admin, "contacts:read").post(f"{API}/{wish.pk}/release", {"why": "x"}).status_code == 403
    writer = client_of(admin, "contacts:read", "contacts:write")
    assert writer.post(f"{API}/{wish.pk}/release", {"why": "Signed up anew"}).status_code == 200


def test_programs_send_lists(api: APIClient) -> None:
    def send(content: bytes, **told: Any) -> Any:
        upload = SimpleUploadedFile("list.csv", content)
        return api.post(f"{API}/import", {"file": upload} | told, format="multipart")

    dry = send(b"Mail,x\nada@example.com,1\nnope,2\n", dry_run=True)
    assert dry.status_code == 202
    jobs.work(ImportJob.objects.get())
    told = api.get(f"{API}/imports/{dry.json()['id']}").json()
    assert (told["status"], told["kind"], told["created_count"], told["errors"][0]["row"]) == (
        "ready",
        "suppressions",
        1,
        3,
    )
    assert not Suppression.objects.exists()
    done = send(b"ada@example.com\nben@example.com\n", reason="objection", detail="By letter")
    job = ImportJob.objects.get(uuid=done.json()["id"])
    while jobs.work(job):
        pass
    assert set(Suppression.objects.values_list("address", "reason", "detail")) == {
        ("ada@example.com", "objection", "By letter"), ("ben@example.com", "objection", "By letter"),
    }  # fmt: skip
    for bad in ({"column": "Nothing"}, {}):
        assert send(b"a,b\n1,2\n", **bad).json()["code"] == "unknown_column"
    assert send(b"a\nb@example.com\n", reason="mood").status_code == 400


def test_rights_and_scopes_are_needed_for_everything(editor: User, approver: User, stranger: User) -> None:
    entry = suppression.suppress(ADA, reason="hard_bounce")
    for user, reads in ((approver, 200), (stranger, 403)):
        client = client_of(user, "contacts:read", "contacts:write")
        assert client.get(API).status_code == client.get(f"{API}/{entry.pk}").status_code == reads
        assert client.post(API, {"address": "b@example.com"}).status_code == 403
        assert client.post(f"{API}/{entry.pk}/release", {"why": "x"}).status_code == 403
        assert client.post(f"{API}/import", {}, format="multipart").status_code == 403
    assert client_of(editor, "contacts:read").post(API, {"address": "b@example.com"}).status_code == 403
    assert client_of(editor, "segments:read").get(API).status_code == 403
    assert APIClient().get(API).status_code == 401
