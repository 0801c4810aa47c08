"""The console's pages of suppressed addresses: the list, one entry with why, who and when, releasing, and releases."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from contacts import export_pages, standing, suppression, suppression_file, suppression_list_pages
from contacts.channels import channels
from contacts.forms import SuppressionForm
from contacts.models import Contact, Identity, Suppression, SuppressionRelease
from contacts.suppression_held import FORMER
from core.admin import ModelAdmin
from core.errors import Refused
from core.paging import EstimatingPaginator
from team import audit
from team.models import User

Reason = Suppression.Reason
TONES: dict[str, str] = {
    Reason.COMPLAINT: "bad", Reason.OBJECTION: "bad", Reason.HARD_BOUNCE: "warn", Reason.SOFT_BOUNCES: "warn",
    Reason.IMPORTED: "info", Reason.MANUAL: "muted",
}  # fmt: skip
OWNERS_SHOWN = 20
PER_ADDRESS = 100  # releases of one address that a search finds
NO_ADDRESS = "Erased address"


class WhenFilter(admin.SimpleListFilter):
    title = "when"
    parameter_name = "when"
    DAYS: ClassVar = {"day": 1, "week": 7, "month": 30, "year": 365}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("day", "Last 24 hours"), ("week", "Last 7 days"), ("month", "Last 30 days"), ("year", "Last year")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Suppression]) -> QuerySet[Suppression]:
        days = self.DAYS.get(self.value() or "")
        return queryset.filter(created_at__gte=timezone.now() - timedelta(days=days)) if days else queryset


class ReadableFilter(admin.SimpleListFilter):
    title = "address"
    parameter_name = "address_is"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("readable", "Readable"), ("hashed", "Erased: known by its hash alone")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Suppression]) -> QuerySet[Suppression]:
        if self.value() not in ("readable", "hashed"):
            return queryset
        return queryset.filter(address__isnull=self.value() == "hashed")


class _OfAddresses(ModelAdmin):
    """A list by address, in which nothing is changed or deleted by hand."""

    list_display_links = None
    list_per_page = 50
    ordering = ["-id"]
    sortable_by: ClassVar[list[str]] = []
    search_fields = ["address"]
    search_help_text = "A whole address, which finds erased ones too, or the start of one"
    show_full_result_count = False
    paginator = EstimatingPaginator

    class Media:
        css = {"all": ["contacts/contacts.css"]}

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        text = search_term.replace("\0", "").strip().lower()
        if not text:
            return queryset, False
        known = list(queryset.model.objects.filter(suppression.is_of(text)).values_list("pk", flat=True)[:PER_ADDRESS])
        return queryset.filter(Q(address__startswith=text) | Q(pk__in=known)), False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class SuppressionAdmin(_OfAddresses):
    """Entries are added and released, never rewritten: who added one and why must stay true."""

    form = SuppressionForm
    list_display = ["shown_address", "channel", "shown_reason", "shown_detail", "created_by", "created_at"]
    list_filter = ["reason", "channel", WhenFilter, ReadableFilter]
    list_filter_submit = True
    list_select_related = ["created_by"]
    list_before_template = "contacts/suppression_tools.html"

    # --- the list ---
    @admin.display(description="Address")
    def shown_address(self, entry: Suppression) -> SafeString:
        url = reverse("admin:contacts_suppression_change", args=[entry.pk])
        name = format_html('<span class="contact-name contact-long">{}</span>', entry.address or NO_ADDRESS)
        code = (
            "" if entry.address else format_html('<span class="contact-address c-mono">{}</span>', fingerprint(entry))
        )
        return format_html('<a href="{}">{}{}</a>', url, name, code)

    @admin.display(description="Reason", ordering=None)
    def shown_reason(self, entry: Suppression) -> SafeString:
        return standing.badge(entry.get_reason_display(), TONES[entry.reason])

    @admin.display(description="Why")
    def shown_detail(self, entry: Suppression) -> SafeString:
        short = entry.detail if len(entry.detail) <= 80 else f"{entry.detail[:79]}…"
        return format_html('<span class="contact-long" title="{}">{}</span>', entry.detail, short or "–")

    # --- what can be done ---
    def get_urls(self) -> list[URLPattern]:
        own: list[tuple[str, str, Callable[..., Any]]] = [
            ("<int:pk>/release/", "release", self.release_view),
            ("export.csv", "export", self.export_view),
        ]
        pages = [
            path(route, self.admin_site.admin_view(view), name=f"contacts_suppression_{name}")
            for route, name, view in own
        ]
        return [*pages, *suppression_list_pages.urls(), *super().get_urls()]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """`contact` names whose address it is: an address itself would stand in the server's log."""
        named = request.GET.get("contact", "")
        contact = Contact.objects.filter(pk=int(named)).first() if named.isdecimal() and len(named) < 19 else None
        return {"address": contact.email, "channel": "email"} if contact is not None else {}

    def save_model(self, request: HttpRequest, obj: Suppression, form: Any, change: bool) -> None:
        address, channel = form.cleaned_data["address"], form.cleaned_data["channel"]
        is_known = suppression.find(address, channel) is not None
        told = {name: form.cleaned_data[name] for name in ("reason", "detail")}
        obj.pk = suppression.suppress(address, channel=channel, **told, by=_user(request)).pk
        done = "It was suppressed already." if is_known else "Suppressed: nothing is sent to this address any more."
        messages.success(request, done)

    def response_add(
        self, request: HttpRequest, obj: Suppression, post_url_continue: str | None = None
    ) -> HttpResponse:
        another = "_addanother" in request.POST
        name = "admin:contacts_suppression_add" if another else "admin:contacts_suppression_change"
        return HttpResponseRedirect(reverse(name, args=[] if another else [obj.pk]))

    # --- one entry ---
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        _require(request, "contacts.view_suppression")
        rows = Suppression.objects.select_related("created_by")
        return self._page(request, get_object_or_404(rows, pk=object_id if object_id.isdecimal() else 0))

    def _page(self, request: HttpRequest, entry: Suppression, *, why: str = "", error: str = "") -> HttpResponse:
        context = self.admin_site.each_context(request) | {
            "title": "Suppressed address",
            "opts": self.opts,
            "entry": entry,
            "channel": channels[entry.channel].label,
            "reason_badge": standing.badge(entry.get_reason_display(), TONES[entry.reason]),
            "fingerprint": fingerprint(entry),
            "owners": _owners(entry)[:OWNERS_SHOWN],
            "releases": suppression.releases(entry)[:OWNERS_SHOWN],
            "may_release": request.user.has_perm(suppression.right_to_release(entry)),
            "why": why,
            "error": error,
        }
        return render(request, "contacts/suppression_entry.html", context, status=400 if error else 200)

    def release_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        def release(request: HttpRequest) -> HttpResponse:
            entry = get_object_or_404(Suppression.objects.select_related("created_by"), pk=pk)
            _require(request, suppression.right_to_release(entry))
            try:
                suppression.release(entry, why=request.POST.get("why", ""), by=_user(request))
            except Refused as refused:
                return self._page(request, entry, why=request.POST.get("why", ""), error=refused.message)
            messages.success(request, f"Released: {entry} may be written to again, if there is consent.")
            return HttpResponseRedirect(reverse("admin:contacts_suppression_changelist"))

        return require_POST(release)(request)

    def export_view(self, request: HttpRequest) -> StreamingHttpResponse:
        """The list as it is filtered, all of its pages."""
        user = export_pages.require(request)
        _require(request, "contacts.view_suppression")
        rows = self.get_changelist_instance(request).get_queryset(request)
        audit.record("export.suppressions", by=user, detail={"filter": export_pages.asked(request)}, count=rows.count())
        response = StreamingHttpResponse(suppression_file.csv_lines(rows), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="suppressions-{timezone.localdate()}.csv"'
        return response


class SuppressionReleaseAdmin(_OfAddresses):
    """What was released, by whom and why."""

    list_display = ["shown_address", "channel", "reason", "shown_why", "released_by", "released_at", "suppressed_at"]
    list_filter = ["reason", "channel"]
    list_select_related = ["released_by"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @admin.display(description="Address")
    def shown_address(self, row: SuppressionRelease) -> SafeString:
        return format_html('<span class="contact-name contact-long">{}</span>', row.address or NO_ADDRESS)

    @admin.display(description="Why it was released")
    def shown_why(self, row: SuppressionRelease) -> SafeString:
        return format_html('<span class="contact-long">{}</span>', row.why or "–")


def fingerprint(entry: Suppression) -> str:
    """The start of the hash: enough to tell erased entries apart."""
    return bytes(entry.address_hash).hex()[:12]


def _owners(entry: Suppression) -> QuerySet[Contact]:
    """Who has the address now, or had it before a merge."""
    if not entry.address:
        return Contact.objects.none()
    today = Contact.objects.filter(**{channels[entry.channel].address_field: entry.address}).values("pk")
    former = Identity.objects.filter(kind__in=FORMER, value=entry.address).values("contact_id")
    return Contact.objects.filter(pk__in=today.union(former)).order_by("pk")


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101  admin_view lets nobody else in
    return request.user


def _require(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied
