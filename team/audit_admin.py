"""The console's page for the audit trail: what left the house, by whom, when and how much. It can only be read."""

from typing import ClassVar

from django.contrib import admin
from django.http import HttpRequest
from unfold.contrib.filters.admin import RangeDateFilter

from core.admin import ModelAdmin
from core.paging import EstimatingPaginator
from team.models import AuditRecord


@admin.register(AuditRecord)
class AuditRecordAdmin(ModelAdmin):
    list_display = ["at", "what", "subject", "who", "told", "count"]
    list_display_links = None
    list_filter = ["action", ("at", RangeDateFilter)]
    list_filter_submit = True
    list_select_related = ["by", "key"]
    search_fields = ["subject__startswith"]
    search_help_text = "Start of what it was about: a contact's public id, a segment's name"
    sortable_by: ClassVar[list[str]] = []
    show_full_result_count = False
    paginator = EstimatingPaginator

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: AuditRecord | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AuditRecord | None = None) -> bool:
        return False

    @admin.display(description="What", ordering="action")
    def what(self, row: AuditRecord) -> str:
        return row.get_action_display()

    @admin.display(description="By")
    def who(self, row: AuditRecord) -> str:
        person = str(row.by) if row.by else "the person themself"
        return f"{person}, with the key “{row.key.name}”" if row.key else person

    @admin.display(description="How")
    def told(self, row: AuditRecord) -> str:
        """Format and filter in words."""
        asked = ", ".join(f"{name} {value}" for name, value in (row.detail.get("filter") or {}).items())
        words = [row.detail.get("format", "").upper(), "chosen rows" if row.detail.get("selected") else "", asked]
        return " · ".join(word for word in words if word)
