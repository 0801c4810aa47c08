"""The console's list of contacts that may be one person, rule by rule, and merging all that a certain rule finds."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST, require_safe

from contacts import duplicates, tasks
from contacts.duplicates import Pair, Rule, rules
from contacts.models import BulkMerge, Contact
from core.errors import Refused
from team.models import User

SIZE = 25


def urls() -> list[URLPattern]:
    return [
        path("duplicates/", admin.site.admin_view(first_rule), name="contacts_contact_duplicates_all"),
        path("duplicates/<slug:key>/", admin.site.admin_view(show), name="contacts_contact_duplicates"),
        path("duplicates/<slug:key>/merge/", admin.site.admin_view(merge_all), name="contacts_contact_merge_all"),
    ]


@require_safe
def first_rule(request: HttpRequest) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:contacts_contact_duplicates", args=[next(iter(rules))]))


@require_safe
def show(request: HttpRequest, key: str) -> HttpResponse:
    """What one rule finds, a page at a time."""
    _require(request, "contacts.view_contact")
    rule = _rule(key)
    context = {
        **admin.site.each_context(request),
        "opts": Contact._meta,
        "title": "Duplicates",
        "rule": rule,
        "rules": list(rules.values()),
        "last": BulkMerge.objects.filter(rule=key).first(),
        "may_merge": request.user.has_perm("contacts.add_merge"),
    }
    return render(request, "contacts/duplicates.html", context | _found(request, rule))


def _found(request: HttpRequest, rule: Rule) -> dict[str, Any]:
    try:
        pairs = duplicates.found(rule, after=_place(request.GET.get("after", "")), limit=SIZE + 1)
        count = duplicates.count(rule)
    except Refused as refused:
        return {"pairs": [], "problem": refused.message}
    next_after = _text(pairs[SIZE - 1]) if len(pairs) > SIZE else ""
    shown = f"more than {duplicates.COUNT_UP_TO:,}" if count > duplicates.COUNT_UP_TO else f"{count:,}"
    return {"pairs": pairs[:SIZE], "next": next_after, "count": count, "count_in_words": shown}


def merge_all(request: HttpRequest, key: str) -> HttpResponse:
    return require_POST(_merge_all)(request, key)


def _merge_all(request: HttpRequest, key: str) -> HttpResponse:
    _require(request, "contacts.add_merge")
    assert isinstance(request.user, User)  # noqa: S101  admin_view lets nobody else in
    try:
        duplicates.merge_all(_rule(key), by=request.user)
    except Refused as refused:
        messages.error(request, refused.message)
    else:
        tasks.wake_merging()
        messages.success(request, "They are being merged. This page says how far it is.")
    return HttpResponseRedirect(reverse("admin:contacts_contact_duplicates", args=[key]))


def _rule(key: str) -> Rule:
    if key not in rules:
        raise Http404
    return rules[key]


def _text(pair: Pair) -> str:
    return f"{pair.first.pk}-{pair.second.pk}"


def _place(text: str) -> tuple[int, int]:
    first, _, second = text.partition("-")
    is_place = first.isdecimal() and second.isdecimal() and len(first) < 19 and len(second) < 19
    return (int(first), int(second)) if is_place else (0, 0)


def _require(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied
