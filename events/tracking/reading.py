"""A request of the tracking API: whose it is, and the messages in it, each still as the bytes that came."""

import base64
import binascii
import json
import zlib
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, UnreadablePostError

from events import ingest
from events.models import Source
from events.tracking import sources

BATCH_BYTES, MESSAGE_BYTES = 500 * 1024, 32 * 1024
BATCH_MESSAGES = 2_500  # a batch at its limit of bytes may hold some five thousand empty ones
KINDS = ("identify", "track", "page", "screen", "group", "alias")


class Turned(Exception):  # noqa: N818  # an answer rather than an error
    """The whole request is turned away, with the status and the sentence to answer."""

    def __init__(self, status: HTTPStatus, code: str, message: str, *, wait: int = 0) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.wait = status, code, message, wait


@dataclass(frozen=True, slots=True)
class Request:
    """What one request brought. `kind` is what each message is; None in a batch, where each says so itself."""

    source: Source
    kind: str | None
    messages: list[bytes]
    sent_at: str | None
    context: dict[str, Any] | None


class _Batch(msgspec.Struct, rename="camel"):
    batch: list[msgspec.Raw]
    write_key: str | None = None
    sent_at: str | None = None
    context: dict[str, Any] | None = None


class _Single(msgspec.Struct, rename="camel"):
    write_key: str | None = None
    sent_at: str | None = None


_batch, _single = msgspec.json.Decoder(_Batch), msgspec.json.Decoder(_Single)


def read(request: HttpRequest, kind: str | None) -> Request:
    """The request's source and messages; raises Turned."""
    is_batch = kind is None
    body = _body(request, BATCH_BYTES if is_batch else MESSAGE_BYTES)
    envelope, body = _decoded(_batch if is_batch else _single, body)
    source = _source(request, envelope.write_key)
    if not is_batch:
        return Request(source, kind, [body], envelope.sent_at, None)
    if len(envelope.batch) > BATCH_MESSAGES:
        raise Turned(
            HTTPStatus.BAD_REQUEST, "too_many", f"A batch holds at most {BATCH_MESSAGES:,} messages. Send it in parts."
        )
    return Request(source, None, [bytes(raw) for raw in envelope.batch], envelope.sent_at, envelope.context)


def _body(request: HttpRequest, limit: int) -> bytes:
    try:
        # one more than allowed: what is longer than that is never read
        body = request.body if _announced(request) <= limit else b""
    except (RequestDataTooBig, UnreadablePostError) as error:
        raise Turned(HTTPStatus.BAD_REQUEST, "unreadable", "The request broke off before it was read.") from error
    if _announced(request) > limit:
        raise _too_large(limit)
    if request.META.get("HTTP_CONTENT_ENCODING", "").lower() == "gzip":
        body = _unzipped(body, limit)
    if len(body) > limit:
        raise _too_large(limit)
    return body


def _announced(request: HttpRequest) -> int:
    length = request.META.get("CONTENT_LENGTH") or "0"
    return int(length) if length.isdigit() else 0


def _too_large(limit: int) -> Turned:
    what = "A batch" if limit == BATCH_BYTES else "A message"
    return Turned(HTTPStatus.BAD_REQUEST, "too_large", f"{what} may have at most {limit // 1024} KB.")


def _unzipped(body: bytes, limit: int) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        plain = unpacker.decompress(body, limit + 1)  # a bomb is opened no further than this
    except zlib.error as error:
        raise Turned(HTTPStatus.BAD_REQUEST, "bad_gzip", "The body says it is gzip and is not.") from error
    if not unpacker.eof and len(plain) <= limit:
        raise Turned(HTTPStatus.BAD_REQUEST, "bad_gzip", "The gzip body ends too early.")
    return plain


def _decoded(decoder: msgspec.json.Decoder[Any], body: bytes) -> tuple[Any, bytes]:
    try:
        body.decode()  # the messages stay bytes for now, and must be text
        return decoder.decode(body), body
    except UnicodeDecodeError as error:
        raise Turned(HTTPStatus.BAD_REQUEST, "bad_json", "The body is not UTF-8.") from error
    except msgspec.ValidationError as error:
        raise Turned(HTTPStatus.BAD_REQUEST, "bad_json", _wording(error)) from error
    except RecursionError as error:
        raise Turned(HTTPStatus.BAD_REQUEST, "bad_json", "The JSON is nested too deeply.") from error
    except msgspec.DecodeError as error:
        repaired = _repaired(body)
        if repaired is None:
            raise Turned(HTTPStatus.BAD_REQUEST, "bad_json", f"The body is not JSON: {error}.") from error
        return _decoded(decoder, repaired)


def _wording(error: msgspec.ValidationError) -> str:
    if "missing required field `batch`" in str(error):
        return "The body needs `batch`, a list of messages."
    return f"The body doesn't fit: {error}."


def _repaired(body: bytes) -> bytes | None:
    """Half of an emoji, cut by somebody's program, is JSON to most parsers and text to none: it becomes a `?`."""
    if b"\\ud" not in body.lower():
        return None
    try:
        text = json.dumps(json.loads(body, parse_constant=_no_constant), ensure_ascii=False)
    except (ValueError, RecursionError):
        return None
    return ingest.storable(text).encode()


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _source(request: HttpRequest, key_in_body: str | None) -> Source:
    key = _key_in_header(request.META.get("HTTP_AUTHORIZATION", "")) or key_in_body
    if not key:
        raise Turned(HTTPStatus.UNAUTHORIZED, "no_key", "Send a write key: by Basic auth, with an empty password.")
    source = sources.of_key(key)
    if source is None:
        raise Turned(HTTPStatus.UNAUTHORIZED, "unknown_key", "This write key is unknown or was revoked.")
    return source


def _key_in_header(header: str) -> str:
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""
