"""The tracking API in the OpenAPI document. Its addresses are plain views, quicker than the framework's, and so are
described here: with the limits and kinds that the code has, and examples that a test sends.
"""

from typing import Any

from events.tracking.calls import ID_LENGTH, NAME_LENGTH
from events.tracking.reading import BATCH_BYTES, BATCH_MESSAGES, KINDS, MESSAGE_BYTES

SECURITY = "writeKey"
_REF = "#/components/schemas/Tracking{}"
_ID = {"type": ["string", "number"], "maxLength": ID_LENGTH}
_OPEN: dict[str, Any] = {"type": "object", "additionalProperties": True}
_MOMENT = {"type": "string", "format": "date-time"}

# What every kind of message may have.
COMMON: dict[str, Any] = {
    "userId": _ID | {"description": "The contact's external id; an unknown one makes a contact."},
    "anonymousId": _ID
    | {"description": "The visitor's, as their browser or app named them. One of the two is needed."},
    "messageId": {"type": "string", "description": "Taken once per source within 14 days."},
    "timestamp": _MOMENT | {"description": "When it happened; without it, when it was received."},
    "sentAt": _MOMENT
    | {"description": "The client's clock when it sent: corrects `timestamp` if that clock is wrong."},
    "context": _OPEN | {"description": "Of this, page, campaign, referrer, locale and timezone are kept."},
}
_TRAITS = _OPEN | {"description": "At most 100. email, phone, firstName … are the contact's own, others attributes."}
_PROPERTIES = _OPEN | {"description": "What belongs to the event; rules of segments can ask for each."}
OWN: dict[str, dict[str, Any]] = {
    "identify": {"traits": _TRAITS},
    "track": {"event": {"type": "string", "maxLength": NAME_LENGTH}, "properties": _PROPERTIES},
    "page": {"name": {"type": "string"}, "category": {"type": "string"}, "properties": _PROPERTIES},
    "screen": {"name": {"type": "string"}, "category": {"type": "string"}, "properties": _PROPERTIES},
    "group": {"groupId": _ID | {"description": "The company's id."}, "traits": _TRAITS},
    "alias": {"previousId": _ID | {"description": "What `userId` was called before."}},
}
NEEDED: dict[str, list[str]] = {
    "track": ["event"], "group": ["groupId"], "alias": ["previousId", "userId"],
}  # fmt: skip
SUMMARIES = {
    "identify": "Say who somebody is: traits become fields and attributes of the contact.",
    "track": "Say that somebody did something.",
    "page": "Say that somebody looked at a page.",
    "screen": "Say that somebody looked at a screen of an app.",
    "group": "Say which company somebody belongs to, and what is known about it.",
    "alias": "Say that one id and another are the same person.",
}
EXAMPLES: dict[str, dict[str, Any]] = {
    "identify": {"userId": "user-7", "traits": {"email": "ada@example.com", "plan": "pro"}},
    "track": {"userId": "user-7", "event": "Order Completed", "properties": {"revenue": 49.5, "currency": "EUR"}},
    "page": {"anonymousId": "visitor-1", "name": "Home", "properties": {"path": "/"}},
    "screen": {"userId": "user-7", "name": "Basket"},
    "group": {"userId": "user-7", "groupId": "company-1", "traits": {"name": "Example Bakery", "employees": 12}},
    "alias": {"userId": "user-7", "previousId": "visitor-1"},
}
BATCH_EXAMPLE = {"batch": [{"type": kind} | EXAMPLES[kind] for kind in ("identify", "track")]}


def describe(result: dict[str, Any], **hook: Any) -> dict[str, Any]:
    """A hook of drf-spectacular: the document, with the tracking API in it."""
    components = result.setdefault("components", {})
    components.setdefault("schemas", {}).update(_schemas())
    components.setdefault("securitySchemes", {})[SECURITY] = {
        "type": "http",
        "scheme": "basic",
        "description": "A source's write key as user name, no password. It may be in the body as `writeKey`.",
    }
    result["paths"] |= {f"/v1/{kind}": _path(kind, kind.title(), SUMMARIES[kind], EXAMPLES[kind]) for kind in KINDS}
    many = f"Many messages at once, at most {BATCH_MESSAGES:,} and {BATCH_BYTES // 1024} KB."
    result["paths"]["/v1/batch"] = _path("batch", "Batch", many, BATCH_EXAMPLE)
    result["paths"]["/v1/import"] = _path("import", "Batch", f"{many} The same as batch.", BATCH_EXAMPLE)
    return result


