"""Delivery's pages about other objects: a campaign's recipients, and why a person did or didn't get it."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.views.decorators import staff_member_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from campaigns.models import Campaign
from contacts import identity, naming
from core.errors import Refused
from delivery import sandbox, trying, why
from delivery.models import Message, SandboxMail
from events import names
from templates_app.models import TemplateVersion

PAGE = 50
# A mail is somebody's HTML: it may show itself and open its links in a new tab, and nothing more.
MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src http: https: data:; "
    "style-src 'unsafe-inline'; font-src https:; frame-ancestors 'self'"
)
View = Callable[..., HttpResponse]


def _needs(permission: str) -> Callable[[View], View]:
    """Only people of the team who hold `permission`: others sign in or are told no."""

    def wrap(view: View) -> View:
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.has_perm(permission):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        guarded.__name__ = view.__name__
        return staff_member_required(guarded)

    return wrap


def _console(request: HttpRequest, title: str, **context: Any) -> dict[str, Any]:
    return {**admin.site.each_context(request), "title": title, **context}


@_needs("campaigns.view_campaign")
@require_safe
def recipients(request: HttpRequest, campaign: str) -> HttpResponse:
    """Everyone in a campaign's ledger, newest row first, a page at a time by key."""
    subject = get_object_or_404(Campaign, uuid=campaign)
    rows = Message.objects.filter(run__campaign=subject).select_related("contact", "variant").order_by("-id")
    state, reason = request.GET.get("state", ""), request.GET.get("reason", "")
    rows = rows.filter(state=state) if state in Message.State.values else rows
    rows = rows.filter(reason=reason[:30].replace("\x00", "")) if reason else rows
    who = request.GET.get("q", "").strip()
    if who:
        found = naming.person(who)
        rows = rows.filter(contact__in=identity.keys(found)) if found else rows.none()
    before = request.GET.get("before", "")
    page = list((rows.filter(pk__lt=int(before)) if before.isdecimal() and len(before) < 19 else rows)[: PAGE + 1])
    context = _console(
        request,
        f"Recipients of {subject.name}",
        campaign=subject,
        rows=[(row, why.reason_label(row.reason) if row.reason else "") for row in page[:PAGE]],
        next_before=page[PAGE - 1].pk if len(page) > PAGE else None,
        states=Message.State.choices,
        state=state,
        reason=reason,
        who=who,
    )
    return render(request, "delivery/recipients.html", context)


@_needs("campaigns.view_campaign")
@require_safe
def why_page(request: HttpRequest, campaign: str) -> HttpResponse:
    """Why one person did or didn't get a campaign; without a person, a field to name one."""
    subject = get_object_or_404(Campaign, uuid=campaign)
    asked = request.GET.get("contact", "")
    contact = naming.person(asked)
    explanation = why.explain(subject, contact) if contact else None
    context = _console(
        request,
        f"Why did or didn't they get “{subject.name}”?",
        campaign=subject,
        asked=asked,
        contact=contact,
        explanation=explanation,
        happened=[(event, names.words(event.name)) for event in explanation.events] if explanation else [],
    )
    return render(request, "delivery/why.html", context)


@_needs("templates_app.change_template")
@require_POST
def test_send(request: HttpRequest) -> HttpResponse:
    """Send a template's version to one contact and go back to where the form was."""
    version = _version(request.POST.get("version", ""))
    asked = request.POST.get("to", "")
    contact = naming.person(asked)
    if contact is None:
        messages.error(request, f"There is no contact “{asked[:100]}”. Tests go to contacts: add this one first.")
    else:
        try:
            trying.send_test(version, to=contact)
            messages.success(request, f"Test sent to {contact.email}.")
        except Refused as refused:
            messages.error(request, refused.message)
    back = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}):
        back = reverse("admin:templates_app_template_changelist")
    return HttpResponseRedirect(back)


def _version(named: str) -> TemplateVersion:
    try:
        return get_object_or_404(TemplateVersion.objects.select_related("template"), uuid=UUID(named))
    except ValueError as error:
        raise Http404 from error


@_needs("delivery.view_sandboxmail")
@require_safe
def sandbox_body(request: HttpRequest, pk: int) -> HttpResponse:
    """The HTML of a received mail, for a sandboxed frame: no script runs, and links open a new tab."""
    mail = get_object_or_404(SandboxMail, pk=pk)
    part = sandbox.part_of(bytes(mail.raw), "html", "plain")
    is_plain = part is not None and part.get_content_type() == "text/plain"
    response = HttpResponse(
        sandbox.text_of(part), content_type=f"text/{'plain' if is_plain else 'html'}; charset=utf-8"
    )
    response["Content-Security-Policy"] = MAIL_POLICY  # whole: the console's own may not add to it
    return response
