"""Suppression: addresses that are never written to, per channel, whoever owns them; adding, finding, releasing.

An entry is known by the salted hash of its address, so that it holds after an erasure has taken the address out.
"""

import contextlib
from collections.abc import Collection, Mapping

from django.db import connection, transaction
from django.db.models import BinaryField, Exists, Func, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Collate
from django.utils import timezone

from contacts.addresses import BadAddress, normalise
from contacts.channels import channels
from contacts.models import Contact, SoftBounces, Suppression, SuppressionRelease
from core.errors import Refused
from team.models import User

DETAIL_LENGTH = 500
TRIES = 3
# What may be the person's wish is released by fewer people than what a mailbox answered.
RELEASE_BOUNCE, RELEASE_WISH = "contacts.release_suppression", "contacts.release_objection"

# The salt is looked up once for a whole statement. Without one there is no entry yet, and nothing equals NULL.
_HASH = "sha256((SELECT salt FROM contacts_suppressionsalt) || convert_to({}, 'UTF8'))"


def hash_sql(address: str) -> str:
    """SQL for the hash of an address in its stored form; `address` is SQL of ours, no address itself."""
    return _HASH.format(address)


class _Hash(Func):
    template = _HASH.format("%(expressions)s")
    output_field = BinaryField()


def hashed(address: str) -> Func:
    """The hash of an address in its stored form, for filters."""
    return _Hash(Value(address))


def suppress(
    address: str, *, channel: str = "email", reason: str, detail: str = "", by: User | None = None
) -> Suppression:
    """Never write to `address` again on this channel, whoever owns it. Doing it twice keeps the first reason."""
    stored = normalised(address, channel)
    for _ in range(TRIES):
        suppress_many({stored: detail}, channel=channel, reason=reason, by=by)
        found = find(stored, channel)
        if found is not None:
            return found
    raise Refused("released_meanwhile", "Somebody is releasing this address right now. Look at it again.")


# In one order, so that two who add the same addresses don't wait for each other.
_ADD = f"""
INSERT INTO contacts_suppression (channel, address, address_hash, reason, detail, created_by_id)
SELECT %(channel)s, t.address, {hash_sql("t.address")}, %(reason)s, t.detail, %(by)s
FROM unnest(%(addresses)s::text[], %(details)s::text[]) AS t(address, detail) ORDER BY t.address COLLATE "C"
ON CONFLICT DO NOTHING
"""  # noqa: S608  our own SQL


def suppress_many(told: Mapping[str, str], *, channel: str = "email", reason: str, by: User | None = None) -> int:
    """Suppress addresses in their stored form, each with its detail; how many were not suppressed before."""
    if not told:
        return 0
    values = {
        "channel": channel, "reason": reason, "by": by.pk if by else None,
        "addresses": list(told), "details": [detail[:DETAIL_LENGTH] for detail in told.values()],
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_ADD, values)
        return int(cursor.rowcount)


def find(address: str, channel: str = "email") -> Suppression | None:
    """The entry of an address in its stored form, whether the entry still shows the address or not."""
    return Suppression.objects.filter(channel=channel, address_hash=hashed(address)).first()


def is_of(text: str) -> Q:
    """Entries, or releases, of the address that `text` is in whatever spelling; none if it is no address."""
    wanted = Q(pk__in=[])
    for key in channels:
        with contextlib.suppress(Refused):  # the start of one, or nothing that the channel could write to
            wanted |= Q(channel=key, address_hash=hashed(normalised(text, key)))
    return wanted


def is_suppressed(address: str, channel: str = "email") -> bool:
    return find(normalised(address, channel), channel) is not None


def among(addresses: Collection[str], channel: str = "email") -> set[str]:
    """Those of the addresses, in their stored form, that are suppressed."""
    statement = f"""
        SELECT t.address FROM unnest(%s::text[]) AS t(address)
        JOIN contacts_suppression s ON s.channel = %s AND s.address_hash = {hash_sql("t.address")}
    """  # noqa: S608  our own SQL
    with connection.cursor() as cursor:
        cursor.execute(statement, [list(addresses), channel])
        return {address for (address,) in cursor.fetchall()}


def normalised(address: str, channel: str) -> str:
    """The address in its stored form; Refused where it is none."""
    if channel not in channels:
        raise Refused("unknown_channel", f"There is no channel {channel!r}. Use one of: {', '.join(channels)}.")
    try:
        return normalise(channels[channel].address_field, address)
    except BadAddress as error:
        raise Refused("bad_address", str(error)) from error


def right_to_release(entry: Suppression) -> str:
    """The permission that releasing it takes."""
    return RELEASE_WISH if entry.is_wish else RELEASE_BOUNCE


@transaction.atomic
def release(entry: Suppression, *, why: str, by: User | None) -> SuppressionRelease:
    """The address may be written to again; that it was released, by whom and why, is kept for good."""
    if not why.strip():
        raise Refused("why_missing", "Say why the address may be written to again. It is kept with the release.")
    held = Suppression.objects.select_for_update(of=("self",)).filter(pk=entry.pk).first()
    if held is None:
        raise Refused("not_suppressed", "This address was released already.")
    held.delete()
    now = timezone.now()
    if held.address:  # what bounced until today says nothing about what is sent from now on
        rows = SoftBounces.objects.filter(address=held.address, channel=held.channel)
        rows.update(count=0, message_ids=[], sent_at=[], arrived_at=now)
    return SuppressionRelease.objects.create(
        channel=held.channel, address=held.address, address_hash=held.address_hash, reason=held.reason,
        detail=held.detail, suppressed_by_id=held.created_by_id, suppressed_at=held.created_at,
        why=why.strip()[:DETAIL_LENGTH], released_by=by, released_at=now,
    )  # fmt: skip


def releases(entry: Suppression | SuppressionRelease) -> QuerySet[SuppressionRelease]:
    """How often the same address was released before, newest first."""
    earlier = SuppressionRelease.objects.filter(address_hash=entry.address_hash, channel=entry.channel)
    return earlier.select_related("released_by", "suppressed_by")


def forget(addresses: Collection[str]) -> None:
    """Take out of everything here addresses of somebody who was erased; entries go on to hold by their hash.

    Those that another contact has stay readable. What was said about an entry goes too: servers like to repeat the
    address in their answers.
    """
    # Numbers have the database's collation: in the addresses' own, C, their index would not answer.
    as_number = Collate(OuterRef("address"), "default")
    gone = ~Exists(Contact.objects.filter(email=OuterRef("address"))) & ~Exists(Contact.objects.filter(phone=as_number))
    named = list(addresses)
    Suppression.objects.filter(gone, address__in=named).update(address=None, detail="")
    SuppressionRelease.objects.filter(gone, address__in=named).update(address=None, detail="", why="")
    SoftBounces.objects.filter(gone, address__in=named).delete()
