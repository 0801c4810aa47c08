"""The console's pages of one segment: overview, form, members, why someone is in or out; and what the form asks."""

from dataclasses import asdict
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from contacts import naming
from contacts.models import Contact
from core.errors import Refused
from events import names
from segments import (
    behaviour,
    chart,
    definition,
    earning_pages,
    fields,
    insight,
    membership,
    mongo,
    progress,
    rules,
    suggestions,
    uses,
)
from segments import preview as previewing
from segments.access import need, segment_of
from segments.forms import ListForm, PeopleForm, SegmentForm
from segments.membership import Change
from segments.models import Segment
from segments.operators.base import SIGNS
from segments.representations import field_as_json
from segments.rules import Line, RuleError
from team.models import User

PAGE = 50
NEWEST = 8
WORDS = {
    names.MESSAGE_SENT: "Messages sent",
    names.OPENED: "Opened",
    names.CLICKED: "Clicked",
    names.UNSUBSCRIBED: "Unsubscribed",
    names.BOUNCED: "Bounced",
    names.COMPLAINED: "Complained",
}


@require_safe
def show(request: HttpRequest, pk: int) -> HttpResponse:
    segment = segment_of(request, pk)
    points = insight.growth(segment)
    context: dict[str, Any] = {
        "words": _in_words(segment),
        "newest": segment.memberships.select_related("contact").order_by("-contact_id")[:NEWEST],
        "chart": chart.draw(points),
        "points": points[-30:],
        "used_by": uses.of(segment),
        "progress": progress.of(pk),
    }
    context["is_refreshing"] = bool(context["progress"] or (segment.asks_rules and segment.stale_since))
    return _page(request, "show", segment, context | earning_pages.context(segment))


@require_safe
def engagement(request: HttpRequest, pk: int) -> HttpResponse:
    """What members did with messages: a page of its own, because it reads the log."""
    segment = segment_of(request, pk)
    try:
        rows = [(WORDS[name], row) for name, row in insight.engagement(segment).items()]
        context: dict[str, Any] = {"engagement": rows, "days": insight.GROWTH_DAYS}
    except Refused as refused:
        context = {"too_slow": refused.message}
    return _page(request, "engagement", segment, context)


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """Make a segment, or change one."""
    segment = segment_of(request, pk, "segments.change_segment") if pk else None
    need(request, "segments.change_segment" if pk else "segments.add_segment")
    if request.method != "POST":
        shown = rules.dumps(segment.rules if segment and segment.rules else rules.EVERYONE)
        return _form_page(request, segment, SegmentForm(instance=segment, initial={"rules": shown}))
    form = SegmentForm(request.POST, instance=segment)
    if form.is_valid():
        try:
            return _save(request, segment, form.cleaned_data)
        except Refused as refused:
            form.add_error(None, refused.message)
    return _form_page(request, segment, form, status=422)


@require_http_methods(["GET", "HEAD", "POST"])
def members(request: HttpRequest, pk: int) -> HttpResponse:
    """Who is in, by key and never by offset; for a static segment also who comes in."""
    segment = segment_of(request, pk)
    form = PeopleForm(request.POST if request.method == "POST" else None)
    if request.method == "POST":
        need(request, "segments.change_segment")
        if form.is_valid():
            return _add(request, segment, form.cleaned_data["people"])
    before = request.GET.get("before", "")
    rows = segment.memberships.select_related("contact").order_by("-contact_id")
    if before.isdecimal() and len(before) < 19:
        rows = rows.filter(contact_id__lt=int(before))
    page = list(rows[: PAGE + 1])
    context = {"rows": page[:PAGE], "next": page[PAGE - 1].contact_id if len(page) > PAGE else None, "form": form}
    return _page(request, "members", segment, context | {"is_first": not before, "list_form": ListForm()})


def _add(request: HttpRequest, segment: Segment, people: list[Contact]) -> HttpResponse:
    try:
        change = membership.add(segment, people)
        messages.success(request, f"Added: {change.entered:,}.")
    except Refused as refused:
        messages.error(request, refused.message)
    return redirect("admin:segments_segment_members", segment.pk)


@require_POST
def remove(request: HttpRequest, pk: int, contact: int) -> HttpResponse:
    """Take one person out of a static segment or a snapshot."""
    segment = segment_of(request, pk, "segments.change_segment")
    member = get_object_or_404(segment.memberships.select_related("contact"), contact_id=contact)
    try:
        membership.remove(segment, [member.contact])
        messages.success(request, f"{member.contact} was taken out.")
    except Refused as refused:
        messages.error(request, refused.message)
    return redirect("admin:segments_segment_members", segment.pk)


@require_safe
def explain(request: HttpRequest, pk: int) -> HttpResponse:
    """Why somebody is in or out."""
    segment = segment_of(request, pk)
    who = request.GET.get("contact", "")
    contact = naming.person(who)
    context: dict[str, Any] = {"who": who, "contact": contact, "is_unknown": bool(who.strip()) and contact is None}
    if contact is not None:
        try:
            context["explanation"] = membership.explain(segment, contact)
        except Refused as refused:
            messages.error(request, refused.message)
    return _page(request, "explain", segment, context)


