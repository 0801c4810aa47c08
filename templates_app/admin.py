"""The console's list of templates, and where a template's own pages are."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from core.admin import ModelAdmin
from templates_app import pages, previewing, publishing
from templates_app.models import Template

BADGES = {"published": ("ok", "Published"), "draft": ("muted", "Draft"), "archived": ("warn", "Archived")}


class StatusFilter(admin.SimpleListFilter):
    """Archived templates show only where they are asked for."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(status, label) for status, (_, label) in BADGES.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Template]) -> QuerySet[Template]:
        if self.value() in BADGES:
            return queryset.filter(Template.status_is(str(self.value())))
        return queryset.filter(archived_at=None)


@admin.register(Template)
class TemplateAdmin(ModelAdmin):
    """The list. A template's own pages are in pages.py, because they are more than a form."""

    list_display = ["template", "state", "category", "language", "version", "used", "edited"]
    list_display_links = None
    list_filter = [StatusFilter, "category", "language", "channel"]
    list_filter_sheet = True
    search_fields = ["name", "description", "category"]
    search_help_text = "Search by name, description or category"
    list_per_page = 50
    ordering = ["-updated_at"]
    actions = ["archive_selected"]

    class Media:
        css = {"all": ["templates_app/templates.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Template]:
        used = Count("variants__campaign", distinct=True)  # campaigns stand above and are reached in reverse
        return super().get_queryset(request).select_related("current_version").annotate(campaign_count=used)

    def get_urls(self) -> list[URLPattern]:
        view, prefix = self.admin_site.admin_view, "templates_app_template"
        return [
            path("add/", view(pages.start), name=f"{prefix}_add"),
            path("people/", view(previewing.people), name=f"{prefix}_people"),
            path("frame/<str:token>/", view(previewing.frame), name=f"{prefix}_frame"),
            path("gallery/<slug:key>/", view(previewing.example_frame), name=f"{prefix}_example"),
            path("<int:pk>/change/", view(pages.edit), name=f"{prefix}_change"),
            path("<int:pk>/preview/", view(previewing.preview), name=f"{prefix}_preview"),
            path("<int:pk>/versions/", view(pages.versions), name=f"{prefix}_versions"),
            path("<int:pk>/versions/<int:number>/", view(previewing.version_frame), name=f"{prefix}_version"),
            path("<int:pk>/uses/", view(pages.uses), name=f"{prefix}_uses"),
            path("<int:pk>/export/", view(pages.export), name=f"{prefix}_export"),
            path("<int:pk>/do/<slug:verb>/", view(pages.act), name=f"{prefix}_act"),
            path("", view(self.changelist_view), name=f"{prefix}_changelist"),
        ]  # and none of the generic ones: a template is changed and deleted by publishing.py alone

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"title": "Templates", **(extra_context or {})})

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        offered = super().get_actions(request)
        offered.pop("delete_selected", None)  # would erase what campaigns use; a template's own page deletes it
        return offered

    @admin.action(description="Archive", permissions=["change"])
    def archive_selected(self, request: HttpRequest, queryset: QuerySet[Template]) -> None:
        for template in queryset:
            publishing.archive(template)
        messages.success(request, "Archived. Campaigns that use them go on.")

    @display(description="Template", ordering="name")
    def template(self, row: Template) -> SafeString:
        page = reverse("admin:templates_app_template_change", args=[row.pk])
        about = format_html('<span class="t-cell__about">{}</span>', row.description) if row.description else ""
        return format_html(
            '<span class="t-cell"><a class="t-cell__name" href="{}">{}</a>{}</span>', page, row.name, about
        )

    @display(description="Status")
    def state(self, row: Template) -> SafeString:
        kind, label = BADGES[row.status]
        return format_html('<span class="c-badge c-badge--{}">{}</span>', kind, label)

    @display(description="Version", ordering="current_version__number")
    def version(self, row: Template) -> str:
        return str(row.current_version.number) if row.current_version else "–"

    @display(description="Used by", ordering="campaign_count")
    def used(self, row: Template) -> SafeString | str:
        count = getattr(row, "campaign_count", 0)
        if not count:
            return "–"
        page = reverse("admin:templates_app_template_uses", args=[row.pk])
        return format_html('<a href="{}">{} {}</a>', page, count, "campaign" if count == 1 else "campaigns")

    @display(description="Last change", ordering="updated_at")
    def edited(self, row: Template) -> SafeString:
        local = timezone.localtime(row.updated_at)
        return format_html('<time datetime="{}">{}</time>', row.updated_at.isoformat(), f"{local:%-d %b %Y, %H:%M}")
