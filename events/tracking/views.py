"""The addresses of the tracking API: what is asked, what is answered, and who asks too often."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from events.models import Source
from events.tracking import calls, intake, live, pace, reading
from events.tracking.calls import Call, Refusal
from events.tracking.intake import Taken
from events.tracking.reading import Request, Turned

SEEN_BEFORE = "Seen before: taken once."


@dataclass(slots=True)
class _Checked:
    """The messages of one request: the good ones, and why the others can't be taken, by their place in it."""

    good: list[tuple[int, Call]] = field(default_factory=list)
    refused: dict[int, Refusal] = field(default_factory=dict)


@csrf_exempt  # a write key is no cookie: a foreign page can't send what it doesn't know
@require_http_methods(["POST", "OPTIONS"])
def receive(request: HttpRequest, kind: str | None = None) -> HttpResponse:
    """One message of this kind, or a batch: 200 when it was understood, in strict mode only if all of it was taken.

    A body that can't be read or is too large is 400, an unknown key 401, too many requests 429, in either mode.
    """
    if request.method == "OPTIONS":
        return _for_browsers(HttpResponse(status=HTTPStatus.NO_CONTENT))
    received_at = timezone.now()
    try:
        asked = reading.read(request, kind)
        who = _who(request, asked.source)
        _slow_down(asked.source, who)
    except Turned as turned:
        return _for_browsers(_turned(turned))
    checked = _check(asked, received_at)
    is_strict = request.META.get("HTTP_X_STRICT_MODE") == "1"
    taken = _taken(asked, checked, is_strict)
    is_kept = not (is_strict and checked.refused)
    lines = _lines(asked, checked, taken, received_at, is_kept)
    live.note(asked.source.pk, who, lines, _counts(checked, taken, is_kept), received_at)
    return _for_browsers(_answer(checked) if is_kept else _errors(checked))


def _check(asked: Request, received_at: datetime) -> _Checked:
    checked = _Checked()
    for place, raw in enumerate(asked.messages):
        try:
            checked.good.append((place, calls.check(raw, asked, received_at)))
        except Refusal as refusal:
            checked.refused[place] = refusal
    return checked


def _taken(asked: Request, checked: _Checked, is_strict: bool) -> Taken:
    """Strictly is all or nothing, so that what is sent again after a mend is neither lost nor twice."""
    good = [call for _, call in checked.good]
    if not is_strict:
        taken = intake.take(asked.source, good)
    else:
        taken = Taken() if checked.refused else intake.take_all(asked.source, good)
    for place, call in checked.good if taken.refused else ():
        if id(call) in taken.refused:
            checked.refused[place] = taken.refused[id(call)]
    checked.good = [pair for pair in checked.good if pair[0] not in checked.refused]
    return taken


def _answer(checked: _Checked) -> HttpResponse:
    body: dict[str, Any] = {"success": True}
    if checked.refused:
        body["refused"] = len(checked.refused)  # why is said in strict mode and in the console
    return _json(body, HTTPStatus.OK)


def _errors(checked: _Checked) -> HttpResponse:
    errors = [
        {"index": place, "code": refusal.code, "message": refusal.message}
        for place, refusal in sorted(checked.refused.items())
    ]
    body = {"success": False, "code": errors[0]["code"], "message": errors[0]["message"], "errors": errors}
    return _json(body, HTTPStatus.BAD_REQUEST)


def _counts(checked: _Checked, taken: Taken, is_kept: bool) -> dict[str, int]:
    counts = {"refused": len(checked.refused)}
    if is_kept:
        counts |= {"taken": len(checked.good) - len(taken.duplicates), "duplicate": len(taken.duplicates)}
    return counts


def _lines(asked: Request, checked: _Checked, taken: Taken, at: datetime, is_kept: bool) -> Iterator[live.Line]:
    moment = at.isoformat()
    for _, call in _first(checked.good, taken) if is_kept else ():
        why = SEEN_BEFORE if id(call) in taken.duplicates else " ".join(taken.notes.get(id(call), ()))
        yield live.Line(
            at=moment, kind=call.kind, name=call.name, who=call.user_id or call.anonymous_id or "", code="", why=why,
            message=live.shown(call.raw),
        )  # fmt: skip
    for place, refusal in list(checked.refused.items())[: live.LINES_OF_REQUEST]:
        yield live.Line(
            at=moment, kind=asked.kind or "batch", name="", who="", code=refusal.code, why=refusal.message,
            message=live.shown(asked.messages[place]),
        )  # fmt: skip


def _first(good: Sequence[tuple[int, Call]], taken: Taken) -> Sequence[tuple[int, Call]]:
    """Those with a note before the others: they are what somebody looks for."""
    if not taken.notes:
        return good[: live.LINES_OF_REQUEST]
    return sorted(good, key=lambda pair: id(pair[1]) not in taken.notes)[: live.LINES_OF_REQUEST]


def _slow_down(source: Source, who: str) -> None:
    limit = settings.TRACKING_RATE_PER_VISITOR if source.is_public else settings.TRACKING_RATE_PER_MINUTE
    if seconds := pace.seconds_to_wait(who, limit):
        raise Turned(
            HTTPStatus.TOO_MANY_REQUESTS, "too_many_requests", "Too many requests. Send batches, or wait.", wait=seconds
        )


def _who(request: HttpRequest, source: Source) -> str:
    """A server is limited as a whole, a public key by each address that uses it: one visitor can't use up all."""
    return f"{source.pk} {request.META['REMOTE_ADDR']}" if source.is_public else str(source.pk)


def _turned(turned: Turned) -> HttpResponse:
    response = _json({"success": False, "code": turned.code, "message": turned.message}, turned.status)
    if turned.status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = 'Basic realm="write key"'
    if turned.wait:
        response["Retry-After"] = str(turned.wait)
    return response


def _json(body: dict[str, Any], status: HTTPStatus) -> HttpResponse:
    return HttpResponse(json.dumps(body), status=status, content_type="application/json")


def _for_browsers(response: HttpResponse) -> HttpResponse:
    """Any page may send here: the key decides, no cookie does, and there is nothing to read."""
    response["Access-Control-Allow-Origin"] = "*"
    response["Access-Control-Allow-Methods"] = "POST, OPTIONS"
    response["Access-Control-Allow-Headers"] = "Authorization, Content-Type, Content-Encoding, X-Strict-Mode"
    response["Access-Control-Max-Age"] = "86400"
    return response