def _schemas() -> dict[str, Any]:
    kinds = {f"Tracking{kind.title()}": _message(kind) for kind in KINDS}
    any_kind = {
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"type": "string", "enum": list(KINDS)}},
        "anyOf": [{"$ref": _REF.format(kind.title())} for kind in KINDS],
    }
    batch = {
        "type": "object",
        "required": ["batch"],
        "properties": {
            "batch": {"type": "array", "maxItems": BATCH_MESSAGES, "items": any_kind},
            "sentAt": COMMON["sentAt"],
            "context": _OPEN | {"description": "Of every message that says nothing else."},
            "writeKey": {"type": "string"},
        },
        "example": BATCH_EXAMPLE,
    }
    return kinds | {"TrackingBatch": batch, "TrackingTaken": _TAKEN, "TrackingRefused": _REFUSED}


def _message(kind: str) -> dict[str, Any]:
    limit = f"At most {MESSAGE_BYTES // 1024} KB."
    message: dict[str, Any] = {"type": "object", "description": limit, "properties": COMMON | OWN[kind]}
    needed = NEEDED.get(kind, [])
    who = [] if "userId" in needed else [{"anyOf": [{"required": ["userId"]}, {"required": ["anonymousId"]}]}]
    return message | ({"required": needed} if needed else {}) | (who[0] if who else {}) | {"example": EXAMPLES[kind]}


_TAKEN = {
    "type": "object",
    "required": ["success"],
    "properties": {
        "success": {"type": "boolean", "const": True},
        "refused": {"type": "integer", "description": "So many messages of a batch were not taken; the others were."},
    },
}
_PLACE = {
    "type": "object",
    "required": ["index", "code", "message"],
    "properties": {
        "index": {"type": "integer", "description": "Which message of the batch, from 0."},
        "code": {"type": "string"},
        "message": {"type": "string"},
    },
}
_REFUSED = {
    "type": "object",
    "required": ["success", "code", "message"],
    "properties": {
        "success": {"type": "boolean", "const": False},
        "code": {"type": "string", "examples": ["too_large", "bad_json", "unknown_key", "nobody"]},
        "message": {"type": "string", "description": "What is wrong, for people."},
        "errors": {
            "type": "array",
            "items": _PLACE,
            "description": "In strict mode: each message that can't be taken.",
        },
    },
}


def _path(name: str, schema: str, summary: str, example: dict[str, Any]) -> dict[str, Any]:
    operation = {
        "operationId": f"tracking_{name}",
        "summary": summary,
        "description": "Segment's HTTP tracking API: its clients need another address and key, and no other change.",
        "tags": ["tracking"],
        "security": [{SECURITY: []}],
        "parameters": [_STRICT],
        "requestBody": {"required": True, "content": _json(schema, example)},
        "responses": _responses(),
    }
    return {"post": operation}


_STRICT = {
    "in": "header",
    "name": "X-Strict-Mode",
    "schema": {"type": "string", "enum": ["1"]},
    "description": "Take the request as a whole or not at all, and say for each message what is wrong.",
}


def _responses() -> dict[str, Any]:
    wait = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait."}}
    return {
        "200": {"description": "Understood and on disk.", "content": _json("Taken", {"success": True})},
        "400": _refused("No JSON, too large, or in strict mode any message that can't be taken."),
        "401": _refused("No write key, or one that is unknown or revoked."),
        "429": _refused("Too many requests in this minute.") | {"headers": wait},
    }


def _refused(description: str) -> dict[str, Any]:
    return {"description": description, "content": _json("Refused")}


def _json(schema: str, example: dict[str, Any] | None = None) -> dict[str, Any]:
    media: dict[str, Any] = {"schema": {"$ref": _REF.format(schema)}}
    return {"application/json": media | ({"example": example} if example else {})}
