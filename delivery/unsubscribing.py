"""Leaving: the one-click POST of RFC 8058 and the page behind the link in a message. A GET never changes anything."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from contacts import consent
from delivery.links import UNSUBSCRIBE
from delivery.models import Message
from delivery.tracking import message_of
from events import ingest, names

WORDING_AGAIN = "I left by mistake and want to keep receiving these messages."


# The signed token is the proof of who asks; mail programs that post for people have no cookies of ours.
@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    try:
        message = message_of(UNSUBSCRIBE, token)
    except Http404:
        return render(request, "delivery/bad_link.html", status=404)
    if request.method != "POST":
        return _page(request, message, "ask")
    if request.POST.get("action") == "again" and message.contact.erased_at is None:
        _come_back(message, request)
        return _page(request, message, "back")
    _leave(message, request)
    if request.POST.get("List-Unsubscribe") == "One-Click":
        return HttpResponse("Unsubscribed.", content_type="text/plain")
    return _page(request, message, "done")


def _leave(message: Message, request: HttpRequest) -> None:
    """Withdraw consent once; a repeated post finds it withdrawn and adds nothing."""
    if not consent.is_granted(message.contact, channel=message.channel):
        return
    one_click = request.POST.get("List-Unsubscribe") == "One-Click"
    how = "the mail program's unsubscribe button" if one_click else "the unsubscribe page"
    consent.withdraw(
        message.contact,
        channel=message.channel,
        source=f"{how}, campaign “{message.run.campaign.name}”"[:200],
        ip_address=request.META.get("REMOTE_ADDR") or None,
    )
    ingest.record(
        names.UNSUBSCRIBED,
        contact_id=message.contact_id,
        campaign_id=message.run.campaign_id,
        variant_id=message.variant_id,
        message_id=message.pk,
        properties={"one_click": one_click},
    )


def _come_back(message: Message, request: HttpRequest) -> None:
    if not consent.is_granted(message.contact, channel=message.channel):
        consent.grant(
            message.contact,
            channel=message.channel,
            source="the unsubscribe page, taken back",
            wording=WORDING_AGAIN,
            ip_address=request.META.get("REMOTE_ADDR") or None,
        )


def _page(request: HttpRequest, message: Message, step: str) -> HttpResponse:
    sender = message.run.campaign.sender
    context = {"step": step, "address": masked(message.contact.email or ""), "sender": sender.name if sender else ""}
    return render(request, "delivery/unsubscribe.html", context)


def masked(address: str) -> str:
    """Enough of an address to know one's own, too little to learn somebody else's: the link may be forwarded."""
    name, _, domain = address.partition("@")
    return f"{name[:1]}…@{domain}" if domain else "your address"
