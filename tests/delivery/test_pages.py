"""Delivery's pages: recipients, why, a contact's messages, test sends and the sandbox mailbox."""

import uuid

import pytest
from django.test import Client
from django.urls import reverse

from campaigns.models import Campaign
from contacts import suppression
from contacts.models import Contact
from delivery import pages
from delivery.models import Message, SandboxMail
from team.models import User
from templates_app import publishing
from tests.campaigns.test_console import signed_in
from tests.delivery.conftest import Provider, make_account, make_campaign, make_people, plan


@pytest.fixture
def campaign(editor: User) -> Campaign:
    people = make_people(5)
    suppression.suppress(people[0].email, reason="complaint")
    campaign = make_campaign(editor)
    plan(campaign)
    return campaign


@pytest.fixture
def marketer(editor: User) -> Client:
    return signed_in(editor)


def recipients(campaign: Campaign) -> str:
    return reverse("delivery:recipients", args=[campaign.uuid])


def why(campaign: Campaign) -> str:
    return reverse("delivery:why", args=[campaign.uuid])


def shown(client: Client, campaign: Campaign, **query: object) -> list[str]:
    rows = client.get(recipients(campaign), query).context["rows"]
    return [row.contact.email for row, _ in rows]


def test_recipients_can_be_narrowed_by_state_reason_and_person(marketer: Client, campaign: Campaign) -> None:
    assert len(shown(marketer, campaign)) == 5
    assert shown(marketer, campaign, state="skipped") == ["person0@example.com"]
    assert shown(marketer, campaign, reason="suppressed") == ["person0@example.com"]
    assert shown(marketer, campaign, q=" PERSON3@example.com ") == ["person3@example.com"]
    assert shown(marketer, campaign, q="person-2") == ["person2@example.com"]
    assert shown(marketer, campaign, q="nobody@example.com") == []
    assert shown(marketer, campaign, state="skipped", q="person3@example.com") == []


def test_pages_of_recipients_show_everyone_once(
    marketer: Client, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PAGE", 2)
    seen, query = [], {"state": "planned"}
    for _ in range(3):
        answer = marketer.get(recipients(campaign), query)
        seen += [row.contact.email for row, _ in answer.context["rows"]]
        query["before"] = answer.context["next_before"] or ""
    assert sorted(seen[:4]) == [f"person{number}@example.com" for number in (1, 2, 3, 4)]
    assert answer.context["rows"] != []


@pytest.mark.parametrize("field", ["before", "state", "reason", "q"])
@pytest.mark.parametrize("value", ["\x00", "²", "9" * 40, "-1", "' OR 1=1 --", "<script>alert(1)</script>"])
def test_nonsense_in_the_address_is_no_server_error_and_is_not_repeated_raw(
    marketer: Client, campaign: Campaign, field: str, value: str
) -> None:
    answer = marketer.get(recipients(campaign), {field: value})
    assert answer.status_code == 200
    assert "<script>alert(1)" not in answer.content.decode()


def test_why_explains_one_person_and_offers_a_field_for_another(marketer: Client, campaign: Campaign) -> None:
    assert "Name a person" in marketer.get(why(campaign)).content.decode()
    person = Contact.objects.get(email="person0@example.com")
    for asked in ("person0@example.com", str(person.uuid), "person-0"):
        text = marketer.get(why(campaign), {"contact": asked}).content.decode()
        assert "suppress" in text
    for nobody in ("nobody@example.com", "\x00", str(uuid.uuid4())):
        assert "Nobody here has" in marketer.get(why(campaign), {"contact": nobody}).content.decode()


def test_a_stranger_is_refused_everywhere_and_a_visitor_must_sign_in(
    stranger: User, campaign: Campaign, editor: User
) -> None:
    mail = SandboxMail.objects.create(sender="a@example.com", recipient="b@example.com", raw=b"Subject: x\r\n\r\nHi")
    addresses = [
        recipients(campaign),
        why(campaign),
        reverse("delivery:sandbox-body", args=[mail.pk]),
    ]
    for address in addresses:
        assert signed_in(stranger).get(address).status_code == 403
        assert Client().get(address).url.startswith(reverse("admin:login"))
        assert signed_in(editor).post(address).status_code == 405
    assert signed_in(stranger).post(reverse("delivery:test-send"), {}).status_code == 403


@pytest.mark.parametrize("name", ["recipients", "why"])
def test_what_is_not_there_is_a_404(marketer: Client, db: None, name: str) -> None:
    assert marketer.get(reverse(f"delivery:{name}", args=[uuid.uuid4()])).status_code == 404


# --- test sends


def test_a_test_goes_out_and_back_to_the_form(marketer: Client, campaign: Campaign, provider: Provider) -> None:
    make_account(provider)
    version = campaign.variants.get().version
    back = reverse("admin:templates_app_template_changelist")
    answer = marketer.post(
        reverse("delivery:test-send"), {"version": version.uuid, "to": "person1@example.com", "next": back}, follow=True
    )
    assert "Test sent to person1@example.com" in answer.content.decode()
    assert provider.recipients() == ["person1@example.com"]


def test_a_draft_can_be_tried_before_it_is_published(
    marketer: Client, campaign: Campaign, editor: User, provider: Provider
) -> None:
    make_account(provider)
    template = campaign.variants.get().template
    draft = publishing.save_draft(template, by=editor, subject="Not yet")
    editor_page = marketer.get(reverse("admin:templates_app_template_change", args=[template.pk])).content.decode()
    assert f'value="{draft.uuid}"' in editor_page
    marketer.post(reverse("delivery:test-send"), {"version": draft.uuid, "to": "person1@example.com"})
    assert b"Subject: [Test] Not yet" in provider.bodies()[0]


def test_a_draft_that_can_t_become_a_message_says_what_is_wrong(
    marketer: Client, campaign: Campaign, editor: User, provider: Provider
) -> None:
    make_account(provider)
    draft = publishing.save_draft(campaign.variants.get().template, by=editor, source="<p>{% if %}</p>")
    body = {"version": draft.uuid, "to": "person1@example.com"}
    answer = marketer.post(reverse("delivery:test-send"), body, follow=True)
    assert [message.level_tag for message in answer.context["messages"]] == ["error"]
    assert provider.recipients() == []


@pytest.mark.parametrize("version", ["", "nonsense", str(uuid.uuid4()), "\x00"])
def test_a_test_of_no_version_is_a_404(marketer: Client, campaign: Campaign, version: str) -> None:
    body = {"version": version, "to": "person1@example.com"}
    assert marketer.post(reverse("delivery:test-send"), body).status_code == 404


@pytest.mark.parametrize("to", ["", "nobody@example.com", "\x00"])
def test_a_test_to_nobody_says_so(marketer: Client, campaign: Campaign, to: str) -> None:
    body = {"version": campaign.variants.get().version.uuid, "to": to}
    answer = marketer.post(reverse("delivery:test-send"), body, follow=True)
    assert "There is no contact" in answer.content.decode()


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "javascript:alert(1)", ""])
def test_the_way_back_never_leads_elsewhere(marketer: Client, campaign: Campaign, elsewhere: str) -> None:
    body = {"version": campaign.variants.get().version.uuid, "to": "nobody@example.com", "next": elsewhere}
    answer = marketer.post(reverse("delivery:test-send"), body)
    assert answer.url == reverse("admin:templates_app_template_changelist")


