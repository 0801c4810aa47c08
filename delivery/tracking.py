"""What comes back from people's inboxes: opens and clicks, verified, labelled and appended to the event log."""

from datetime import datetime

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from contacts import identity
from core import tokens
from delivery.links import CLICK, OPEN, unpacked
from delivery.models import Message
from events import ingest, labels, names
from team import public
from templates_app.models import Link

PIXEL = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")


@require_safe
@never_cache
def opened(request: HttpRequest, token: str) -> HttpResponse:
    """The pixel. A broken token gets the picture too: an inbox should never show a broken image because of us."""
    try:
        [message_id], _ = unpacked(tokens.verify(OPEN, token), 1)
    except tokens.BadToken:
        return HttpResponse(PIXEL, content_type="image/gif", status=404)
    record(request, names.OPENED, message_id)
    return HttpResponse(PIXEL, content_type="image/gif")


@require_safe
@never_cache
def clicked(request: HttpRequest, token: str) -> HttpResponse:
    """Note the click and go on to the link's stored address, never to one that the visitor brought."""
    try:
        [message_id, link_id], rendered = unpacked(tokens.verify(CLICK, token), 2)
        url = rendered.decode() if rendered else Link.objects.values_list("url", flat=True).get(pk=link_id)
    except (tokens.BadToken, UnicodeDecodeError, Link.DoesNotExist):
        return bad_link(request)
    record(request, names.CLICKED, message_id, {"link": link_id, "url": url[:500]})
    response = HttpResponseRedirect(url)
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response


def bad_link(request: HttpRequest) -> HttpResponse:
    """The answer to a link that was cut off, changed or never made by us."""
    with public.speaking(request):
        return public.page(request, "delivery/bad_link.html", {}, status=404)


def record(request: HttpRequest, name: str, message_id: int, properties: dict[str, object] | None = None) -> None:
    """Append an event of a message with its label; a message that is not in the ledger (a test) leaves none."""
    asked = (
        "contact_id", "contact__merged_into_id", "contact__erased_at", "run__campaign_id", "variant_id", "state",
        "sent_at",
    )  # fmt: skip
    row = Message.objects.filter(pk=message_id).values(*asked).first()
    if row is None:
        return
    if row["contact__erased_at"] and not row["contact__merged_into_id"]:
        # an address made for them may say who they were: of a link in an old mail only that it was followed is kept
        properties = {key: value for key, value in (properties or {}).items() if key != "url"}
    seconds = _seconds_since_sent(row["state"], row["sent_at"])
    label, reason = labels.label_of(request.headers.get("User-Agent", ""), request.method or "GET", seconds)
    ingest.record(
        name,
        contact_id=row["contact__merged_into_id"] or row["contact_id"],
        campaign_id=row["run__campaign_id"],
        variant_id=row["variant_id"],
        message_id=message_id,
        label=label,
        label_reason=reason,
        properties=properties,
    )


def _seconds_since_sent(state: str, sent_at: datetime | None) -> float | None:
    """Nothing yet while its group is on the line: gateways follow links before they answer that they took it."""
    if state == Message.State.SENDING:
        return 0.0
    return None if sent_at is None else (timezone.now() - sent_at).total_seconds()


def message_of(purpose: str, token: str) -> Message:
    """The ledger row that a token for `purpose` names, with its campaign and its contact; raises Http404.

    The contact is whoever they are today: an old mail's links work after a merge.
    """
    try:
        [message_id], _ = unpacked(tokens.verify(purpose, token), 1)
        message = Message.objects.select_related("contact__merged_into", "run__campaign__sender").get(pk=message_id)
    except (tokens.BadToken, Message.DoesNotExist) as error:
        raise Http404 from error
    message.contact = identity.living(message.contact)
    return message
