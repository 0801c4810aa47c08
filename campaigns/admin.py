"""The console's pages for campaigns: the list, and where the other pages are. Senders."""

from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display

from campaigns import blueprint_pages, bulk, overview, pages
from campaigns.forms import SenderForm
from campaigns.models import Campaign, Sender
from contacts.channels import channels
from core.admin import ModelAdmin
from team.models import User

Status = Campaign.Status
# A tab of the list: its words and the campaigns it shows. The first is where people arrive.
TABS: dict[str, tuple[str, Q]] = {
    "draft": ("Draft", Q(status__in=[Status.DRAFT, Status.REJECTED])),
    "review": ("In review", Q(status=Status.IN_REVIEW)),
    "scheduled": ("Approved and scheduled", Q(status__in=[Status.APPROVED, Status.SCHEDULED])),
    "sending": ("Sending", Q(status__in=[Status.SENDING, Status.PAUSED])),
    "finished": ("Finished", Q(status__in=[Status.FINISHED, Status.CANCELLED])),
}
_HERE = Q(deleted_at=None, archived_at=None)


class TabFilter(admin.SimpleListFilter):
    """The tabs above the list; archived and deleted campaigns show in no other."""

    title = "status"
    parameter_name = "tab"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        tabs = [(key, words) for key, (words, _) in TABS.items()]
        return [*tabs, ("archived", "Archived"), ("deleted", "Deleted")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> QuerySet[Campaign]:
        if self.value() == "archived":
            return queryset.filter(deleted_at=None, archived_at__isnull=False)
        if self.value() == "deleted":
            return queryset.filter(deleted_at__isnull=False)
        tab = TABS.get(self.value() or "")
        return queryset.filter(_HERE & tab[1] if tab else _HERE)


@admin.register(Campaign)
class CampaignAdmin(ModelAdmin):
    """The list. A campaign's own pages are in pages.py, because they are more than a form."""

    list_display = ["campaign", "state", "audience", "planned", "edited", "figures"]
    list_display_links = None
    list_filter = [TabFilter, "purpose", "channel", "kind", "created_by"]
    list_filter_sheet = True
    search_fields = ["name", "description", "tags"]
    search_help_text = "Search by name, description or tag"
    list_per_page = 50
    list_before_template = "campaigns/tabs.html"
    actions = ["pause_selected", "resume_selected", "archive_selected", "delete_campaigns"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Campaign]:
        rows = super().get_queryset(request).select_related("edited_by")
        return rows.prefetch_related("segments", "excluded_segments")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        mine = [
            path("approvals/", view(pages.approvals), name="campaigns_campaign_approvals"),
            path("templates/", view(blueprint_pages.listed), name="campaigns_campaign_templates"),
            path("templates/add/", view(blueprint_pages.edit), name="campaigns_campaign_template_add"),
            path("templates/<int:pk>/", view(blueprint_pages.edit), name="campaigns_campaign_template_change"),
            path("templates/<int:pk>/delete/", view(blueprint_pages.delete), name="campaigns_campaign_template_delete"),
            path("<int:pk>/keep/", view(blueprint_pages.keep), name="campaigns_campaign_keep"),
            path("<int:pk>/people/", view(pages.people), name="campaigns_campaign_people"),
            path("<int:pk>/test/<slug:key>/", view(pages.test), name="campaigns_campaign_test"),
            path("audience/", view(pages.audience_size), name="campaigns_campaign_audience"),
            path("add/", view(pages.edit), name="campaigns_campaign_add"),
            path("<int:pk>/change/", view(pages.show), name="campaigns_campaign_change"),
            path("<int:pk>/edit/", view(pages.edit), name="campaigns_campaign_edit"),
            path("<int:pk>/checks/", view(pages.checks), name="campaigns_campaign_checks"),
            path("<int:pk>/comment/", view(pages.comment), name="campaigns_campaign_comment"),
            path("<int:pk>/do/<slug:verb>/", view(pages.act), name="campaigns_campaign_act"),
            path("<int:pk>/preview/<slug:key>/", view(pages.preview), name="campaigns_campaign_preview"),
            path("", view(self.changelist_view), name="campaigns_campaign_changelist"),
        ]
        return mine  # and none of the generic ones: a campaign is deleted, changed and copied by its verbs alone

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        extra = {"campaign_tabs": _tabs(request), "title": "Campaigns", **(extra_context or {})}
        return super().changelist_view(request, extra)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        offered = super().get_actions(request)
        offered.pop("delete_selected", None)  # would erase rows; ours can be undone
        return offered

    @display(description="Campaign", ordering="name")
    def campaign(self, row: Campaign) -> SafeString:
        tags = format_html_join(" ", '<span class="c-badge c-badge--muted">{}</span>', ((tag,) for tag in row.tags))
        return format_html(
            '<span class="cp-cell"><a class="cp-name" href="{}">'
            '<span class="material-symbols-outlined" title="{}">{}</span>{}</a> {}</span>',
            reverse("admin:campaigns_campaign_change", args=[row.pk]),
            channels[row.channel].label,
            channels[row.channel].icon,
            row.name,
            tags,
        )

    @display(description="Status", ordering="status")
    def state(self, row: Campaign) -> SafeString:
        status = Status(row.status)
        return format_html(
            '<span class="c-badge c-badge--{}"><span class="material-symbols-outlined">{}</span>{}</span>',
            overview.BADGES[status],
            overview.ICONS[status],
            status.label,
        )

    @display(description="Audience")
    def audience(self, row: Campaign) -> SafeString:
        names = [segment.name for segment in row.segments.all()]
        if not names:
            return format_html('<span class="c-muted">{}</span>', "Nobody yet")
        more = f" and {len(names) - 2} more" if len(names) > 2 else ""
        less = " without some" if row.excluded_segments.all() else ""
        return format_html('<span class="cp-clip">{}</span>', f"{', '.join(names[:2])}{more}{less}")

    @display(description="When", ordering="planned_at")
    def planned(self, row: Campaign) -> SafeString:
        moment = row.started_at or row.planned_at
        if moment is None:
            return format_html('<span class="c-muted">{}</span>', "Not planned")
        local = timezone.localtime(moment)
        return format_html("<time datetime='{}'>{}</time>", moment.isoformat(), f"{local:%-d %b %Y, %H:%M}")

    @display(description="Last change", ordering="updated_at")
    def edited(self, row: Campaign) -> SafeString:
        local = timezone.localtime(row.updated_at)
        by = f" by {row.edited_by}" if row.edited_by else ""
        return format_html('<span class="cp-clip">{}</span>', f"{local:%-d %b}{by}")

    @display(description="Figures")
    def figures(self, row: Campaign) -> SafeString:
        if row.started_at is None:
            return format_html('<span class="c-muted">{}</span>', "–")
        page = reverse("admin:campaigns_campaign_change", args=[row.pk])
        return format_html('<a class="cp-figures" href="{}#figures">Figures</a>', page)

    @admin.action(description="Pause", permissions=["launch"])
    def pause_selected(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> None:
        _each(request, queryset, "pause", "paused")

    @admin.action(description="Resume", permissions=["launch"])
    def resume_selected(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> None:
        _each(request, queryset, "resume", "resumed")

    @admin.action(description="Archive", permissions=["change"])
    def archive_selected(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> None:
        _each(request, queryset, "archive", "archived")

    @admin.action(description="Delete (can be restored)", permissions=["delete"])
    def delete_campaigns(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> None:
        _each(request, queryset, "delete", "deleted")

    def has_launch_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("campaigns.launch_campaign")


@admin.register(Sender)
class SenderAdmin(ModelAdmin):
    form = SenderForm
    list_display = ["name", "email", "reply_to", "default"]
    search_fields = ["name", "email"]

    @display(description="Default", boolean=True)
    def default(self, row: Sender) -> bool:
        return row.is_default

    def save_model(self, request: HttpRequest, obj: Sender, form: SenderForm, change: bool) -> None:
        with transaction.atomic():
            obj.is_default = form.cleaned_data["uses_by_default"]
            if obj.is_default:  # first, because only one row may be the default at any moment
                Sender.objects.filter(is_default=True).exclude(pk=obj.pk).update(is_default=False)
            super().save_model(request, obj, form, change)


def _each(request: HttpRequest, rows: QuerySet[Campaign], verb: str, done: str) -> None:
    """Do it to each by itself and say how it went."""
    assert isinstance(request.user, User)  # noqa: S101 - the admin site lets nobody else in
    answers = bulk.answers(verb, rows.values_list("uuid", flat=True), by=request.user, given={})
    count = sum(answer["is_done"] for answer in answers)
    refusals = [answer["message"] for answer in answers if not answer["is_done"]]
    if count:
        messages.success(request, f"{count} {'campaign' if count == 1 else 'campaigns'} {done}.")
    for message in refusals[:5]:
        messages.error(request, message)
    if len(refusals) > 5:
        messages.error(request, f"And {len(refusals) - 5} more could not be {done}.")


def _tabs(request: HttpRequest) -> list[dict[str, Any]]:
    counts = Campaign.objects.aggregate(
        all=Count("pk", filter=_HERE), **{key: Count("pk", filter=_HERE & where) for key, (_, where) in TABS.items()}
    )
    current = request.GET.get("tab", "")
    tabs = [("", "All", counts["all"]), *((key, words, counts[key]) for key, (words, _) in TABS.items())]
    return [
        {"key": key, "words": words, "count": count, "is_current": key == current} for key, words, count in tabs
    ] + [
        {"key": key, "words": key.capitalize(), "count": None, "is_current": key == current}
        for key in ("archived", "deleted")
    ]