def test_sending_a_test_by_get_or_without_the_right_is_refused(
    marketer: Client, campaign: Campaign, approver: User
) -> None:
    assert marketer.get(reverse("delivery:test-send")).status_code == 405
    body = {"version": campaign.variants.get().version.uuid, "to": "person1@example.com"}
    assert signed_in(approver).post(reverse("delivery:test-send"), body).status_code == 403


# --- the sandbox mailbox


def make_mail(raw: bytes, **fields: object) -> SandboxMail:
    return SandboxMail.objects.create(sender="a@example.com", recipient="b@example.com", raw=raw, **fields)


def test_a_mail_is_shown_with_its_headers_text_and_way_to_the_ledger(marketer: Client, campaign: Campaign) -> None:
    message = Message.objects.filter(state="planned").first()
    raw = b"Subject: Hello\r\nX-Odd: <b>\r\nContent-Type: text/plain\r\n\r\nThe text"
    mail = make_mail(raw, subject="Hello", message_id=message.pk)
    text = marketer.get(reverse("admin:delivery_sandboxmail_change", args=[mail.pk])).content.decode()
    for words in ("Hello", "&lt;b&gt;", "The text", "Why did they get this?"):
        assert words in text
    assert "Hello" in marketer.get(reverse("admin:delivery_sandboxmail_changelist")).content.decode()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"no headers at all",
        b"Content-Type: text/html; charset=nonsense\r\n\r\n<p>Hi</p>",
        b"Content-Type: text/plain; charset=nonsense\r\n\r\nHi",
        b"Content-Type: multipart/alternative; boundary=x\r\n\r\n--x\r\nContent-Type: text/html\r\n\r\n\xff\xfe",
        b"Content-Transfer-Encoding: base64\r\n\r\n!!!",
    ],
)
def test_a_broken_mail_can_still_be_looked_at(marketer: Client, db: None, raw: bytes) -> None:
    mail = make_mail(raw)
    assert marketer.get(reverse("admin:delivery_sandboxmail_change", args=[mail.pk])).status_code == 200
    assert marketer.get(reverse("delivery:sandbox-body", args=[mail.pk])).status_code == 200


def test_the_body_of_a_mail_may_run_no_script_and_load_no_code(marketer: Client, db: None) -> None:
    mail = make_mail(b"Content-Type: text/html\r\n\r\n<script>alert(1)</script><p>Hi</p>")
    answer = marketer.get(reverse("delivery:sandbox-body", args=[mail.pk]))
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert "script-src" not in policy
    assert marketer.get(reverse("delivery:sandbox-body", args=[mail.pk + 1])).status_code == 404


def test_the_mailbox_is_searched_by_the_beginning_of_an_address(marketer: Client, db: None) -> None:
    make_mail(b"", subject="Found")
    address = reverse("admin:delivery_sandboxmail_changelist")
    assert "Found" in marketer.get(address, {"q": "b@exa"}).content.decode()
    assert "Found" not in marketer.get(address, {"q": "exa"}).content.decode()
