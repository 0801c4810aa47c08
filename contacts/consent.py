"""Consent and suppression: every grant and withdrawal goes through here into the ledger, and the state with it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from contacts.addresses import BadAddress, normalise
from contacts.channels import channels
from contacts.models import ConsentRecord, ConsentState, Contact, Suppression
from core.errors import Refused
from team.models import User

Action = ConsentRecord.Action

# The newest moment wins: a record that arrives late, about an earlier moment, is kept but changes no state.
_UPDATE_STATE = """
INSERT INTO contacts_consentstate (contact_id, channel, topic, is_granted, since) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (contact_id, channel, topic) DO UPDATE SET is_granted = EXCLUDED.is_granted, since = EXCLUDED.since
WHERE contacts_consentstate.since <= EXCLUDED.since
"""

# People who have already decided are left alone: a file neither renews a grant nor overrules a withdrawal.
_GRANT_MANY = """
WITH people AS (
    SELECT DISTINCT id FROM unnest(%(ids)s::bigint[]) AS id
), stated AS (
    INSERT INTO contacts_consentstate (contact_id, channel, topic, is_granted, since)
    SELECT id, %(channel)s, '', true, %(at)s FROM people ON CONFLICT (contact_id, channel, topic) DO NOTHING
    RETURNING contact_id
)
INSERT INTO contacts_consentrecord
    (contact_id, channel, topic, action, source, wording, legal_basis, recorded_by_id, occurred_at, recorded_at)
SELECT contact_id, %(channel)s, '', 'grant', %(source)s, %(wording)s, 'consent', %(by)s, %(at)s, now() FROM stated
"""


def grant(
    contact: Contact,
    *,
    channel: str = "email",
    topic: str = "",
    source: str,
    wording: str = "",
    legal_basis: str = "",
    ip_address: str | None = None,
    by: User | None = None,
    at: datetime | None = None,
) -> ConsentRecord:
    """Record that the contact agreed; `at` is when they did, now if not said."""
    return _record(contact, Action.GRANT, channel, topic, source, wording, legal_basis, ip_address, by, at)


def withdraw(
    contact: Contact,
    *,
    channel: str = "email",
    topic: str = "",
    source: str,
    wording: str = "",
    legal_basis: str = "",
    ip_address: str | None = None,
    by: User | None = None,
    at: datetime | None = None,
) -> ConsentRecord:
    """Record that the contact no longer agrees."""
    return _record(contact, Action.WITHDRAW, channel, topic, source, wording, legal_basis, ip_address, by, at)


@transaction.atomic
def _record(
    contact: Contact,
    action: str,
    channel: str,
    topic: str,
    source: str,
    wording: str,
    legal_basis: str,
    ip_address: str | None,
    by: User | None,
    at: datetime | None,
) -> ConsentRecord:
    _check(contact, channel, source, at)
    moment = at or timezone.now()
    record = ConsentRecord.objects.create(
        contact=contact, channel=channel, topic=topic, action=action, source=source.strip(), wording=wording,
        legal_basis=legal_basis, ip_address=ip_address, recorded_by=by, occurred_at=moment,
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_UPDATE_STATE, [contact.pk, channel, topic, action == Action.GRANT, moment])
    return record


def _check(contact: Contact, channel: str, source: str, at: datetime | None) -> None:
    if contact.erased_at is not None:
        raise Refused("erased", "This contact was erased: nothing can be recorded about them any more.")
    if channel not in channels:
        raise Refused("unknown_channel", f"There is no channel {channel!r}. Use one of: {', '.join(channels)}.")
    if not source.strip():
        raise Refused("source_missing", "Say where the consent was given or withdrawn, e.g. the name of the form.")
    if at is not None and at > timezone.now():
        raise Refused("in_the_future", "Consent cannot be recorded for a moment that has not come yet.")


def grant_many(
    ids: Sequence[int],
    *,
    channel: str = "email",
    source: str,
    wording: str = "",
    by: User | None = None,
    at: datetime | None = None,
) -> int:
    """Grant for everyone in `ids` who has not decided about the channel yet; how many those were."""
    if not source.strip():
        raise Refused("source_missing", "Say where the people in the file agreed, e.g. the name of the form.")
    values: dict[str, Any] = {"ids": list(ids), "channel": channel, "source": source.strip(), "wording": wording}
    with connection.cursor() as cursor:
        cursor.execute(_GRANT_MANY, values | {"by": by.pk if by else None, "at": at or timezone.now()})
        return int(cursor.rowcount)


def suppress(
    address: str, *, channel: str = "email", reason: str, detail: str = "", by: User | None = None
) -> Suppression:
    """Never write to `address` again on this channel, whoever owns it. Doing it twice keeps the first reason."""
    suppression, _created = Suppression.objects.get_or_create(
        channel=channel,
        address=_normalised(address, channel),
        defaults={"reason": reason, "detail": detail[:500], "created_by": by},
    )
    return suppression


def release(suppression: Suppression) -> None:
    """Allow writing to the address again."""
    suppression.delete()


def is_suppressed(address: str, channel: str = "email") -> bool:
    return Suppression.objects.filter(channel=channel, address=_normalised(address, channel)).exists()


def is_granted(contact: Contact, channel: str = "email", topic: str = "") -> bool:
    return ConsentState.objects.filter(contact=contact, channel=channel, topic=topic, is_granted=True).exists()


def _normalised(address: str, channel: str) -> str:
    if channel not in channels:
        raise Refused("unknown_channel", f"There is no channel {channel!r}. Use one of: {', '.join(channels)}.")
    try:
        return normalise(channels[channel].address_field, address)
    except BadAddress as error:
        raise Refused("bad_address", str(error)) from error
