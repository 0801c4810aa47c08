"""The console's pages of one campaign: its overview, its form, what its buttons do; and the approvals that wait."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from campaigns import (
    actions,
    approval,
    audience,
    carriers,
    collaboration,
    editing,
    lifecycle,
    members,
    overview,
    previewing,
)
from campaigns.forms import CampaignForm, TestForm, VariantForms, VerbForm, WhenForm
from campaigns.models import Approval, Campaign, CampaignTemplate
from campaigns.overview import Failed
from contacts import naming
from contacts.models import Contact
from core.errors import Refused
from segments.models import Segment
from team.models import User

MOST_TEMPLATES = 6  # offered above the form of a new campaign; their own page shows all
# A preview is somebody's HTML: it may show itself and nothing more.
PREVIEW_POLICY = (
    "sandbox; default-src 'none'; img-src https: http: data:; style-src 'unsafe-inline'; font-src https:; "
    "frame-ancestors 'self'"
)


@require_safe
def show(request: HttpRequest, pk: str) -> HttpResponse:
    return page(request, campaign_for(request, pk))


@require_POST
def act(request: HttpRequest, pk: str, verb: str) -> HttpResponse:
    """Do what a button says; refused, the page comes back with its dialog open and nothing lost."""
    campaign = campaign_for(request, pk)
    if verb not in actions.ACTIONS:
        raise Http404
    form = (WhenForm if actions.ACTIONS[verb].has_time else VerbForm)(request.POST)
    try:
        if not form.is_valid():
            raise Refused("invalid", " ".join(str(error) for errors in form.errors.values() for error in errors))
        result = actions.perform(verb, campaign, by=signed_in(request), given=form.cleaned_data)
    except Refused as refused:
        failed = Failed(verb, refused.message, request.POST.dict())
        return page(request, campaign_for(request, pk), failed, status=409)
    messages.success(request, actions.ACTIONS[verb].done)
    if request.POST.get("back") == "approvals":
        return redirect("admin:campaigns_campaign_approvals")
    return redirect("admin:campaigns_campaign_change", result.pk)


@require_POST
def comment(request: HttpRequest, pk: str) -> HttpResponse:
    campaign = campaign_for(request, pk)
    parent_id = request.POST.get("parent", "")
    is_number = parent_id.isdecimal() and len(parent_id) < 19
    parent = campaign.comments.filter(pk=parent_id).first() if is_number else None
    body = request.POST.get("body", "")
    try:
        said = collaboration.comment(campaign, by=signed_in(request), body=body, parent=parent)
    except Refused as refused:
        failed = Failed("comment", refused.message, {"body": body, "parent": parent_id})
        return page(request, campaign, failed, status=409)
    return redirect(f"{reverse('admin:campaigns_campaign_change', args=[campaign.pk])}#comment-{said.pk}")


@require_POST
def people(request: HttpRequest, pk: str) -> HttpResponse:
    """Say who works on it: each person's part is a field `part-<id>`."""
    campaign = campaign_for(request, pk)
    parts: dict[str, list[User]] = {"owner": [], "editor": [], "viewer": []}
    for person in members.eligible():
        parts.get(request.POST.get(f"part-{person.pk}", ""), []).append(person)
    try:
        if len(parts["owner"]) > 1:
            raise Refused("two_owners", "A campaign has one owner. Choose one person.")
        members.choose(
            campaign,
            by=signed_in(request),
            owner=next(iter(parts["owner"]), None),
            editors=parts["editor"],
            viewers=parts["viewer"],
        )
    except Refused as refused:
        return page(request, campaign, Failed("people", refused.message, request.POST.dict()), status=409)
    messages.success(request, "Saved who works on it.")
    return redirect("admin:campaigns_campaign_change", campaign.pk)


@require_POST
def test(request: HttpRequest, pk: str, key: str) -> HttpResponse:
    """Send one variant to one contact, as a test."""
    campaign = campaign_for(request, pk)
    variant = get_object_or_404(campaign.variants.select_related("campaign__sender", "template", "version"), key=key)
    try:
        contact = _test_contact(TestForm(request.POST))
        carriers.send_test(variant, to=contact, by=signed_in(request))
    except Refused as refused:
        return page(request, campaign, Failed(f"test-{key}", refused.message, request.POST.dict()), status=409)
    messages.success(request, f"Test sent to {contact.email}.")
    return redirect("admin:campaigns_campaign_change", campaign.pk)


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, pk: str | None = None) -> HttpResponse:
    """Create a campaign, or change one that may still be changed."""
    user = signed_in(request)
    campaign = _editable(request, pk) if pk else None
    if campaign is None and not user.has_perm("campaigns.add_campaign"):
        raise PermissionDenied
    if isinstance(campaign, HttpResponse):
        return campaign
    if request.method != "POST":
        kept = None if campaign else _kept(request)
        form = _form(campaign or kept, user)
        variants = VariantForms(initial=_variants(campaign or kept), prefix="variants")
        return _form_page(request, campaign, form, variants, kept=kept)
    form, variants = CampaignForm(request.POST), VariantForms(request.POST, prefix="variants")
    if form.is_valid() and variants.is_valid():
        try:
            return _save(request, campaign, form, variants)
        except Refused as refused:
            form.add_error(None, refused.message)
    return _form_page(request, campaign, form, variants, status=422)


@require_safe
def audience_size(request: HttpRequest) -> HttpResponse:
    """How many people the ticked segments hold now, for the form."""
    need(request, "campaigns.view_campaign")
    included, excluded = _segment_ids(request, "segments"), _segment_ids(request, "excluded_segments")
    return JsonResponse({"count": audience.count_named_by(included, excluded)})


@require_safe
def checks(request: HttpRequest, pk: str) -> HttpResponse:
    """The pre-flight panel by itself, for audiences that take a while to count."""
    campaign = campaign_for(request, pk)
    return render(request, "campaigns/checks.html", {"campaign": campaign, **overview.checks(campaign)})


@require_safe
@xframe_options_sameorigin
def preview(request: HttpRequest, pk: str, key: str) -> HttpResponse:
    """One variant as somebody of the audience would see it, in a page that may do nothing."""
    campaign = campaign_for(request, pk)
    variant = get_object_or_404(campaign.variants.select_related("campaign__sender", "template", "version"), key=key)
    try:
        html = previewing.content(variant, previewing.somebody(campaign)).html
    except Refused as refused:
        return _sealed(render(request, "campaigns/no_preview.html", {"message": refused.message}))
    return _sealed(HttpResponse(html))


@require_safe
def approvals(request: HttpRequest) -> HttpResponse:
    """What waits for a decision, and what was decided lately."""
    need(request, "campaigns.view_campaign")
    rows = Approval.objects.select_related("campaign__sender", "requested_by", "decided_by")
    waiting = rows.filter(decision=Approval.Decision.PENDING, campaign__deleted_at=None).order_by("requested_at")
    decided = rows.filter(decision__in=[Approval.Decision.APPROVED, Approval.Decision.REJECTED]).order_by("-decided_at")
    context = {
        "title": "Approvals",
        "waiting": [_waiting(asked, signed_in(request)) for asked in waiting[:100]],
        "decided": decided[:20],
    }
    return render(request, "campaigns/approvals.html", {**admin.site.each_context(request), **context})


def waiting_badge(request: HttpRequest) -> int | str:
    """How many requests this person could decide; the sidebar shows it."""
    if not request.user.has_perm("campaigns.approve_campaign"):
        return ""
    rows = Campaign.objects.present().filter(status=Campaign.Status.IN_REVIEW)
    mine = rows.exclude(created_by=request.user.pk).exclude(edited_by=request.user.pk)
    return mine.exclude(approvals__decision="pending", approvals__requested_by=request.user.pk).count() or ""


def _waiting(asked: Approval, user: User) -> dict[str, Any]:
    campaign = asked.campaign
    decisions = [actions.ACTIONS[verb] for verb in ("approve", "reject")]
    refused = lifecycle.refusal(campaign, "approve", by=user)
    return {
        "approval": asked,
        "campaign": campaign,
        "segments": campaign.segments.all(),
        "excluded_segments": campaign.excluded_segments.all(),
        "variants": campaign.variants.select_related("template", "version"),
        "changes": approval.changes(asked, campaign),
        "buttons": [] if refused else decisions,
        "refused": refused,
    }


