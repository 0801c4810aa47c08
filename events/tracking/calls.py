"""One message of the tracking API, checked: what it says in our words, or why it can't be taken."""

import functools
import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from events import ingest, labels, names
from events.models import Event
from events.tracking.reading import KINDS, MESSAGE_BYTES, Request

ID_LENGTH, NAME_LENGTH, DEPTH = 200, 120, 50
PATIENCE = timedelta(seconds=10)  # between saying and receiving; longer, and the client's clock is wrong
# Of what clients add about circumstances, these say something about what a person did. Addresses of computers don't.
KEPT_CONTEXT = ("page", "campaign", "referrer", "locale", "timezone")
# Looked for before the context is read at all: what servers send has none of it.
_TELLING = re.compile(rb'"(?:page|campaign|referrer|locale|timezone|userAgent)"')
# What PostgreSQL's JSON can't hold or what would be slow to find out there: NUL, huge exponents.
_UNUSUAL = re.compile(rb"\\u0000|[eE][+-]?\d{4}")
_encode = msgspec.json.Encoder().encode


class Refusal(Exception):  # noqa: N818  # one message's answer; the others of its batch are taken
    """Why one message can't be taken: a code for programs, a sentence for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class _Message(msgspec.Struct, rename="camel"):
    type: str | None = None
    message_id: str | None = None
    user_id: str | int | float | None = None
    anonymous_id: str | int | float | None = None
    previous_id: str | int | float | None = None
    group_id: str | int | float | None = None
    event: str | None = None
    name: str | None = None
    category: str | None = None
    timestamp: str | None = None
    original_timestamp: str | None = None
    sent_at: str | None = None
    properties: msgspec.Raw = msgspec.Raw(b"{}")
    traits: dict[str, Any] | None = None
    context: msgspec.Raw = msgspec.Raw(b"{}")


_decoder = msgspec.json.Decoder(_Message)
_context_decoder = msgspec.json.Decoder(dict[str, Any])


@dataclass(slots=True)
class Call:
    """One good message. `name` is what the log calls it, empty for those that only say who somebody is."""

    kind: str
    raw: bytes
    user_id: str | None
    anonymous_id: str | None
    previous_id: str | None
    group_id: str | None
    name: str
    occurred_at: datetime
    properties: bytes
    traits: dict[str, Any]
    key: str | None
    label: tuple[str, str]


def check(raw: bytes, request: Request, received_at: datetime) -> Call:
    """The call that `raw` makes; raises Refusal."""
    if len(raw) > MESSAGE_BYTES:
        raise Refusal("too_large", f"A message may have at most {MESSAGE_BYTES // 1024} KB.")
    message = _decoded(raw)
    kind = request.kind or (message.type or "").lower()
    if kind not in KINDS:
        raise Refusal("unknown_type", f"`type` must be one of {', '.join(KINDS)}.")
    user_id, anonymous_id = _id(message.user_id, "userId"), _id(message.anonymous_id, "anonymousId")
    if user_id is None and anonymous_id is None:
        raise Refusal("nobody", "A message needs a `userId` or an `anonymousId`.")
    context, label = _circumstances(message, request)
    call = Call(
        kind, raw, user_id, anonymous_id, None, None, "", _moment(message, request, received_at), b"{}",
        message.traits or {}, _key(message.message_id, request.source.pk), label,
    )  # fmt: skip
    _READERS[kind](call, message, context)
    return call


def _decoded(raw: bytes) -> _Message:
    try:
        return _decoder.decode(raw)
    except RecursionError as error:
        raise Refusal("bad_json", "The message is nested too deeply.") from error
    except msgspec.DecodeError as error:
        raise Refusal("bad_message", f"The message doesn't fit: {error}.") from error


def _id(value: str | int | float | None, field: str) -> str | None:
    if value is None or value == "":
        return None
    text = value if isinstance(value, str) else _number_as_text(value)
    if len(text) > ID_LENGTH or "\0" in text:
        raise Refusal("bad_id", f"`{field}` may have at most {ID_LENGTH} characters, and no NUL.")
    return text


def _number_as_text(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def _key(message_id: str | None, source: int) -> str | None:
    """By source, so that nobody with a public key can use up another source's ids before it does."""
    if not message_id:
        return None
    return hashlib.blake2b(f"{source}:{message_id}".encode(), digest_size=16).hexdigest()


def _moment(message: _Message, request: Request, received_at: datetime) -> datetime:
    """When it happened, by our clock: a client whose clock is wrong says what it shows when it sends."""
    said = message.original_timestamp or message.timestamp
    if said is None:
        return received_at
    moment = _time(said, "timestamp")
    sent = message.sent_at or request.sent_at
    if sent is not None:
        skew = received_at - _time_sent(sent)
        if not -PATIENCE < skew < PATIENCE:
            moment = _shifted(moment, skew)
    return min(moment, received_at)