@require_POST
def refresh(request: HttpRequest, pk: int) -> HttpResponse:
    segment = segment_of(request, pk, "segments.change_segment")
    try:
        messages.success(request, _told(definition.refresh(segment)))
    except Refused as refused:
        messages.error(request, refused.message)
    return redirect("admin:segments_segment_change", segment.pk)


def _told(change: Change | None) -> str:
    if change is None:
        return "Its members are being worked out. This page shows how far it is."
    return f"Refreshed: {change.entered:,} came in, {change.left:,} left, {change.size:,} now."


@require_safe
def refreshing(request: HttpRequest, pk: int) -> HttpResponse:
    """How far the refresh is, as a part of the page that is loaded again and again."""
    segment = segment_of(request, pk)
    return render(request, "segments/refreshing.html", {"segment": segment, "progress": progress.of(pk)})


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Asks first, and says what stands in the way."""
    segment = segment_of(request, pk, "segments.delete_segment")
    if request.method == "POST":
        try:
            definition.delete(segment)
        except Refused as refused:
            messages.error(request, refused.message)
            return redirect("admin:segments_segment_change", pk)
        messages.success(request, f"The segment “{segment}” was deleted.")
        return redirect("admin:segments_segment_changelist")
    return _page(request, "delete", segment, {"used_by": uses.of(segment)})


@require_POST
def preview(request: HttpRequest) -> JsonResponse:
    """Size and sample for the rules in the request's body, while they are being written; ?quick=1 for an estimate."""
    need(request, "segments.view_segment")
    assert isinstance(request.user, User)  # noqa: S101  admin_view let nobody else through
    try:
        found = previewing.of(_rules_in(request), by=request.user, is_quick="quick" in request.GET)
    except Refused as refused:
        return _refusal(refused)
    sample = [
        {
            "name": str(contact),
            "email": contact.email or "",
            "url": reverse("admin:contacts_contact_change", args=[contact.pk]),
        }
        for contact in found.sample
    ]
    facts = {
        "size": found.size,
        "between": found.between,
        "base": found.base,
        "percent": found.percent,
        "warning": found.warning,
    }
    return JsonResponse(facts | {"sample": sample, "words": asdict(found.words)})


@require_POST
def read(request: HttpRequest) -> JsonResponse:
    """Rules that somebody pasted, in the form that the builder shows."""
    need(request, "segments.view_segment")
    try:
        raw = _rules_in(request)
        rules.parse(raw)
    except Refused as refused:
        return _refusal(refused)
    return JsonResponse({"rules": raw})


def _rules_in(request: HttpRequest) -> Any:
    return mongo.translated(rules.loads(request.body.decode(errors="replace")))


def _refusal(refused: Refused) -> JsonResponse:
    problems = refused.problems if isinstance(refused, RuleError) else []
    said = {"message": refused.message, "code": refused.code, "problems": [asdict(problem) for problem in problems]}
    return JsonResponse(said, status=400)


@require_safe
def suggest(request: HttpRequest) -> JsonResponse:
    """Values that people really have, or names of events, while one is being typed."""
    need(request, "segments.view_segment")
    asked, typed = request.GET, request.GET.get("q", "")
    try:
        if "events" in asked:
            found = suggestions.event_names(typed)
        elif "property" in asked:
            found = suggestions.values_of_property(asked.get("event", ""), asked["property"], typed)
        elif "event" in asked:
            found = suggestions.properties_of(asked["event"], typed)
        else:
            found = suggestions.values_of(asked.get("field", ""), typed)
    except Refused as refused:  # they took too long: one types without them
        return JsonResponse({"values": [], "message": refused.message})
    return JsonResponse({"values": found})


def _save(request: HttpRequest, segment: Segment | None, cleaned: dict[str, Any]) -> HttpResponse:
    given = {key: cleaned[key] for key in ("name", "description", "rules")}
    if segment is None:
        assert isinstance(request.user, User)  # noqa: S101  admin_view let nobody else through
        saved = definition.create(kind=cleaned["kind"], by=request.user, **given)
    else:
        saved = definition.change(Segment.objects.get(pk=segment.pk), **given)
    is_ready = saved.refreshed_at is not None
    messages.success(request, f"Saved: {saved.size:,} people." if is_ready else "Saved. Members are being worked out.")
    return redirect("admin:segments_segment_change", saved.pk)


def _form_page(request: HttpRequest, segment: Segment | None, form: SegmentForm, status: int = 200) -> HttpResponse:
    context = {
        "form": form,
        "problems": [asdict(problem) for problem in form.problems],
        "catalogue": {
            "fields": [field_as_json(field) for field in fields.everything(fields.Catalogue())],
            "behaviour": behaviour.describe(),
            "signs": SIGNS,
        },
    }
    return _page(request, "edit", segment, context, status=status)


def _page(
    request: HttpRequest, name: str, segment: Segment | None, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    every = {
        "title": str(segment) if segment else "New segment",
        "segment": segment,
        "original": segment,
        "current": name,
        "opts": Segment._meta,
        "may_change": request.user.has_perm("segments.change_segment"),
        "may_delete": request.user.has_perm("segments.delete_segment"),
    }
    return render(request, f"segments/{name}.html", admin.site.each_context(request) | every | context, status=status)


def _in_words(segment: Segment) -> Line | None:
    if segment.is_static:
        return None
    try:
        return rules.in_words(rules.parse(segment.rules))
    except RuleError as error:
        return Line(error.message, ())