def page(request: HttpRequest, campaign: Campaign, failed: Failed | None = None, status: int = 200) -> HttpResponse:
    context = {
        **admin.site.each_context(request),
        **overview.of(campaign, signed_in(request), failed),
        "title": campaign.name,
        "opts": Campaign._meta,
    }
    return render(request, "campaigns/overview.html", context, status=status)


def _form_page(
    request: HttpRequest,
    campaign: Campaign | None,
    form: CampaignForm,
    variants: Any,
    status: int = 200,
    kept: CampaignTemplate | None = None,
) -> HttpResponse:
    context = {
        **admin.site.each_context(request),
        "title": f"Edit {campaign.name}" if campaign else "New campaign",
        "kept": kept,
        "templates": [] if campaign or kept else CampaignTemplate.objects.all()[:MOST_TEMPLATES],
        "opts": Campaign._meta,
        "campaign": campaign,
        "form": form,
        "variants": variants,
        "segment_sizes": {segment.pk: segment.size for segment in Segment.objects.all()},
    }
    return render(request, "campaigns/edit.html", context, status=status)


def _save(request: HttpRequest, campaign: Campaign | None, form: CampaignForm, variants: Any) -> HttpResponse:
    values = dict(form.cleaned_data)
    seen = values.pop("seen")
    values["variants"] = variants.wordings()
    if campaign is None:
        campaign = editing.create(by=signed_in(request), **values)
        messages.success(request, "Saved as a draft. Check it below, then submit it for approval.")
        return redirect("admin:campaigns_campaign_change", campaign.pk)
    was_draft = campaign.status == Campaign.Status.DRAFT
    changed = editing.change(campaign, by=signed_in(request), seen=seen, **values)
    voided = "" if was_draft or not changed else " It is a draft again and needs approval."
    messages.success(request, f"Saved.{voided}" if changed else "Nothing was changed.")
    return redirect("admin:campaigns_campaign_change", campaign.pk)


def _editable(request: HttpRequest, pk: str) -> Campaign | HttpResponse:
    campaign = campaign_for(request, pk)
    refused = lifecycle.refusal(campaign, "edit", by=signed_in(request))
    if refused is None:
        return campaign
    if refused.code == "not_allowed":
        raise PermissionDenied
    messages.error(request, refused.message)
    return redirect("admin:campaigns_campaign_change", campaign.pk)


def _kept(request: HttpRequest) -> CampaignTemplate | None:
    """The campaign template to start from, when the address names one."""
    named = request.GET.get("template", "")
    if not named:
        return None
    try:
        return get_object_or_404(CampaignTemplate, uuid=UUID(named))
    except ValueError as error:
        raise Http404 from error


def _form(row: Campaign | CampaignTemplate | None, user: User) -> CampaignForm:
    if row is None:
        return CampaignForm.blank(user)
    return CampaignForm.of(row, user) if isinstance(row, Campaign) else CampaignForm.from_template(row, user)


def _variants(row: Campaign | CampaignTemplate | None) -> list[dict[str, Any]]:
    if row is None:
        return []
    return [{"template": variant.template_id, "weight": variant.weight} for variant in row.variants.all()]


def campaign_for(request: HttpRequest, pk: str) -> Campaign:
    need(request, "campaigns.view_campaign")
    return get_object_or_404(Campaign.objects.select_related("sender", "created_by", "edited_by"), pk=pk)


def need(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied


def signed_in(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - the admin site lets nobody else in
    return request.user


def _test_contact(form: TestForm) -> Contact:
    if not form.is_valid():
        raise Refused("invalid", " ".join(str(error) for error in form.errors["to"]))
    asked = form.cleaned_data["to"]
    contact = naming.reachable(asked)
    if contact is None:
        raise Refused("no_contact", f"No contact has the address “{asked}”. Tests go to contacts: add this one first.")
    return contact


def _segment_ids(request: HttpRequest, field: str) -> list[int]:
    return [int(value) for value in request.GET.getlist(field) if value.isdecimal() and len(value) < 19]


def _sealed(response: HttpResponse) -> HttpResponse:
    response["Content-Security-Policy"] = PREVIEW_POLICY
    return response
