"""The console's pages of campaign templates: all of them, the form of one, and keeping a campaign as one."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from campaigns import blueprints
from campaigns.forms import CampaignTemplateForm, KeepForm, VariantForms
from campaigns.models import Campaign, CampaignTemplate
from campaigns.overview import Failed
from campaigns.pages import campaign_for, need, page, signed_in
from core.errors import Refused


@require_safe
def listed(request: HttpRequest) -> HttpResponse:
    """All campaign templates, by niche and category."""
    need(request, "campaigns.view_campaigntemplate")
    rows = CampaignTemplate.objects.select_related("sender", "created_by")
    chosen = {field: request.GET.get(field, "").replace("\x00", "") for field in ("niche", "category")}
    wanted = Q(**{field: value for field, value in chosen.items() if value})
    context = {
        "title": "Campaign templates",
        "rows": rows.filter(wanted).prefetch_related("segments", "excluded_segments", "variants__template"),
        "filters": [(field, _known(field), value) for field, value in chosen.items()],
        "is_filtered": any(chosen.values()),
    }
    return _render(request, "campaigns/templates.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, pk: str | None = None) -> HttpResponse:
    """A new campaign template, or one that is there."""
    need(request, f"campaigns.{'change' if pk else 'add'}_campaigntemplate")
    kept = get_object_or_404(CampaignTemplate, pk=pk) if pk else None
    if request.method != "POST":
        form = CampaignTemplateForm.of(kept) if kept else CampaignTemplateForm()
        initial = [vars(wording) for wording in blueprints.wordings(kept)] if kept else []
        return _form_page(request, kept, form, VariantForms(initial=initial, prefix="variants"))
    form = CampaignTemplateForm(request.POST)
    variants: Any = VariantForms(request.POST, prefix="variants")
    if form.is_valid() and variants.is_valid():
        try:
            return _save(request, kept, {**form.cleaned_data, "variants": variants.wordings()})
        except Refused as refused:
            form.add_error("name" if refused.code == "name_taken" else None, refused.message)
    return _form_page(request, kept, form, variants, status=422)


@require_POST
def delete(request: HttpRequest, pk: str) -> HttpResponse:
    need(request, "campaigns.delete_campaigntemplate")
    kept = get_object_or_404(CampaignTemplate, pk=pk)
    blueprints.delete(kept, by=signed_in(request))
    messages.success(request, f"“{kept}” is gone. Campaigns that were started from it stay.")
    return redirect("admin:campaigns_campaign_templates")


@require_POST
def keep(request: HttpRequest, pk: str) -> HttpResponse:
    """Keep the campaign's setup as a template."""
    campaign = campaign_for(request, pk)
    form = KeepForm(request.POST)
    try:
        if not form.is_valid():
            raise Refused("invalid", " ".join(str(error) for errors in form.errors.values() for error in errors))
        kept = blueprints.keep(campaign, by=signed_in(request), **form.cleaned_data)
    except Refused as refused:
        return page(request, campaign, Failed("keep", refused.message, request.POST.dict()), status=409)
    messages.success(request, f"Kept as the campaign template “{kept}”.")
    return redirect("admin:campaigns_campaign_change", campaign.pk)


def _save(request: HttpRequest, kept: CampaignTemplate | None, values: dict[str, Any]) -> HttpResponse:
    user = signed_in(request)
    saved = blueprints.change(kept, by=user, **values) if kept else blueprints.create(by=user, **values)
    messages.success(request, f"Saved “{saved}”.")
    return redirect("admin:campaigns_campaign_templates")


def _form_page(
    request: HttpRequest, kept: CampaignTemplate | None, form: CampaignTemplateForm, variants: Any, status: int = 200
) -> HttpResponse:
    title = f"Edit {kept.name}" if kept else "New campaign template"
    context = {"title": title, "kept": kept, "form": form, "variants": variants}
    return _render(request, "campaigns/template_edit.html", context, status)


def _render(request: HttpRequest, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    whole = {**admin.site.each_context(request), "opts": Campaign._meta, **context}
    return render(request, template, whole, status=status)


def _known(field: str) -> list[str]:
    rows = CampaignTemplate.objects.exclude(**{field: ""}).order_by(field)
    return list(rows.values_list(field, flat=True).distinct())
