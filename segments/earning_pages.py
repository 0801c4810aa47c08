"""Revenue and engagement on the page of one segment, beside everyone; and having the log added up at once."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from core.errors import Refused
from segments import earnings, standing, tasks
from segments.access import need
from segments.models import Segment


def context(segment: Segment) -> dict[str, Any]:
    """What earnings.html shows."""
    shown: dict[str, Any] = {"behind": standing.behind(), "counted": counted()}
    try:
        ours, everyone = earnings.of_members(segment), earnings.of_everyone()
    except Refused as refused:
        return shown | {"too_slow": refused.message}
    return shown | {
        "ours": ours,
        "everyone": everyone,
        "pairs": list(zip(ours.lately, everyone.lately, strict=True)),
        "share": earnings.share(ours, everyone),
    }


def counted() -> dict[str, str]:
    """What counts as a purchase, in words."""
    return {
        "purchases": _or(standing.PURCHASES),
        "refunds": _or(standing.REFUNDS),
        "amounts": _or(standing.AMOUNTS),
    }


def _or(words: tuple[str, ...]) -> str:
    quoted = [f"“{word}”" for word in words]
    return f"{', '.join(quoted[:-1])} or {quoted[-1]}"


@require_POST
def add_up(request: HttpRequest) -> HttpResponse:
    """Add up what waits in the log now, in the background."""
    need(request, "segments.change_segment")
    tasks.add_up.delay()
    messages.success(request, "Purchases and responses are being added up. Look again in a minute.")
    back = request.POST.get("next", "")
    ours = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
    return redirect(back if ours else "admin:segments_segment_changelist")
