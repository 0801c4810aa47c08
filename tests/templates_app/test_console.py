"""The console's template pages: who may do what, what survives a mistake, and what a preview can not do."""

import json

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from campaigns.models import Campaign, Variant
from contacts.models import Contact
from team.models import User
from templates_app import publishing
from templates_app.models import Template

SOURCE = '<p>Hello {{ contact.first_name }}</p><a href="{{ unsubscribe_url }}">No</a>'


@pytest.fixture
def template(editor: User) -> Template:
    return publishing.create(by=editor, name="News", content={"subject": "Hi", "source": SOURCE})


@pytest.fixture
def console(client: Client, editor: User) -> Client:
    client.force_login(editor)
    return client


def page(name: str, *args: object) -> str:
    return reverse(f"admin:templates_app_template_{name}", args=args)


def posted(template: Template, **changes: str) -> dict[str, str]:
    about = {"name": template.name, "channel": "email", "language": "en", "category": "", "description": ""}
    content = {"subject": "Hi", "preheader": "", "format": "html", "source": SOURCE, "text_source": ""}
    return {**about, **content, "seen": publishing.mark(template), "action": "save", **changes}


def test_saving_keeps_the_draft_and_publishing_makes_a_version(console: Client, template: Template) -> None:
    console.post(page("change", template.pk), posted(template, subject="Second"))
    draft = publishing.draft_of(template)
    assert draft is not None
    assert draft.subject == "Second"
    answer = console.post(page("change", template.pk), posted(template, subject="Third", action="publish"), follow=True)
    template.refresh_from_db()
    assert template.current_version is not None
    assert template.current_version.subject == "Third"
    assert "Published as version 1" in answer.content.decode()


def test_a_draft_that_can_not_be_published_is_saved_all_the_same(console: Client, template: Template) -> None:
    broken = posted(template, source="a\n{{ oops", action="publish")
    answer = console.post(page("change", template.pk), broken, follow=True).content.decode()
    assert "Saved as a draft, but not published" in answer
    assert "line 2" in answer
    draft = publishing.draft_of(template)
    assert draft is not None
    assert draft.source == "a\n{{ oops"


def test_nobody_overwrites_what_someone_else_saved_meanwhile(
    console: Client, template: Template, approver: User
) -> None:
    mine = posted(template, source="<p>My long text</p>")
    publishing.save_draft(template, by=approver, subject="Theirs")
    answer = console.post(page("change", template.pk), mine)
    assert answer.status_code == 409
    assert "My long text" in answer.content.decode()
    assert "saved this template while you were editing" in answer.content.decode()
    draft = publishing.draft_of(template)
    assert draft is not None
    assert draft.subject == "Theirs"


@pytest.mark.parametrize("changes", [{"name": ""}, {"language": "<b>"}, {"format": "docx"}, {"subject": "x" * 401}])
def test_wrong_input_comes_back_with_what_was_typed(
    console: Client, template: Template, changes: dict[str, str]
) -> None:
    answer = console.post(page("change", template.pk), posted(template, source="<p>Kept</p>", **changes))
    assert answer.status_code == 400
    assert "Kept" in answer.content.decode()


def test_saving_without_a_change_makes_no_draft(console: Client, template: Template, editor: User) -> None:
    publishing.publish(template, by=editor)
    template.refresh_from_db()
    console.post(page("change", template.pk), posted(template))
    assert publishing.draft_of(template) is None


def preview(console: Client, template: Template, **changes: str) -> dict[str, object]:
    fields = {"subject": "Hi", "preheader": "", "format": "html", "source": SOURCE, "text_source": "", **changes}
    return dict(console.post(page("preview", template.pk), fields).json())


def test_a_preview_escapes_what_contacts_hold_and_can_run_nothing(console: Client, template: Template) -> None:
    evil = Contact.objects.create(email="x@example.com", first_name="<script>alert(1)</script>")
    shown = preview(console, template, contact=str(evil.uuid), subject="{{ contact.first_name }}")
    frame = console.get(page("frame", shown["token"]))
    assert b"&lt;script&gt;" in frame.content
    assert b"<script" not in frame.content
    policy = frame["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none'")
    assert "script-src" not in policy
    assert "allow-scripts" not in policy


def test_a_preview_says_what_is_wrong_and_where(console: Client, template: Template) -> None:
    assert preview(console, template, source="a\n{{ oops")["error"] == {
        "message": "In the HTML, line 2: a placeholder is opened here and not closed.",
        "where": "source",
        "line": 2,
    }
    assert "error" in preview(console, template, source="")
    assert "error" in preview(console, template, source="<div>" * 10_000)
    assert "error" in preview(console, template, subject="x" * 500)


def test_an_old_preview_says_so(console: Client, template: Template) -> None:
    assert b"too old" in console.get(page("frame", "nonsense")).content


def test_people_are_found_by_the_start_of_their_address_or_at_random(console: Client) -> None:
    Contact.objects.create(email="ada@example.com", last_name="Example")
    assert [one["label"] for one in console.get(page("people"), {"q": "ADA@"}).json()["people"]] == [
        "Example (ada@example.com)"
    ]
    assert console.get(page("people"), {"q": "nobody"}).json()["people"] == []
    assert len(console.get(page("people")).json()["people"]) == 1


