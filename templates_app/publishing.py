"""Drafts and versions: saving, publishing, going back, copying. What is published never changes again."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import ProtectedError
from django.utils import timezone

from contacts.models import Contact
from core.errors import Refused
from team.models import User
from templates_app import bounded, catalogue
from templates_app.compiling import MAX_SOURCE, Compiled
from templates_app.links import FoundLink
from templates_app.models import Link, Template, TemplateVersion
from templates_app.rendering import Content, Renderer, contact_context, renderer

CONTENT = ("subject", "preheader", "format", "source", "text_source")
TRANSACTIONAL = "transactional"


@transaction.atomic
def create(*, by: User | None, name: str, content: dict[str, str] | None = None, **fields: Any) -> Template:
    """A new template with a first draft."""
    if Template.objects.filter(name=name).exists():
        raise Refused("name_taken", f"There is already a template called “{name}”. Choose another name.")
    template = Template.objects.create(name=name, created_by=by, **fields)
    save_draft(template, by=by, **(content or {}))
    return template


@transaction.atomic
def change(
    template: Template, *, by: User | None, content: dict[str, str], seen: str | None = None, **about: Any
) -> Template:
    """Rename or reclassify the template and keep `content`, if it differs, in its draft."""
    name = about.get("name", template.name)
    if Template.objects.filter(name=name).exclude(pk=template.pk).exists():
        raise Refused("name_taken", f"There is already a template called “{name}”. Choose another name.")
    for field, value in about.items():
        setattr(template, field, value)
    template.save(update_fields=[*about, "updated_at"])
    newest = draft_of(template) or template.current_version
    if newest is None or any(getattr(newest, name, None) != value for name, value in content.items()):
        save_draft(template, by=by, seen=seen, **content)
    return template


@transaction.atomic
def save_draft(template: Template, *, by: User | None, seen: str | None = None, **fields: str) -> TemplateVersion:
    """Keep `fields` (of CONTENT) in the template's one draft, which starts as a copy of the current version.

    With `seen`, the `mark` of what its editor started from, it is Refused if someone else saved meanwhile.
    """
    _check(fields)
    locked = _lock(template)
    if seen is not None and seen != mark(locked):
        raise Refused("changed_meanwhile", _overtaken(locked))
    draft = draft_of(locked) or _new_draft(locked)
    for name, value in fields.items():
        setattr(draft, name, value)
    draft.author = by
    draft.save()
    Template.objects.filter(pk=template.pk).update(updated_at=timezone.now())
    return draft


@transaction.atomic
def publish(template: Template, *, by: User | None) -> TemplateVersion:
    """Make the draft the current version, for good. An unchanged draft makes no new version. Refused if it can't be."""
    locked = _lock(template)
    draft, current = draft_of(locked), locked.current_version
    if draft is None:
        if current is None:
            raise Refused("nothing_to_publish", "There is no draft to publish yet. Write the message first.")
        return current
    if current is not None and current.content_hash == content_hash(draft):
        draft.delete()
        return current
    return _publish(draft, by=by)


def _publish(draft: TemplateVersion, *, by: User | None) -> TemplateVersion:
    compiled = compile_version(draft)
    Link.objects.bulk_create(
        Link(version=draft, position=position, url=link["url"], text=link["text"])
        for position, link in enumerate(compiled.links)
    )
    draft.compiled_html, draft.compiled_text, draft.findings = compiled.html, compiled.text, compiled.findings
    draft.content_hash, draft.published_at, draft.published_by = content_hash(draft), timezone.now(), by
    draft.save()
    draft.template.current_version = draft
    draft.template.save(update_fields=["current_version", "updated_at"])
    return draft


@transaction.atomic
def revert(template: Template, version: TemplateVersion, *, by: User | None) -> TemplateVersion:
    """A new draft with the content of an older version; the history stays as it is."""
    if version.template_id != template.pk:
        raise Refused("other_template", "This version belongs to another template.")
    return save_draft(template, by=by, **content_of(version))


@transaction.atomic
def clone(template: Template, *, by: User | None, name: str = "") -> Template:
    """A copy of the template with its draft, or else its current version, as the draft."""
    newest = draft_of(template) or template.current_version
    return create(
        by=by,
        name=name or free_name(f"{template.name} (copy)"),
        content=content_of(newest) if newest else None,
        description=template.description,
        channel=template.channel,
        category=template.category,
        language=template.language,
    )


def archive(template: Template) -> None:
    """Out of sight; campaigns that use it go on."""
    Template.objects.filter(pk=template.pk, archived_at=None).update(archived_at=timezone.now())


def restore(template: Template) -> None:
    Template.objects.filter(pk=template.pk).update(archived_at=None)


@transaction.atomic
def discard_draft(template: Template) -> None:
    """Throw the draft away; Refused if nothing would be left."""
    if template.current_version_id is None:
        raise Refused("nothing_left", "The draft is all there is. Publish it first, or delete the template.")
    template.versions.filter(published_at=None).delete()


