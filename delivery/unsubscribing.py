"""Leaving: the one-click POST of RFC 8058 and the page behind the link in a message. A GET never changes anything."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from contacts import consent, identity, preferences
from contacts.addresses import masked
from contacts.models import ConsentRecord, Contact
from delivery.links import UNSUBSCRIBE
from delivery.models import Message
from delivery.tracking import bad_link, message_of
from events import ingest, names
from team import public

WORDING_AGAIN = "I left by mistake and want to keep receiving these messages."


# The signed token is the proof of who asks; mail programs that post for people have no cookies of ours.
@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    try:
        message = message_of(UNSUBSCRIBE, token)
    except Http404:
        return bad_link(request)
    contact = identity.living(message.contact)
    if request.method != "POST":
        return _page(request, message, contact, "ask")
    if request.POST.get("action") == "again" and contact.erased_at is None:
        _come_back(message, contact, request)
        return _page(request, message, contact, "back")
    _leave(message, contact, request)
    if request.POST.get("List-Unsubscribe") == "One-Click":
        return HttpResponse("Unsubscribed.", content_type="text/plain")
    return _page(request, message, contact, "done")


def _leave(message: Message, contact: Contact, request: HttpRequest) -> None:
    """Withdraw consent once; a repeated post finds it withdrawn and adds nothing.

    Somebody who joined a topic and was never asked about the channel leaves the channel too.
    """
    if contact.erased_at is not None or consent.state(contact, message.channel) is False:
        return
    one_click = request.POST.get("List-Unsubscribe") == "One-Click"
    how = "the mail program's unsubscribe button" if one_click else "the unsubscribe page"
    consent.withdraw(
        contact,
        channel=message.channel,
        source=f"{how}, campaign “{message.run.campaign.name}”"[:200],
        ip_address=request.META.get("REMOTE_ADDR") or None,
    )
    ingest.record(
        names.UNSUBSCRIBED,
        contact_id=contact.pk,
        campaign_id=message.run.campaign_id,
        variant_id=message.variant_id,
        message_id=message.pk,
        properties={"one_click": one_click},
    )


def _come_back(message: Message, contact: Contact, request: HttpRequest) -> None:
    """As it was before they left: what they had of topics counts again, and the channel if they had agreed to it."""
    if consent.state(contact, message.channel) is not False:
        return
    told: dict[str, Any] = {
        "source": "the unsubscribe page, taken back",
        "ip_address": request.META.get("REMOTE_ADDR") or None,
    }
    told_before = contact.consent_records.filter(channel=message.channel, topic="")
    before = told_before.exclude(action=ConsentRecord.Action.WITHDRAW).first()
    if before is not None and before.action == ConsentRecord.Action.GRANT:
        consent.grant(contact, channel=message.channel, wording=WORDING_AGAIN, **told)
    else:
        consent.clear(contact, channel=message.channel, **told)


def _page(request: HttpRequest, message: Message, contact: Contact, step: str) -> HttpResponse:
    sender = message.run.campaign.sender
    context = {
        "step": step, "address": masked(contact.email), "sender": sender.name if sender else "",
        "preferences_url": preferences.link(contact) if contact.erased_at is None else "",
    }  # fmt: skip
    with public.speaking(request, contact.locale):
        return public.page(request, "delivery/unsubscribe.html", context)