def test_every_page_shows_with_and_without_versions(console: Client, template: Template, editor: User) -> None:
    empty = publishing.create(by=editor, name="Empty")
    publishing.publish(template, by=editor)
    Variant.objects.create(campaign=Campaign.objects.create(name="<b>Spring</b>"), template=template)
    for name in ("changelist", "add"):
        assert console.get(page(name)).status_code == 200
    for one in (template, empty):
        for name in ("change", "versions", "uses", "export"):
            assert console.get(page(name, one.pk)).status_code == 200
    assert "&lt;b&gt;Spring" in console.get(page("uses", template.pk)).content.decode()
    assert console.get(page("version", template.pk, 1)).status_code == 200


def test_a_template_starts_from_the_gallery_from_nothing_and_from_a_file(console: Client, template: Template) -> None:
    console.post(page("add"), {"example": "welcome"})
    console.post(page("add"), {"example": ""})
    document = console.get(page("export", template.pk)).content
    console.post(page("add"), {"file": SimpleUploadedFile("../../etc/passwd", document)})
    assert {"Welcome", "Untitled template", "News 2"} <= set(Template.objects.values_list("name", flat=True))


@pytest.mark.parametrize(
    "content", [b"", b"no json", b"[]", b"[" * 100_000, b"\xff\xfe", b"x" * 1_100_000, json.dumps({"a": 1}).encode()]
)
def test_a_file_that_is_no_template_is_refused(console: Client, template: Template, content: bytes) -> None:
    console.post(page("add"), {"file": SimpleUploadedFile("x.json", content)})
    assert Template.objects.count() == 1


@pytest.mark.parametrize("key", ["../admin", "nope", "index.json"])
def test_a_gallery_key_is_no_file_name(console: Client, key: str) -> None:
    assert console.get(f"/admin/templates_app/template/gallery/{key}/").status_code == 404
    console.post(page("add"), {"example": key})
    assert not Template.objects.exists()


def test_the_buttons_do_what_they_say(console: Client, template: Template, editor: User) -> None:
    publishing.publish(template, by=editor)
    publishing.save_draft(template, by=editor, subject="Second")
    console.post(page("act", template.pk, "discard"))
    assert publishing.draft_of(template) is None
    console.post(page("act", template.pk, "revert"), {"version": "1"})
    assert publishing.draft_of(template) is not None
    console.post(page("act", template.pk, "archive"))
    assert Template.objects.get(pk=template.pk).status == "archived"
    console.post(page("act", template.pk, "restore"))
    console.post(page("act", template.pk, "clone"))
    assert Template.objects.filter(name="News (copy)").exists()
    console.post(page("act", template.pk, "delete"))
    assert not Template.objects.filter(pk=template.pk).exists()


def test_a_template_in_use_is_not_deleted(console: Client, template: Template) -> None:
    Variant.objects.create(campaign=Campaign.objects.create(name="Spring"), template=template)
    answer = console.post(page("act", template.pk, "delete"), follow=True).content.decode()
    assert "is used by “Spring”" in answer
    assert Template.objects.filter(pk=template.pk).exists()


def test_looking_never_changes_anything(console: Client, template: Template) -> None:
    for verb in ("archive", "clone", "delete", "discard", "revert", "restore"):
        assert console.get(page("act", template.pk, verb)).status_code == 405
    assert console.get(page("preview", template.pk)).status_code == 405


def test_an_approver_may_look_but_not_change(client: Client, approver: User, template: Template) -> None:
    client.force_login(approver)
    assert client.get(page("change", template.pk)).status_code == 200
    assert b"Save draft" not in client.get(page("change", template.pk)).content
    assert client.post(page("change", template.pk), posted(template)).status_code == 403
    assert client.post(page("add"), {"example": ""}).status_code == 403
    for verb in ("archive", "clone", "delete", "discard", "revert", "restore"):
        assert client.post(page("act", template.pk, verb)).status_code == 403


def test_a_stranger_sees_nothing(client: Client, stranger: User, template: Template) -> None:
    client.force_login(stranger)
    for path in (
        page("changelist"), page("change", template.pk), page("versions", template.pk), page("uses", template.pk),
        page("export", template.pk), page("version", template.pk, 1), page("frame", "x"), page("people"),
        page("example", "welcome"), page("add"),
    ):  # fmt: skip
        assert client.get(path).status_code == 403, path
    assert client.post(page("preview", template.pk), {}).status_code == 403


def test_a_preview_shows_people_only_to_those_who_may_see_them(client: Client, template: Template) -> None:
    ada = Contact.objects.create(email="ada@example.com", first_name="Ada")
    writer = User.objects.create_user("dot", is_staff=True)
    writer.user_permissions.add(Permission.objects.get(codename="view_template"))
    client.force_login(writer)
    fields = {"subject": "{{ contact.first_name }}", "format": "html", "source": SOURCE}
    assert client.post(page("preview", template.pk), fields).json()["subject"] == "Robin"
    assert client.post(page("preview", template.pk), fields | {"contact": str(ada.uuid)}).status_code == 403


def test_a_file_with_half_of_a_character_is_refused_with_a_sentence(console: Client) -> None:
    file = SimpleUploadedFile(
        "t.json", b'{"format": "carillon-template", "edition": 1, "name": "\\ud800", "content": {}}'
    )
    answer = console.post(page("add"), {"file": file}, follow=True)
    assert "can&#x27;t be read" in answer.content.decode()
    assert not Template.objects.exists()
