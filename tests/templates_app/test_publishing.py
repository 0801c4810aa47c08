"""Drafts, versions and what publishing makes of them."""

import pytest
from django.db import Error, connection, transaction

from contacts.models import Contact
from core.errors import Refused
from team.models import User
from templates_app import publishing
from templates_app.models import Link, Template, TemplateVersion
from templates_app.rendering import contact_context, renderer

HTML = """<html><head>
<style>p { color: #333333 } @media (max-width: 600px) { p { font-size: 18px } }</style></head><body>
<h1>Hello {{ contact.first_name | default: "there" }}</h1>
<p>Our <a href="https://shop.example.com/new?x=1&amp;y=2">new collection</a> for {{ contact.email }} is here today.</p>
<p><a href="{{ unsubscribe_url }}">Unsubscribe</a> {{ sender.postal_address }}</p></body></html>"""


@pytest.fixture
def template(editor: User) -> Template:
    content = {"subject": "Hi {{ contact.first_name }}", "preheader": "New & good", "source": HTML}
    return publishing.create(by=editor, name="News", content=content)


@pytest.fixture
def ada(db: None) -> Contact:
    return Contact.objects.create(email="ada@example.com", first_name="Ada <b>", last_name="Example")


def test_a_published_draft_is_the_current_version_with_links_text_and_inlined_css(
    template: Template, editor: User
) -> None:
    version = publishing.publish(template, by=editor)
    template.refresh_from_db()
    assert template.current_version == version
    assert version.number == 1
    assert [link.url for link in version.links.all()] == ["https://shop.example.com/new?x=1&y=2"]
    assert 'style="color: #333333' in version.compiled_html.replace(";", "").replace("color:#", "color: #")
    assert "@media" in version.compiled_html
    assert "new collection ({% carillon_link 0 %})" in version.compiled_text
    assert version.content_hash


def test_a_rendering_fills_in_the_person_the_links_and_the_pixel(
    template: Template, editor: User, ada: Contact
) -> None:
    version = publishing.publish(template, by=editor)
    context = {**contact_context(ada), "unsubscribe_url": "https://example.com/u?a=1&b=2", "sender": {}, "campaign": {}}
    content = renderer(version).render(
        context, link=lambda row, url: f"https://t.example.com/{row.pk}", pixel='<img src="p">'
    )
    assert content.subject == "Hi Ada <b>"
    assert "Hello Ada &lt;b&gt;" in content.html
    assert f'href="https://t.example.com/{version.links.get().pk}"' in content.html
    assert 'href="https://example.com/u?a=1&amp;b=2"' in content.html
    assert '<img src="p"></body>' in content.html
    assert "New &amp; good" in content.html
    assert content.preheader == "New & good"
    assert "Unsubscribe (https://example.com/u?a=1&b=2)" in content.text
    assert "<img" not in content.text


def test_publishing_an_unchanged_draft_makes_no_new_version(template: Template, editor: User) -> None:
    first = publishing.publish(template, by=editor)
    publishing.save_draft(template, by=editor, subject="Hi {{ contact.first_name }}")
    assert publishing.publish(template, by=editor) == first
    assert publishing.publish(template, by=editor) == first
    assert template.versions.count() == 1


def test_there_is_one_draft_at_a_time_and_numbers_only_grow(template: Template, editor: User) -> None:
    publishing.save_draft(template, by=editor, subject="One")
    publishing.save_draft(template, by=editor, subject="Two")
    assert template.versions.count() == 1
    publishing.publish(template, by=editor)
    assert publishing.save_draft(template, by=editor, subject="Three").number == 2
    assert publishing.publish(template, by=editor).number == 2


def test_reverting_makes_a_new_draft_from_an_old_version(template: Template, editor: User, approver: User) -> None:
    first = publishing.publish(template, by=editor)
    publishing.save_draft(template, by=editor, subject="Two")
    publishing.publish(template, by=editor)
    draft = publishing.revert(template, first, by=approver)
    assert (draft.number, draft.subject, draft.author) == (3, first.subject, approver)
    assert publishing.publish(template, by=approver).number == 3


@pytest.mark.parametrize("change", [{"subject": "x"}, {"source": "x"}, {"compiled_html": "x"}, {"published_at": None}])
def test_a_published_version_can_not_be_changed_even_in_the_database(
    template: Template, editor: User, change: dict[str, str]
) -> None:
    version = publishing.publish(template, by=editor)
    with pytest.raises(Error, match="never changes"), transaction.atomic():
        TemplateVersion.objects.filter(pk=version.pk).update(**change)


def test_the_links_of_a_published_version_can_neither_change_nor_grow(template: Template, editor: User) -> None:
    version = publishing.publish(template, by=editor)
    with pytest.raises(Error, match="never change"), transaction.atomic():
        version.links.update(url="https://evil.example.com")
    with pytest.raises(Error, match="never change"), transaction.atomic():
        Link.objects.create(version=version, position=9, url="https://evil.example.com")


def test_a_clone_gets_a_free_name_and_the_newest_content(template: Template, editor: User) -> None:
    publishing.publish(template, by=editor)
    publishing.save_draft(template, by=editor, subject="Newer")
    copy, again = publishing.clone(template, by=editor), publishing.clone(template, by=editor)
    assert (copy.name, again.name) == ("News (copy)", "News (copy) 2")
    draft = publishing.draft_of(copy)
    assert draft is not None
    assert draft.subject == "Newer"


def test_a_template_without_users_can_be_deleted_with_its_versions(template: Template, editor: User) -> None:
    publishing.publish(template, by=editor)
    publishing.delete(template)
    assert not TemplateVersion.objects.exists()


def test_an_empty_template_can_not_be_published(editor: User) -> None:
    empty = publishing.create(by=editor, name="Empty")
    with pytest.raises(Refused, match="message is empty"):
        publishing.publish(empty, by=editor)
    assert not TemplateVersion.objects.exclude(published_at=None).exists()


def test_a_name_is_taken_once(template: Template, editor: User) -> None:
    with pytest.raises(Refused, match="already a template"):
        publishing.create(by=editor, name="News")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"source": "a\x00b"}, "bad_character"),
        ({"source": "x" * 600_000}, "too_large"),
        ({"format": "docx"}, "unknown_format"),
        ({"subject": "x" * 401}, "too_long"),
        ({"compiled_html": "x"}, "unknown_field"),
    ],
)
def test_a_draft_that_could_not_be_kept_is_refused(
    template: Template, editor: User, fields: dict[str, str], code: str
) -> None:
    with pytest.raises(Refused) as refused:
        publishing.save_draft(template, by=editor, **fields)
    assert refused.value.code == code


def test_a_preview_of_a_draft_renders_like_its_publication(template: Template, editor: User, ada: Contact) -> None:
    draft = publishing.draft_of(template)
    assert draft is not None
    before = publishing.preview(draft, contact=ada)
    after = publishing.preview(publishing.publish(template, by=editor), contact=ada)
    assert before.content == after.content
    assert before.findings == after.findings


def test_previews_without_a_contact_use_example_values(template: Template) -> None:
    draft = publishing.draft_of(template)
    assert draft is not None
    seen = publishing.preview(draft)
    assert seen.content.subject == "Hi Robin"
    assert seen.missing == []


def test_publishing_asks_the_database_a_handful_of_questions(template: Template, editor: User) -> None:
    with connection.execute_wrapper(_count := _Counter()):
        publishing.publish(template, by=editor)
    assert _count.total < 15


class _Counter:
    total = 0

    def __call__(self, execute, sql, params, many, context):  # type: ignore[no-untyped-def]
        self.total += 1
        return execute(sql, params, many, context)
