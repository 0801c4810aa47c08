"""Writing to the event log: one event, or any number of them by COPY."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import islice
from typing import Any, Required, TypedDict

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction
from django.utils import timezone

from events.models import Event

COLUMNS = (
    "name", "contact_id", "anonymous_id", "campaign_id", "variant_id", "message_id", "occurred_at", "label",
    "label_reason", "properties",
)  # fmt: skip
CHUNK = 5_000  # events per COPY: a few megabytes, and no slower than one COPY for all
LABELS = frozenset(Event.Label.values)
_INSERT = f"INSERT INTO events_event ({', '.join(COLUMNS)}) VALUES ({', '.join(['%s'] * len(COLUMNS))}) RETURNING id"  # noqa: S608
_COPY = f"COPY events_event ({', '.join(COLUMNS)}) FROM STDIN"


class NewEvent(TypedDict, total=False):
    """One row for `record_many`: the keyword arguments of `record`, its name and, of a visitor, the anonymous id."""

    name: Required[str]
    contact_id: int | None
    anonymous_id: str | None
    campaign_id: int | None
    variant_id: int | None
    message_id: int | None
    occurred_at: datetime | None
    label: str
    label_reason: str
    properties: Mapping[str, Any] | None


def record(
    name: str,
    *,
    contact_id: int | None = None,
    campaign_id: int | None = None,
    variant_id: int | None = None,
    message_id: int | None = None,
    occurred_at: datetime | None = None,
    label: str = Event.Label.HUMAN,
    label_reason: str = "",
    properties: Mapping[str, Any] | None = None,
) -> int:
    """Append one event, in the caller's transaction; returns its id. ValueError for what the log can't hold."""
    event = NewEvent(
        name=name, contact_id=contact_id, campaign_id=campaign_id, variant_id=variant_id, message_id=message_id,
        occurred_at=occurred_at, label=label, label_reason=label_reason, properties=properties,
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, _row(event, timezone.now()))
        return int(cursor.fetchone()[0])


def record_many(events: Iterable[NewEvent]) -> int:
    """Append events by COPY, in the caller's transaction and in the given order; returns how many there were.

    Takes any iterable and holds CHUNK of its events at a time. ValueError names what the log can't hold, and then
    nothing of this call is kept.
    """
    now, count, coming = timezone.now(), 0, iter(events)
    with transaction.atomic():
        # The rows are there before the COPY begins: a connection in the middle of one answers no query, and an
        # iterable that asks the database would wait for itself.
        while rows := [_row(event, now) for event in islice(coming, CHUNK)]:
            _copy(rows)
            count += len(rows)
    return count


def _copy(rows: Iterable[tuple[Any, ...]]) -> None:
    with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        for row in rows:
            copy.write_row(row)


def _row(event: NewEvent, now: datetime) -> tuple[Any, ...]:
    name, label = event["name"], event.get("label", Event.Label.HUMAN)
    if not 0 < len(name) <= 120 or "\0" in name:
        raise ValueError(f"An event's name has 1 to 120 characters, not {len(name)}.")
    if label not in LABELS:
        raise ValueError(f"An event is labelled {', '.join(sorted(LABELS))}; not {label!r}.")
    return (
        name,
        event.get("contact_id"),
        event.get("anonymous_id"),
        event.get("campaign_id"),
        event.get("variant_id"),
        event.get("message_id"),
        event.get("occurred_at") or now,
        str(label),
        storable(event.get("label_reason", ""))[:120],
        as_json(event.get("properties") or {}),
    )


def as_json(properties: Mapping[str, Any]) -> str:
    """`properties` as JSON that PostgreSQL can hold; ValueError for numbers that are none."""
    text = json.dumps(properties, cls=DjangoJSONEncoder, allow_nan=False)
    # Rare enough to pay for only when seen: PostgreSQL stores neither NUL nor halves of a surrogate pair in jsonb.
    if "\\u0000" in text or "\\ud" in text:
        text = json.dumps(_storable_json(json.loads(text)))
    return text


def _storable_json(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {storable(key): _storable_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_storable_json(item) for item in value]
    return value


def storable(text: str) -> str:
    """`text` without what PostgreSQL can't store; user agents and URLs may hold anything."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()
