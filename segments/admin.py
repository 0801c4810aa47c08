"""The console's list of segments, and where the pages of one are (pages.py)."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from core.admin import ModelAdmin
from segments import comparing, earning_pages, export_page, kept_pages, pages, proposal_pages, uses
from segments.models import Segment, SpendingLevel


@admin.register(Segment)
class SegmentAdmin(ModelAdmin):
    list_display = ("segment", "shown_size", "kind_badge", "refreshed", "used_by")
    list_display_links = None
    list_filter = ("kind",)
    search_fields = ("name", "description")
    search_help_text = "Search by name or description"
    list_per_page = 50
    show_full_result_count = False

    class Media:
        css: ClassVar = {"all": ["segments/segments.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Segment]:
        return uses.counted(super().get_queryset(request))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("add/", view(pages.edit), name="segments_segment_add"),
            path("compare/", view(comparing.compare), name="segments_segment_compare"),
            path("suggested/", view(proposal_pages.propose), name="segments_segment_suggested"),
            path("suggested/scores/", view(proposal_pages.find_bounds), name="segments_segment_find_bounds"),
            path("suggested/<slug:key>/", view(proposal_pages.save), name="segments_segment_save_suggested"),
            path("add-up/", view(earning_pages.add_up), name="segments_segment_add_up"),
            path("preview/", view(pages.preview), name="segments_segment_preview"),
            path("read/", view(pages.read), name="segments_segment_read"),
            path("suggest/", view(pages.suggest), name="segments_segment_suggest"),
            path("<int:pk>/change/", view(pages.show), name="segments_segment_change"),
            path("<int:pk>/edit/", view(pages.edit), name="segments_segment_edit"),
            path("<int:pk>/members/", view(pages.members), name="segments_segment_members"),
            path("<int:pk>/members/<int:contact>/remove/", view(pages.remove), name="segments_segment_remove"),
            path("<int:pk>/members/export.csv", view(export_page.members_as_csv), name="segments_segment_export"),
            path("<int:pk>/members/list/", view(kept_pages.fill), name="segments_segment_fill"),
            path("<int:pk>/snapshot/", view(kept_pages.snapshot), name="segments_segment_snapshot"),
            path("<int:pk>/explain/", view(pages.explain), name="segments_segment_explain"),
            path("<int:pk>/engagement/", view(pages.engagement), name="segments_segment_engagement"),
            path("<int:pk>/refresh/", view(pages.refresh), name="segments_segment_refresh"),
            path("<int:pk>/refreshing/", view(pages.refreshing), name="segments_segment_refreshing"),
            path("<int:pk>/delete/", view(pages.delete), name="segments_segment_delete"),
            path("", view(self.changelist_view), name="segments_segment_changelist"),
        ]

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {}  # a segment in use must not go, and deleting one asks for that

    @display(description="Segment", ordering="name")
    def segment(self, row: Segment) -> SafeString:
        url = reverse("admin:segments_segment_change", args=[row.pk])
        return format_html(
            '<a class="sg-name" href="{}">{}</a><span class="sg-note">{}</span>', url, row.name, row.description
        )

    @display(description="People", ordering="size")
    def shown_size(self, row: Segment) -> str:
        return f"{row.size:,}" if row.refreshed_at else "being worked out"

    @display(description="Kind", ordering="kind")
    def kind_badge(self, row: Segment) -> SafeString:
        return format_html('<span class="c-badge c-badge--muted">{}</span>', row.kind.title())

    @display(description="As of", ordering="refreshed_at")
    def refreshed(self, row: Segment) -> SafeString | str:
        if row.refresh_failed:
            return format_html('<span class="c-badge c-badge--bad" title="{}">Failed</span>', row.refresh_failed)
        if row.is_following:
            return "now"
        return date_format(timezone.localtime(row.refreshed_at), "j M Y H:i") if row.refreshed_at else "–"

    @display(description="Used by")
    def used_by(self, row: Segment) -> str:
        count: int = getattr(row, "pointed_at")  # noqa: B009  what the list's rows are annotated with
        return "–" if not count else "1 place" if count == 1 else f"{count} places"


@admin.register(SpendingLevel)
class SpendingLevelAdmin(ModelAdmin):
    """From which amount on a person's spending is low, medium or high."""

    list_display = ("label", "at_least", "key")
    search_fields = ("label",)
