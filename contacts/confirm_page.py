"""The page behind the link of a confirmation mail. A GET shows what it is about; only the button's POST confirms."""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from contacts import optin
from contacts.addresses import masked
from contacts.models import Confirmation, Topic
from core import tokens
from core.errors import Refused
from team import public


# The signed token is the proof of who asks, and mail programs open links in browsers that have no cookies of ours.
@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    found = _found(token)
    with public.speaking(request, found.confirmation.contact.locale if found.confirmation else ""):
        if found.confirmation is None:
            return public.page(request, "contacts/confirm.html", {"step": found.problem}, status=found.status)
        if request.method != "POST":
            return _page(request, found.confirmation, "known" if found.confirmation.confirmed_at else "ask")
        try:
            done = optin.confirm(token, ip_address=request.META.get("REMOTE_ADDR") or None)
        except Refused as refused:  # taken back or erased in this moment
            return public.page(request, "contacts/confirm.html", {"step": refused.code}, status=410)
        return _page(request, done, "done")


@dataclass(frozen=True, slots=True)
class _Found:
    """The confirmation that a link is about, or why there is none."""

    confirmation: Confirmation | None = None
    problem: str = ""
    status: int = 200


def _found(token: str) -> _Found:
    try:
        return _Found(optin.find(token))
    except tokens.BadToken:
        return _Found(problem="damaged", status=404)
    except Refused as refused:
        return _Found(problem=refused.code, status=410)


def _page(request: HttpRequest, confirmation: Confirmation, step: str) -> HttpResponse:
    topic = Topic.objects.filter(key=confirmation.topic).first()
    context = {
        "step": step,
        "topic": topic,
        "wording": confirmation.request.wording,
        "address": masked(confirmation.contact.email),
    }
    return public.page(request, "contacts/confirm.html", context)
