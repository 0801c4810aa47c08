"""The pages of one person in the console beside the form: the timeline, and comparing and merging two contacts."""

from datetime import date, datetime, time, timedelta
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from contacts import duplicates, facts, lists, merging, standing, timeline
from contacts.attributes import as_text
from contacts.models import Contact, Suppression
from core.errors import Refused
from team.models import User

FEW = 3


def urls() -> list[URLPattern]:
    own = [("timeline", show_timeline), ("merge", merge), ("apart", keep_apart)]
    return [
        path(f"<int:pk>/{name}/", admin.site.admin_view(view), name=f"contacts_contact_{name}") for name, view in own
    ]


def header(request: HttpRequest, contact: Any, tab: str) -> dict[str, Any]:
    """What stands above each page of a person; `contact` is from `lists.with_standing`."""
    may_merge = request.user.has_perm("contacts.add_merge") and not contact.erased_at
    return {
        "title": str(contact),
        "subtitle": None,
        "contact": contact,
        "tab": tab,
        "consent_badge": standing.of_consent(contact),
        "suppressed": Suppression.objects.filter(pk=contact.suppression).first() if contact.suppression else None,
        "maybe": duplicates.of(contact)[:FEW] if may_merge else [],
        "may_merge": may_merge,
        "may_erase": request.user.has_perm("contacts.delete_contact") and not contact.erased_at,
    }


# --- the timeline ---
@require_safe
def show_timeline(request: HttpRequest, pk: int) -> HttpResponse:
    _require(request, "contacts.view_contact")
    contact = get_object_or_404(lists.with_standing(Contact.objects.select_related("merged_into")), pk=pk)
    if contact.merged_into is not None:
        return gone_on(request, contact)
    wanted = _wanted(request)
    page = timeline.page(contact, wanted)
    context = _console(request) | header(request, contact, "timeline") | {
        "days": [(day, list(entries)) for day, entries in groupby(page.entries, key=_day)],
        "older_url": _address(request, before=str(page.next)) if page.next else "",
        "newest_url": _address(request, before=None) if wanted.before else "",
        "is_filtered": bool(wanted.kinds or wanted.since or wanted.until or wanted.name),
        "kinds": _kinds(contact, wanted),
        "names": timeline.names(contact),
        "asked": request.GET,
        "facts": facts.about(contact),
        "attributes": [(key, as_text(value)) for key, value in sorted(contact.attributes.items())],
    }  # fmt: skip
    return render(request, "contacts/timeline.html", context)


def gone_on(request: HttpRequest, contact: Contact) -> HttpResponse:
    """An old link leads to who took over."""
    messages.info(request, f"This contact was merged into {contact.merged_into}, whom you see here.")
    return HttpResponseRedirect(reverse("admin:contacts_contact_timeline", args=[contact.merged_into_id]))


def _kinds(contact: Contact, wanted: timeline.Wanted) -> list[dict[str, Any]]:
    counts = timeline.counts(contact)
    return [
        {"key": key, "label": label, "icon": timeline.kinds[key].icon, "is_wanted": key in wanted.kinds,
         "count": f"{timeline.COUNT_UP_TO:,}+" if counts[key] > timeline.COUNT_UP_TO else str(counts[key])}
        for key, label in timeline.groups().items()
    ]  # fmt: skip


def _wanted(request: HttpRequest) -> timeline.Wanted:
    """What the address asks for; what makes no sense in it asks for nothing."""
    asked, last = request.GET, _date(request.GET.get("to", ""))
    return timeline.Wanted(
        kinds=tuple(key for key in timeline.groups() if key in asked.getlist("kind")),
        since=_midnight(_date(asked.get("from", ""))),
        until=_midnight(last + timedelta(days=1) if last and last < date.max else None),
        name=asked.get("name", "").replace("\0", "")[:120],
        before=_place(asked.get("before", "")),
    )


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _midnight(day: date | None) -> datetime | None:
    return timezone.make_aware(datetime.combine(day, time())) if day and day.year > 1 else None


def _place(text: str) -> timeline.Position | None:
    try:
        return timeline.Position.read(text) if text else None
    except ValueError:
        return None


def _day(entry: timeline.Entry) -> date:
    return timezone.localtime(entry.at).date()


def _address(request: HttpRequest, **changes: str | None) -> str:
    query = {name: request.GET.getlist(name) for name in request.GET}
    query |= {name: [value] for name, value in changes.items() if value is not None}
    kept = {name: values for name, values in query.items() if name not in changes or changes[name] is not None}
    return f"?{urlencode(kept, doseq=True)}"


# --- two contacts side by side ---
def merge(request: HttpRequest, pk: int) -> HttpResponse:
    """Choose whom to merge (GET), see both side by side (GET with `with`), merge them (POST)."""
    _require(request, "contacts.add_merge")
    contact = get_object_or_404(lists.with_standing(Contact.objects.all()), pk=pk)
    named = request.POST.get("with") or request.GET.get("with", "")
    other = lists.with_standing(Contact.objects.filter(pk=int(named))).first() if _is_key(named) else None
    if request.method == "POST" and other is not None:
        return _merge(request, contact, other)
    context = _console(request) | {"title": f"Merge {contact}", "contact": contact, "other": other}
    if other is None:
        return render(request, "contacts/merge_choose.html", context | _candidates(request, contact))
    return render(request, "contacts/merge.html", context | _side_by_side(contact, other))


def _side_by_side(contact: Contact, other: Contact) -> dict[str, Any]:
    choices = merging.choices(contact, other)
    return {
        "choices": choices,
        "settled": [choice for choice in choices if not (choice.is_open or choice.is_taken_over)],
        "consents": [standing.in_a_word(contact), standing.in_a_word(other)],
    }


def _merge(request: HttpRequest, contact: Contact, other: Contact) -> HttpResponse:
    take = [name.removeprefix("take-") for name, value in request.POST.items()
            if name.startswith("take-") and value == "other"]  # fmt: skip
    try:
        merged = merging.merge(other, into=contact, take=take, by=_user(request))
    except Refused as refused:
        messages.error(request, refused.message)
        return HttpResponseRedirect(reverse("admin:contacts_contact_timeline", args=[contact.pk]))
    messages.success(request, f"Merged. Everything is at {merged} now, and old links lead here.")
    return HttpResponseRedirect(reverse("admin:contacts_contact_timeline", args=[merged.pk]))


def _candidates(request: HttpRequest, contact: Contact) -> dict[str, Any]:
    """Whom rules take for the same person, and whom somebody looked for."""
    text = request.GET.get("q", "").replace("\0", "").strip()
    people = lists.search(Contact.objects.reachable().exclude(pk=contact.pk), text).order_by("-pk")[:20] if text else []
    return {"maybe": duplicates.of(contact), "found": people, "asked": text}


def keep_apart(request: HttpRequest, pk: int) -> HttpResponse:
    return require_POST(_keep_apart)(request, pk)


def _keep_apart(request: HttpRequest, pk: int) -> HttpResponse:
    _require(request, "contacts.add_notduplicate")
    contact, named = get_object_or_404(Contact, pk=pk), request.POST.get("with", "")
    other = get_object_or_404(Contact, pk=int(named) if _is_key(named) else 0)
    try:
        duplicates.keep_apart(contact, other, by=_user(request))
    except Refused as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, f"Noted: {contact} and {other} are two people.")
    back = request.POST.get("next", "")
    home = reverse("admin:contacts_contact_timeline", args=[contact.pk])
    return HttpResponseRedirect(reverse("admin:contacts_contact_duplicates", args=[back]) if back in _rules() else home)


def _rules() -> set[str]:
    return set(duplicates.rules)


def _is_key(text: str) -> bool:
    return text.isdecimal() and len(text) < 19


def _console(request: HttpRequest) -> dict[str, Any]:
    return {**admin.site.each_context(request), "opts": Contact._meta}


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101  admin_view lets nobody else in
    return request.user


def _require(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied
