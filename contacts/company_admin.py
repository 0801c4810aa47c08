"""The console's pages of companies: what is known about each, and who belongs to it."""

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from contacts.attributes import as_text
from contacts.models import Company
from core.admin import ModelAdmin
from core.paging import EstimatingPaginator

SHOWN = 50


class CompanyAdmin(ModelAdmin):
    fields = ["name", "external_id", "known", "people"]
    list_display = ["__str__", "external_id", "updated_at"]
    search_fields = ["external_id__startswith", "name__istartswith"]
    search_help_text = "Start of the name or id"
    ordering = ["-id"]
    sortable_by: ClassVar[list[str]] = []
    show_full_result_count = False
    paginator = EstimatingPaginator

    def get_fields(self, request: HttpRequest, obj: Company | None = None) -> list[str]:
        return ["name", "external_id"] if obj is None else list(self.fields or [])

    def get_readonly_fields(self, request: HttpRequest, obj: Company | None = None) -> list[str]:
        return ["known", "people"] if obj is None else ["external_id", "known", "people"]

    @admin.display(description="What is known")
    def known(self, company: Company) -> Any:
        pairs = [(key, as_text(value)) for key, value in sorted(company.attributes.items())]
        return format_html_join("", "<p><span class='c-muted'>{}</span> {}</p>", pairs) if pairs else "Nothing yet."

    @admin.display(description="People")
    def people(self, company: Company) -> SafeString | str:
        rows = company.employments.filter(contact__erased_at=None).select_related("contact").order_by("-since")
        found = list(rows[: SHOWN + 1])
        if not found:
            return "Nobody yet. The tracking API's group call and programs say who belongs here."
        links = [(reverse("admin:contacts_contact_timeline", args=[row.contact_id]), row.contact) for row in found]
        shown = format_html_join("", '<p><a href="{}">{}</a></p>', links[:SHOWN])
        return shown + format_html("<p>And more. Make a segment to see all.</p>") if len(found) > SHOWN else shown
