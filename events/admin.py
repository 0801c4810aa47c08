"""The console's pages for events: what names there are, how many, and what they carry. Sources: source_admin.py."""

import json
from datetime import date, timedelta
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display

from contacts.models import Contact
from core.admin import ModelAdmin
from events import names
from events.models import Event, EventDay, EventName, EventProperty, Source
from events.source_admin import SourceAdmin as SourceAdmin  # registered by being imported

DAYS, LATEST = 30, 20
HEIGHT = 28  # of the little charts in the list, in pixels


@admin.register(EventName)
class EventNameAdmin(ModelAdmin):
    """Written by the log's reader alone (overview.py): seen here, changed nowhere."""

    list_display = ("event", "volume", "total", "last")
    list_display_links = None
    search_fields = ("name",)
    ordering = ("-last_seen_at",)
    list_per_page = 50

    class Media:
        css: ClassVar = {"all": ["events/events.css"]}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: EventName | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: EventName | None = None) -> bool:
        return False

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {}

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        return super().changelist_view(request, {"title": "Events"} | (extra_context or {}))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        event = self.get_object(request, unquote(object_id))
        if event is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if not self.has_view_permission(request, event):
            raise PermissionDenied
        shared = {**self.admin_site.each_context(request), "opts": self.opts, "title": names.words(event.name)}
        return TemplateResponse(request, "events/event.html", shared | _about(event, request))

    @display(description="Event", ordering="name")
    def event(self, row: EventName) -> SafeString:
        url = reverse("admin:events_eventname_change", args=[quote(row.name)])
        shown = names.words(row.name)
        note = row.name if shown != row.name else ""
        return format_html('<a class="ev-name" href="{}">{}</a><span class="ev-note">{}</span>', url, shown, note)

    @display(description="Last 30 days")
    def volume(self, row: EventName) -> SafeString:
        return chart(_by_day(row.name), width=120)

    @display(description="In all", ordering="count")
    def total(self, row: EventName) -> str:
        return f"{row.count:,}"

    @display(description="Last", ordering="last_seen_at")
    def last(self, row: EventName) -> Any:
        return timezone.localtime(row.last_seen_at)


def chart(days: list[tuple[date, int]], *, width: int) -> SafeString:
    """Bars, one for each day, with the figures in words for those who don't see them."""
    most = max((count for _, count in days), default=0) or 1
    step = width / max(len(days), 1)
    bars = format_html_join(
        "",
        '<rect x="{}" y="{}" width="{}" height="{}"><title>{}: {}</title></rect>',
        (
            (f"{number * step:.1f}", HEIGHT - height, f"{step * 0.7:.1f}", height, f"{day:%-d %B}", f"{count:,}")
            for number, (day, count) in enumerate(days)
            if (height := round(count / most * HEIGHT) or (1 if count else 0))
        ),
    )
    words = f"{sum(count for _, count in days):,} in {len(days)} days, at most {most:,} a day"
    return format_html(
        '<svg class="ev-chart" role="img" aria-label="{}" viewBox="0 0 {} {}" width="{}" height="{}">{}</svg>',
        words, width, HEIGHT, width, HEIGHT, bars,
    )  # fmt: skip


def _by_day(name: str) -> list[tuple[date, int]]:
    today = timezone.now().date()
    since = today - timedelta(days=DAYS - 1)
    rows = EventDay.objects.filter(name=name, day__gte=since).values("day").annotate(total=Sum("count"))
    counts = {row["day"]: int(row["total"]) for row in rows}
    return [(day, counts.get(day, 0)) for day in (since + timedelta(days=step) for step in range(DAYS))]


def _about(event: EventName, request: HttpRequest) -> dict[str, Any]:
    days = _by_day(event.name)
    return {
        "event": event,
        "chart": chart(days, width=600),
        "month": sum(count for _, count in days),
        "sources": _by_source(event.name, days[0][0]),
        "properties": _properties(event.name),
        "latest": _latest(event.name) if request.user.has_perm("contacts.view_contact") else None,
    }


def _by_source(name: str, since: date) -> list[tuple[Source | None, int]]:
    rows = EventDay.objects.filter(name=name, day__gte=since).values("source_id").annotate(total=Sum("count"))
    known = Source.objects.in_bulk([row["source_id"] for row in rows])
    return sorted(((known.get(row["source_id"]), row["total"]) for row in rows), key=lambda pair: -pair[1])


def _properties(name: str) -> list[dict[str, Any]]:
    """One line for each key, with all kinds that its values had."""
    by_key: dict[str, dict[str, Any]] = {}
    for row in EventProperty.objects.filter(name=name).order_by("-count", "key"):
        line = by_key.setdefault(row.key, {"key": row.key, "kinds": [], "last": row.last_seen_at})
        line["kinds"].append(row.kind)
        line["last"] = max(line["last"], row.last_seen_at)
    return sorted(by_key.values(), key=lambda line: str(line["key"]))


def _latest(name: str) -> list[dict[str, Any]]:
    since = timezone.now() - timedelta(days=DAYS)
    events = list(Event.objects.filter(name=name, occurred_at__gte=since).order_by("-occurred_at")[:LATEST])
    people = Contact.objects.in_bulk([event.contact_id for event in events if event.contact_id])
    return [
        {
            "event": event,
            "contact": people.get(event.contact_id or 0),
            "properties": json.dumps(event.properties, ensure_ascii=False),
        }
        for event in events
    ]
