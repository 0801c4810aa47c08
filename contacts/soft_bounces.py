"""Soft bounces: a full mailbox, a server that says “not now” to the end. IN_A_ROW of them suppress the address."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from contacts import suppression
from contacts.models import Suppression

IN_A_ROW = 5
REMEMBERED = 20  # bounces of one address: more than a row, so that a repeated report is known again

# 1. Everyone concerned has a row, and it is ours until the end: of two reports at once, the second sees the first.
_HOLD = """
INSERT INTO contacts_softbounces (address, channel)
SELECT DISTINCT t.address COLLATE "C", %(channel)s FROM unnest(%(addresses)s::text[]) AS t(address) ORDER BY 1
ON CONFLICT DO NOTHING
"""
_LOCK = """
SELECT FROM contacts_softbounces WHERE address = ANY(%(addresses)s) AND channel = %(channel)s
ORDER BY address FOR UPDATE
"""
# 2. What is known and what is new together, each message once, and only what was sent after the last that arrived.
_COUNT = """
UPDATE contacts_softbounces s
SET message_ids = found.ids[:%(remembered)s], sent_at = found.moments[:%(remembered)s],
    count = least(cardinality(found.ids), %(remembered)s)
FROM (
    SELECT address, array_agg(message_id ORDER BY sent_at DESC, message_id) AS ids,
        array_agg(sent_at ORDER BY sent_at DESC, message_id) AS moments
    FROM (
        SELECT DISTINCT ON (r.address, b.message_id) r.address, b.message_id, b.sent_at
        FROM contacts_softbounces r
        JOIN LATERAL (
            SELECT * FROM unnest(r.message_ids, r.sent_at) AS known(message_id, sent_at)
            UNION ALL
            SELECT message_id, sent_at
            FROM unnest(%(addresses)s::text[], %(ids)s::bigint[], %(moments)s::timestamptz[])
                AS told(address, message_id, sent_at)
            WHERE told.address = r.address
        ) b ON r.arrived_at IS NULL OR b.sent_at > r.arrived_at
        WHERE r.channel = %(channel)s AND r.address = ANY(%(addresses)s)
        ORDER BY r.address, b.message_id, b.sent_at
    ) each GROUP BY address
) found
WHERE s.address = found.address AND s.channel = %(channel)s
RETURNING s.address, s.count
"""
_ARRIVED = """
UPDATE contacts_softbounces s
SET arrived_at = found.at, message_ids = found.ids, sent_at = found.moments, count = cardinality(found.ids)
FROM (
    SELECT r.address, a.at,
        ARRAY(SELECT message_id FROM unnest(r.message_ids, r.sent_at) AS known(message_id, sent_at)
              WHERE sent_at > a.at) AS ids,
        ARRAY(SELECT sent_at FROM unnest(r.sent_at) AS known(sent_at) WHERE sent_at > a.at) AS moments
    FROM contacts_softbounces r
    JOIN (SELECT address, max(at) AS at FROM unnest(%(addresses)s::text[], %(moments)s::timestamptz[])
          AS told(address, at) GROUP BY address) a ON a.address = r.address
    WHERE r.channel = %(channel)s AND (r.arrived_at IS NULL OR r.arrived_at < a.at)
) found
WHERE s.address = found.address AND s.channel = %(channel)s
"""


@dataclass(frozen=True, slots=True)
class Bounce:
    """A message that came back. `address` is in its stored form; `sent_at` is the message's, not the bounce's."""

    address: str
    message_id: int
    sent_at: datetime
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message sent then has reached its mailbox: it was delivered, opened or clicked."""

    address: str
    sent_at: datetime


@transaction.atomic
def count(bounces: Sequence[Bounce], *, channel: str = "email") -> list[str]:
    """Count each message once, however often it is told of; the addresses that have had enough and are suppressed."""
    if not bounces:
        return []
    values = _values([(one.address, one.sent_at) for one in bounces], channel)
    values |= {"ids": [one.message_id for one in bounces], "remembered": REMEMBERED}
    with connection.cursor() as cursor:
        cursor.execute(_HOLD, values)
        cursor.execute(_LOCK, values)
        cursor.execute(_COUNT, values)
        full = {address: counted for address, counted in cursor.fetchall() if counted >= IN_A_ROW}
    last = {one.address: one.detail for one in sorted(bounces, key=lambda one: one.sent_at) if one.address in full}
    told = {address: f"{full[address]} messages in a row came back. The last: {last[address]}" for address in full}
    suppression.suppress_many(told, channel=channel, reason=Suppression.Reason.SOFT_BOUNCES)
    return sorted(full)


@transaction.atomic
def end(arrivals: Sequence[Arrival], *, channel: str = "email") -> None:
    """What bounced before a message that arrived is no row any more; what bounced after it is."""
    if not arrivals:
        return
    values = _values([(one.address, one.sent_at) for one in arrivals], channel)
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, values)
        cursor.execute(_ARRIVED, values)


def _values(told: Sequence[tuple[str, datetime]], channel: str) -> dict[str, Any]:
    addresses, moments = zip(*told, strict=True)
    return {"channel": channel, "addresses": list(addresses), "moments": list(moments)}