@transaction.atomic
def delete(template: Template) -> None:
    """Remove a template that nothing uses; Refused with the names of what does."""
    # Whoever picks it at this moment waits for the lock, and then finds it gone or is named here.
    Template.objects.select_for_update().get(pk=template.pk)
    users = used_by(template)
    if users:
        named = ", ".join(f"“{name}”" for name in users[:5]) + (" and others" if len(users) > 5 else "")
        raise Refused("in_use", f"“{template}” is used by {named}. Archive it instead.")
    Template.objects.filter(pk=template.pk).update(current_version=None)
    try:
        Template.objects.get(pk=template.pk).delete()
    except ProtectedError as error:  # something else holds on to it, or to one of its versions
        named = ", ".join(f"“{one}”" for one in list(error.protected_objects)[:5])
        raise Refused("in_use", f"“{template}” is used by {named}. Archive it instead.") from error


def used_by(template: Template) -> list[str]:
    """The names of the campaigns, and of the campaign templates, with a variant of this template, newest first."""
    variants = template.variants.select_related("campaign").order_by("-campaign_id")
    kept = template.kept_variants.select_related("kept_in").order_by("-kept_in_id")
    return list(dict.fromkeys([str(row.campaign) for row in variants] + [str(row.kept_in) for row in kept]))


def mark(template: Template) -> str:
    """What an editor starts from: it changes with every save and publication."""
    newest = draft_of(template) or template.current_version
    return f"{newest.number}@{newest.updated_at.isoformat()}" if newest else ""


def draft_of(template: Template) -> TemplateVersion | None:
    return template.versions.filter(published_at=None).first()


def content_of(version: TemplateVersion) -> dict[str, str]:
    return {name: getattr(version, name) for name in CONTENT}


def content_hash(version: TemplateVersion) -> str:
    """SHA-256 of what its author wrote; equal hashes send equal messages."""
    return hashlib.sha256(json.dumps(content_of(version), sort_keys=True).encode()).hexdigest()


def compile_version(version: TemplateVersion) -> Compiled:
    """What `version` becomes, without keeping it. Raises bounded.Uncompilable with the field and line."""
    return bounded.compile_draft(
        {
            **content_of(version),
            "known": sorted(catalogue.names()),
            "is_transactional": version.template.category.lower() == TRANSACTIONAL,
        }
    )


@dataclass(frozen=True, slots=True)
class Preview:
    """A rendering for the console: the content, what linting says, and which variables this person lacks."""

    content: Content
    findings: list[dict[str, Any]]
    missing: list[str]


def preview(version: TemplateVersion, *, contact: Contact | None = None, data: dict[str, Any] | None = None) -> Preview:
    """`version` (a draft, saved or not, or a published one) as `contact` would get it. RenderError or Refused if not.

    Without a contact every variable has an example value; `data` goes on top.
    """
    context = catalogue.example_context()
    context |= contact_context(contact) if contact else {}
    context |= data or {}
    if version.is_published:
        made, findings = renderer(version), version.findings
    else:
        compiled = compile_version(version)
        made, findings = _made(version, compiled), compiled.findings
    return Preview(made.render(context), findings, made.undefined(context))


def renderer_of(version: TemplateVersion) -> Renderer:
    """The renderer of any version; a draft is compiled for the occasion, as a preview or a test send needs it."""
    return renderer(version) if version.is_published else _made(version, compile_version(version))


def _made(version: TemplateVersion, compiled: Compiled) -> Renderer:
    links = [FoundLink(position, link["url"], link["text"]) for position, link in enumerate(compiled.links)]
    return Renderer(
        subject=version.subject, preheader=version.preheader, html=compiled.html, text=compiled.text, links=links
    )


def free_name(name: str) -> str:
    """`name`, or the first of `name 2`, `name 3` ... that no template has."""
    name = name[:110]
    taken = set(Template.objects.filter(name__startswith=name).values_list("name", flat=True))
    candidates = (f"{name} {number}" for number in range(2, len(taken) + 3))
    return name if name not in taken else next(free for free in candidates if free not in taken)


def _check(fields: dict[str, str]) -> None:
    unknown = fields.keys() - set(CONTENT)
    if unknown:
        raise Refused("unknown_field", f"A draft has no field called {', '.join(sorted(unknown))}.")
    if any("\x00" in value for value in fields.values()):
        raise Refused("bad_character", "The text holds a NUL character, which no message can carry. Remove it.")
    if sum(map(len, fields.values())) > MAX_SOURCE:
        raise Refused("too_large", f"The template is larger than {MAX_SOURCE // 1024} KB. Shorten it.")
    if max(len(fields.get("subject", "")), len(fields.get("preheader", ""))) > 400:
        raise Refused("too_long", "Subject and preheader may have at most 400 characters each.")
    if fields.get("format", "html") not in TemplateVersion.Format.values:
        raise Refused("unknown_format", "The format is either html or mjml.")


def _lock(template: Template) -> Template:
    # Two people saving at once would otherwise both find no draft, or take the same number.
    return Template.objects.select_for_update(of=("self",)).select_related("current_version").get(pk=template.pk)


def _overtaken(template: Template) -> str:
    newest = draft_of(template) or template.current_version
    who = newest.author if newest and newest.author else "Someone"
    return (
        f"{who} saved this template while you were editing, and nothing was overwritten. "
        "Copy what you need from here, then load the page again."
    )


def _new_draft(template: Template) -> TemplateVersion:
    newest = template.versions.order_by("-number").first()
    content = content_of(template.current_version) if template.current_version else {}
    return TemplateVersion(template=template, number=newest.number + 1 if newest else 1, **content)