def _shifted(moment: datetime, skew: timedelta) -> datetime:
    try:
        return moment + skew
    except OverflowError as error:
        raise Refusal("bad_time", "`timestamp` is too far from now.") from error


@functools.lru_cache(maxsize=64)
def _time_sent(text: str) -> datetime:
    """The same for all messages of a batch."""
    return _time(text, "sentAt")


def _time(text: str, field: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is UTC:
            return moment
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Refusal("bad_time", f"`{field}` must be a time like 2026-05-31T08:15:00Z.") from error


def _circumstances(message: _Message, request: Request) -> tuple[dict[str, Any], tuple[str, str]]:
    """What is kept of the context, and the label: a browser says in there whether it is a machine's."""
    raw = bytes(message.context)
    if not request.context and raw.startswith(b"{") and not _TELLING.search(raw):
        return {}, _PERSON
    try:
        context = (request.context or {}) | _context_decoder.decode(raw if raw != b"null" else b"{}")
    except (msgspec.DecodeError, RecursionError) as error:
        raise Refusal("bad_message", "`context` must be an object.") from error
    agent = context.get("userAgent")
    kept = {key: context[key] for key in KEPT_CONTEXT if context.get(key)}
    return kept, _label(agent) if isinstance(agent, str) and agent else _PERSON


_PERSON = (str(Event.Label.HUMAN), "")


@functools.lru_cache(maxsize=4_096)
def _label(agent: str) -> tuple[str, str]:
    label, reason = labels.label_of(agent, "GET", None)
    return str(label), reason


def _track(call: Call, message: _Message, context: dict[str, Any]) -> None:
    call.name = _name(message.event)
    call.properties = _properties(message.properties, {"context": context} if context else {})


def _view(call: Call, message: _Message, context: dict[str, Any]) -> None:
    said = {"name": message.name, "category": message.category, "context": context}
    call.name = names.PAGE if call.kind == "page" else names.SCREEN
    call.properties = _properties(message.properties, {key: value for key, value in said.items() if value})


def _identify(call: Call, message: _Message, context: dict[str, Any]) -> None:
    call.traits = _bounded(call.traits)


def _group(call: Call, message: _Message, context: dict[str, Any]) -> None:
    call.group_id = _id(message.group_id, "groupId")
    if call.group_id is None:
        raise Refusal("no_group", "A group message needs a `groupId`.")
    call.traits = _bounded(call.traits)


def _alias(call: Call, message: _Message, context: dict[str, Any]) -> None:
    call.previous_id = _id(message.previous_id, "previousId")
    if call.previous_id is None or call.user_id is None:
        raise Refusal("no_alias", "An alias message needs a `previousId` and a `userId`.")


_READERS = {
    "track": _track, "page": _view, "screen": _view, "identify": _identify, "group": _group, "alias": _alias,
}  # fmt: skip


def _name(event: str | None) -> str:
    name = (event or "").strip()
    if not name:
        raise Refusal("no_event", "A track message needs an `event`, its name.")
    if len(name) > NAME_LENGTH or "\0" in name:
        raise Refusal("bad_event", f"An event's name has at most {NAME_LENGTH} characters, and no NUL.")
    if name.startswith(names.OURS):
        raise Refusal("reserved_event", f"Names that begin with {', '.join(names.OURS)} are Carillon's own.")
    return name


def _properties(raw: msgspec.Raw, extra: dict[str, Any]) -> bytes:
    """The properties as they came, with ours behind them: the database keeps the last of two alike."""
    text = bytes(raw)
    if text == b"null":
        text = b"{}"
    if not text.startswith(b"{"):
        raise Refusal("bad_message", "`properties` must be an object.")
    if _UNUSUAL.search(text) or text.count(b"[") + text.count(b"{") > DEPTH:
        text = _rewritten(text)
    return _joined(text, _encode(extra)) if extra else text


def _joined(first: bytes, second: bytes) -> bytes:
    inner = [part for part in (first[1:-1].strip(), second[1:-1]) if part]
    return b"{" + b",".join(inner) + b"}"


def _rewritten(text: bytes) -> bytes:
    """The slow way, for the few that may be more than the database can hold: read and written again."""
    try:
        properties = json.loads(text)
        if _depth(properties) > DEPTH:
            raise Refusal("bad_message", f"`properties` are nested deeper than {DEPTH}.")
        return ingest.as_json(properties).encode()
    except (ValueError, RecursionError) as error:
        raise Refusal(
            "bad_message", "`properties` hold a number that is too large, or are nested too deeply."
        ) from error


def _depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, inner), default=0)


def _bounded(traits: dict[str, Any]) -> dict[str, Any]:
    try:
        is_deep = _depth(traits) > DEPTH
    except RecursionError:
        is_deep = True
    if is_deep:
        raise Refusal("bad_message", f"`traits` are nested deeper than {DEPTH}.")
    return traits
