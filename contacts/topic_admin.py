"""The console's pages for topics: what people can subscribe to, and how many have."""

from typing import Any

from django.contrib import admin
from django.core.cache import cache
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminTextareaWidget

from contacts import topics
from contacts.models import ConsentState, Topic
from core.admin import ModelAdmin

COUNTS_KEPT = 60  # seconds; counting a million states takes a moment


class TopicAdmin(ModelAdmin):
    list_display = ["name", "key", "joining", "is_public", "subscribers", "position"]
    list_editable = ["position"]
    list_filter = ["opt_in", "is_public"]
    search_fields = ["name", "key"]
    ordering = ["position", "name"]
    prepopulated_fields = {"key": ["name"]}  # noqa: RUF012  as Django has it
    fieldsets = [  # noqa: RUF012
        ("What people read", {"fields": ["name", "description", "wording"]}),
        ("How it works", {"fields": ["key", "opt_in", "is_public", "position"]}),
    ]

    def get_form(self, request: HttpRequest, obj: Topic | None = None, change: bool = False, **kwargs: Any) -> Any:
        labels = {"opt_in": "How people join", "is_public": "In the preference centre", "key": "Key"}
        widgets = {"wording": UnfoldAdminTextareaWidget(attrs={"rows": 3})}
        return super().get_form(request, obj, change, **{"labels": labels, "widgets": widgets, **kwargs})

    def get_readonly_fields(self, request: HttpRequest, obj: Topic | None = None) -> list[str]:
        return ["key"] if obj else []  # the ledger names topics by key, and is never rewritten

    def get_prepopulated_fields(self, request: HttpRequest, obj: Topic | None = None) -> dict[str, Any]:
        return {} if obj else {"key": ["name"]}

    def has_delete_permission(self, request: HttpRequest, obj: Topic | None = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or not topics.is_used(obj))

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {}  # in bulk nobody is asked whether a topic is used

    @admin.display(description="How people join")
    def joining(self, topic: Topic) -> str:
        return topic.get_opt_in_display()

    @admin.display(description="Subscribed")
    def subscribers(self, topic: Topic) -> str:
        return f"{_counts().get(topic.key, 0):,}"


def _counts() -> dict[str, int]:
    """People who said yes, by topic; the same few numbers for everyone for a minute."""
    kept: dict[str, int] | None = cache.get("contacts:topics")
    if kept is None:
        said_yes: QuerySet[ConsentState] = ConsentState.objects.filter(is_granted=True).exclude(topic="")
        rows = said_yes.values_list("topic").annotate(people=Count("contact", distinct=True))
        kept = dict(rows)
        cache.set("contacts:topics", kept, COUNTS_KEPT)
    return kept
