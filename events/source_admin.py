"""The console's pages for sources: their keys, and what comes in, live."""

from collections.abc import Callable
from typing import Any, ClassVar

import redis
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Max, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from unfold.decorators import display

from core.admin import ModelAdmin
from core.errors import Refused
from events.forms import SourceForm
from events.models import EventDay, Source, WriteKey
from events.tracking import live, sources
from team.models import User

KINDS = {Source.Kind.SERVER: "Server", Source.Kind.WEBSITE: "Website or app"}


@admin.register(Source)
class SourceAdmin(ModelAdmin):
    """Sources are added, described, given keys and switched off; never deleted, because the log speaks of them."""

    list_display = ("source", "what", "state", "key_count", "taken", "refused")
    list_display_links = None
    search_fields = ("name", "description")

    class Media:
        css: ClassVar = {"all": ["events/events.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Source]:
        working = Count("keys", filter=Q(keys__revoked_at=None))
        return super().get_queryset(request).annotate(working_keys=working)

    def has_delete_permission(self, request: HttpRequest, obj: Source | None = None) -> bool:
        return False

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {}

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        return super().changelist_view(request, {"title": "Sources"} | (extra_context or {}))

    def get_urls(self) -> list[URLPattern]:
        def one(name: str, view: Callable[..., HttpResponse]) -> URLPattern:
            return path(f"<int:pk>/{name}/", self.admin_site.admin_view(view), name=f"events_source_{name}")

        revoke = self.admin_site.admin_view(require_POST(self.revoke_view))
        return [
            one("live", self.live_view),
            one("edit", self.edit_view),
            one("issue", require_POST(self.issue_view)),
            one("switch", require_POST(self.switch_view)),
            path("<int:pk>/keys/<int:key>/revoke/", revoke, name="events_source_revoke"),
            *super().get_urls(),
        ]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = SourceForm(request.POST or None)
        if form.is_valid():
            try:
                source, key = sources.add(**form.cleaned_data, by=_person(request))
            except Refused as refused:
                form.add_error("name", refused.message)
            else:
                self._note(request, source, "Added, with a key.", flag=ADDITION)
                return self._show_key(request, source, key)
        return self._page(request, "events/source_form.html", None, {"form": form, "title": "New source"})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        source = self.get_object(request, object_id)
        if source is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if not self.has_view_permission(request, source):
            raise PermissionDenied
        days = EventDay.objects.filter(source_id=source.pk).aggregate(last=Max("day"))
        context = {
            "keys": source.keys.select_related("created_by"),
            "kind": KINDS[Source.Kind(source.kind)],
            "last_day": days["last"],
            "may_change": self.has_change_permission(request, source),
            "address": settings.PUBLIC_URL,
        }
        return self._page(request, "events/source.html", source, context | _lately(source))

    def edit_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        source = self._to_change(request, pk)
        form = SourceForm(request.POST or None, instance=source)
        if form.is_valid():
            form.save()
            sources.forget_remembered()
            self._note(request, source, "Described anew.")
            return redirect("admin:events_source_change", pk)
        return self._page(request, "events/source_form.html", source, {"form": form})

    def live_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What came in lately, as a part of the page that is loaded again and again."""
        source = get_object_or_404(Source, pk=pk)
        if not self.has_view_permission(request, source):
            raise PermissionDenied
        return TemplateResponse(request, "events/live.html", _lately(source))

    def issue_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        source = self._to_change(request, pk)
        key, secret = sources.issue(source, by=_person(request))
        self._note(request, source, f"New key {key}.")
        return self._show_key(request, source, secret)

    def revoke_view(self, request: HttpRequest, pk: int, key: int) -> HttpResponse:
        source = self._to_change(request, pk)
        row = get_object_or_404(WriteKey, pk=key, source=source)
        if sources.revoke(row):
            self._note(request, source, f"Key {row} revoked.")
            messages.success(request, f"The key {row} is revoked: in a few seconds it is refused everywhere.")
        return redirect("admin:events_source_change", pk)

    def switch_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        source = self._to_change(request, pk)
        is_on = "on" in request.POST
        sources.switch(source, on=is_on)
        self._note(request, source, "Switched on." if is_on else "Switched off.")
        messages.success(request, f"“{source}” is {'taken' if is_on else 'refused'} from now on.")
        return redirect("admin:events_source_change", pk)

    def _to_change(self, request: HttpRequest, pk: int) -> Source:
        source = get_object_or_404(Source, pk=pk)
        if not self.has_change_permission(request, source):
            raise PermissionDenied
        return source

    def _show_key(self, request: HttpRequest, source: Source, key: str) -> HttpResponse:
        """Answer the POST itself with the key: kept for a later GET, it would have to be stored somewhere readable."""
        context = {"key": key, "title": "Copy the key now", "address": settings.PUBLIC_URL}
        return self._page(request, "events/source_key.html", source, context)

    def _page(
        self, request: HttpRequest, template: str, source: Source | None, context: dict[str, Any]
    ) -> HttpResponse:
        shared = {**self.admin_site.each_context(request), "opts": self.opts, "title": str(source), "source": source}
        return TemplateResponse(request, template, shared | context)

    def _note(self, request: HttpRequest, source: Source, text: str, *, flag: int = CHANGE) -> None:
        LogEntry.objects.log_actions(_person(request).pk, [source], flag, change_message=text, single_object=True)

    @display(description="Source", ordering="name")
    def source(self, row: Source) -> SafeString:
        url = reverse("admin:events_source_change", args=[row.pk])
        return format_html(
            '<a class="ev-name" href="{}">{}</a><span class="ev-note">{}</span>', url, row, row.description
        )

    @display(description="Kind", ordering="kind")
    def what(self, row: Source) -> str:
        return KINDS[Source.Kind(row.kind)]

    @display(description="State", ordering="is_enabled", label={"on": "success", "off": "danger"})
    def state(self, row: Source) -> str:
        return "on" if row.is_enabled else "off"

    @display(description="Working keys")
    def key_count(self, row: Any) -> int:
        return int(row.working_keys)

    @display(description="Events in 7 days")
    def taken(self, row: Source) -> str:
        return _in_a_week(row, "taken")

    @display(description="Refused in 7 days")
    def refused(self, row: Source) -> str:
        return _in_a_week(row, "refused")


def _in_a_week(source: Source, outcome: str) -> str:
    try:
        return f"{sum(counted[outcome] for _, counted in live.counts(source.pk)):,}"
    except redis.RedisError:
        return "–"


def _lately(source: Source) -> dict[str, Any]:
    try:
        counts = live.counts(source.pk)
        lists = {which: [_shown(line) for line in live.lines(source.pk, which)[:50]] for which in ("taken", "refused")}
    except redis.RedisError:
        return {"is_blind": True}
    totals = {outcome: sum(counted[outcome] for _, counted in counts) for outcome in live.OUTCOMES}
    return {"totals": totals, **lists}


def _shown(line: live.Line) -> dict[str, Any]:
    return {**line, "at": parse_datetime(line["at"])}


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101  (admin_view let them in)
    return request.user
