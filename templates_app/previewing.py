"""What the editor shows beside the source: the message as one person would get it, in a frame that can do nothing."""

import secrets
from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.db.models import Max, Min
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_POST, require_safe

from contacts import lists, naming
from contacts.models import Contact
from core.errors import Refused
from templates_app import gallery, publishing
from templates_app.bounded import Uncompilable
from templates_app.forms import PreviewForm
from templates_app.models import Template, TemplateVersion
from templates_app.rendering import RenderError

KEPT_SECONDS = 60  # a frame asks at once, and a preview is made with every pause in typing
EXAMPLES_KEPT_SECONDS = 3600
# A message is somebody's HTML: it may show itself and pictures, and nothing more.
POLICY = "sandbox; default-src 'none'; img-src https: data:; style-src 'unsafe-inline'; frame-ancestors 'self'"
MOST_FOUND = 8


@require_POST
def preview(request: HttpRequest, pk: int) -> HttpResponse:
    """JSON for the editor: subject, text, findings, and the address of the HTML; or an error with its line."""
    _may_look(request)
    template = get_object_or_404(Template, pk=pk)
    form = PreviewForm(request.POST)
    if not form.is_valid():
        where, errors = next(iter(form.errors.items()))
        return JsonResponse({"error": {"message": f"{where.replace('_', ' ').capitalize()}: {errors[0]}"}})
    version = TemplateVersion(template=template, number=0, **form.content())
    return JsonResponse(_shown(version, _chosen(request, form.cleaned_data["contact"])))


def _chosen(request: HttpRequest, asked: UUID | None) -> Contact | None:
    if asked is None:
        return None
    _may_see_contacts(request)
    return Contact.objects.reachable().filter(uuid=asked).first()


def _shown(version: TemplateVersion, contact: Contact | None) -> dict[str, Any]:
    try:
        shown = publishing.preview(version, contact=contact)
    except Uncompilable as error:
        return {"error": {"message": error.message, "where": error.where, "line": error.line}}
    except (RenderError, Refused) as error:
        return {"error": {"message": str(error)}}
    token = secrets.token_urlsafe(16)
    cache.set(_key(token), shown.content.html, KEPT_SECONDS)
    return {
        "subject": shown.content.subject,
        "preheader": shown.content.preheader,
        "text": shown.content.text,
        "bytes": len(shown.content.html.encode()),
        "findings": shown.findings,
        "missing": shown.missing,
        "token": token,
    }


@require_safe
def frame(request: HttpRequest, token: str) -> HttpResponse:
    """The HTML of a preview made a moment ago."""
    _may_look(request)
    gone = "<p style='font-family:sans-serif;color:#666'>This preview is too old. Change something to see it again.</p>"
    return _framed(cache.get(_key(token), gone))


@require_safe
def version_frame(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """A stored version with example values."""
    _may_look(request)
    version = get_object_or_404(TemplateVersion.objects.select_related("template"), template=pk, number=number)
    return _framed(_html_or_reason(version))


@require_safe
def example_frame(request: HttpRequest, key: str) -> HttpResponse:
    """A gallery message with example values."""
    _may_look(request)
    html = cache.get(_key(f"gallery:{key}"))
    if html is None:
        example = _example(key)
        version = TemplateVersion(template=Template(category=example.category), number=0, **example.content)
        html = _html_or_reason(version)
        cache.set(_key(f"gallery:{key}"), html, EXAMPLES_KEPT_SECONDS)
    return _framed(html)


def _example(key: str) -> gallery.Example:
    try:
        return gallery.find(key)
    except Refused as refused:
        raise Http404 from refused


@require_safe
def people(request: HttpRequest) -> HttpResponse:
    """Whom to preview as: the first few that match, or somebody at random."""
    _may_see_contacts(request)
    asked = request.GET.get("q", "").strip()[:100]
    found = _called(asked) if asked else _anyone()
    return JsonResponse({"people": [{"id": str(one.uuid), "label": _label(one)} for one in found]})


def _called(asked: str) -> list[Contact]:
    """Whoever is called exactly so, by a former name as well; else the first few whose names begin like this."""
    if exactly := naming.reachable(asked):
        return [exactly]
    reachable = Contact.objects.reachable()
    keys = lists.first_found(reachable, asked, MOST_FOUND)[:MOST_FOUND]
    found = reachable.in_bulk(keys)
    return [found[key] for key in keys if key in found]


def _anyone() -> list[Contact]:
    """Someone at random, by a jump into the key: ORDER BY random() would read all rows of a million."""
    ends = Contact.objects.aggregate(low=Min("pk"), high=Max("pk"))
    if ends["low"] is None:
        return []
    jump = ends["low"] + secrets.randbelow(ends["high"] - ends["low"] + 1)
    return list(Contact.objects.reachable().filter(pk__gte=jump).order_by("pk")[:1])


def _label(contact: Contact) -> str:
    return f"{contact.full_name} ({contact.email})" if contact.full_name and contact.email else str(contact)


def _html_or_reason(version: TemplateVersion) -> str:
    try:
        return publishing.preview(version).content.html
    except (RenderError, Refused):
        return "<p style='font-family:sans-serif;color:#666'>This version can't be shown.</p>"


def _framed(html: str) -> HttpResponse:
    response = HttpResponse(html)
    response["Content-Security-Policy"] = POLICY
    response["Cache-Control"] = "private, no-store"
    return response


def _key(token: str) -> str:
    return f"template-preview:{token}"


def _may_see_contacts(request: HttpRequest) -> None:
    if not request.user.has_perm("contacts.view_contact"):
        raise PermissionDenied


def _may_look(request: HttpRequest) -> None:
    if not request.user.has_perm("templates_app.view_template"):
        raise PermissionDenied
