"""Consent: every grant, withdrawal and request goes through here into the ledger, and the state with it."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from contacts.channels import channels
from contacts.models import Confirmation, ConsentRecord, ConsentState, Contact, Topic
from contacts.proof import could_write as could_write  # what people ask about consent is one vocabulary
from core.errors import Refused
from team.models import User

Action = ConsentRecord.Action
STATE_OF: dict[str, bool | None] = {Action.GRANT: True, Action.WITHDRAW: False, Action.CLEAR: None}

CONFIRM_WITHIN = timedelta(days=7)
# Whoever fills in somebody else's address again and again must not fill their mailbox.
MAILS_APART = timedelta(minutes=10)
MAX_MAILS = 3

# The newest moment wins: a record that arrives late, about an earlier moment, is kept but changes no state.
_UPDATE_STATE = """
INSERT INTO contacts_consentstate (contact_id, channel, topic, is_granted, since) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (contact_id, channel, topic) DO UPDATE SET is_granted = EXCLUDED.is_granted, since = EXCLUDED.since
WHERE contacts_consentstate.since <= EXCLUDED.since
"""

# People who have already decided are left alone: a file neither renews a grant nor overrules a withdrawal, and one
# that grants a topic says nothing for those who want nothing from the whole channel. (Looked up one by one in the
# unique index: as NOT EXISTS it would read all states for each chunk of a file.)
_GRANT_MANY = """
WITH people AS (
    SELECT DISTINCT p.id, t.topic
    FROM unnest(%(ids)s::bigint[]) AS p(id) CROSS JOIN unnest(%(topics)s::text[]) AS t(topic)
    WHERE t.topic = '' OR (
        SELECT w.is_granted FROM contacts_consentstate w
        WHERE w.contact_id = p.id AND w.channel = %(channel)s AND w.topic = '') IS NOT FALSE
), stated AS (
    INSERT INTO contacts_consentstate (contact_id, channel, topic, is_granted, since)
    SELECT id, %(channel)s, topic, true, %(at)s FROM people ON CONFLICT (contact_id, channel, topic) DO NOTHING
    RETURNING contact_id, topic
), noted AS (
    INSERT INTO contacts_consentrecord
        (contact_id, channel, topic, action, source, wording, legal_basis, recorded_by_id, occurred_at, recorded_at)
    SELECT contact_id, %(channel)s, topic, 'grant', %(source)s, %(wording)s, 'consent', %(by)s, %(at)s, now()
    FROM stated
)
SELECT count(DISTINCT contact_id) FROM stated
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


@transaction.atomic
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
    """Record that the contact no longer agrees; what they were asked to confirm before that can't be confirmed now."""
    record = _record(contact, Action.WITHDRAW, channel, topic, source, wording, legal_basis, ip_address, by, at)
    asked = contact.confirmations.filter(
        channel=channel, confirmed_at=None, request__occurred_at__lte=record.occurred_at
    )
    (asked.filter(topic=topic) if topic else asked).delete()
    return record


@transaction.atomic
def opt_in(
    contact: Contact,
    *,
    channel: str = "email",
    topic: str = "",
    source: str,
    wording: str = "",
    ip_address: str | None = None,
    by: User | None = None,
) -> ConsentRecord:
    """The contact themself says yes: granted at once, or asked to confirm by a link when the topic says so.

    The answer's `action` tells which: Action.GRANT or Action.REQUEST. Somebody who has confirmed the topic and has
    it still needs no second mail. A withdrawal from the whole channel no longer stands in the way of a topic that
    they join afterwards, and gives nothing else back.
    """
    known = topic_called(topic)
    told: dict[str, Any] = {"source": source, "wording": wording or (known.wording if known else "")}
    told |= {"ip_address": ip_address, "by": by}
    if known is not None and known.opt_in == Topic.OptIn.DOUBLE and not _has(contact, channel, topic):
        return _ask_to_confirm(contact, channel, topic, told)
    return join(contact, channel=channel, topic=known, **told)


@transaction.atomic
def join(contact: Contact, *, channel: str, topic: Topic | None, **told: Any) -> ConsentRecord:
    """Grant what the contact asked for, and what it needs of the channel for it to count."""
    whole = state(contact, channel)
    if topic is not None and topic.opt_in == Topic.OptIn.CHANNEL and whole is not True:
        grant(contact, channel=channel, **told)
    elif topic is not None and whole is False:
        why = f"joined “{topic}” later: {told['source']}"[:200]
        clear(contact, channel=channel, source=why, ip_address=told.get("ip_address"), by=told.get("by"))
    return grant(contact, channel=channel, topic=topic.key if topic else "", **told)


def clear(
    contact: Contact,
    *,
    channel: str = "email",
    topic: str = "",
    source: str,
    ip_address: str | None = None,
    by: User | None = None,
    at: datetime | None = None,
) -> ConsentRecord:
    """Record that neither a grant nor a withdrawal stands any more, as if nobody had asked."""
    return _record(contact, Action.CLEAR, channel, topic, source, "", "", ip_address, by, at)


def _ask_to_confirm(contact: Contact, channel: str, topic: str, told: dict[str, Any]) -> ConsentRecord:
    """Note the request; its mail is delivery's to send, which finds the row."""
    if not getattr(contact, channels[channel].address_field):
        raise Refused("no_address", f"{contact} has no address to confirm: add one, or record consent given elsewhere.")
    Contact.objects.select_for_update(no_key=True).get(pk=contact.pk)  # two requests at once make one confirmation
    record = _record(
        contact,
        Action.REQUEST,
        channel,
        topic,
        told["source"],
        told["wording"],
        "",
        told["ip_address"],
        told["by"],
        None,
    )
    asked = contact.confirmations.filter(channel=channel, topic=topic, confirmed_at=None).first()
    if asked is None:
        _begin(Confirmation(contact=contact, channel=channel, topic=topic), record)
    elif asked.expires_at <= record.occurred_at:
        _begin(asked, record)
    else:
        _remind(asked, record)
    return record


def _begin(confirmation: Confirmation, record: ConsentRecord) -> None:
    confirmation.request, confirmation.expires_at = record, record.occurred_at + CONFIRM_WITHIN
    confirmation.due_at, confirmation.attempt, confirmation.sent_at = record.occurred_at, 1, None
    confirmation.message_id, confirmation.failure = None, ""
    confirmation.save()


def _remind(confirmation: Confirmation, record: ConsentRecord) -> None:
    """Asked for again: the mail goes out again, but not soon after the last one, and not for ever."""
    if confirmation.sent_at is None or confirmation.attempt >= MAX_MAILS:
        return
    confirmation.due_at = max(record.occurred_at, confirmation.sent_at + MAILS_APART)
    confirmation.attempt, confirmation.sent_at, confirmation.message_id = confirmation.attempt + 1, None, None
    confirmation.save()


def topic_called(key: str) -> Topic | None:
    """The topic, or None for the channel as a whole; Refused if there is none of that name."""
    if not key:
        return None
    topic = Topic.objects.filter(key=key).first()
    if topic is None:
        raise Refused("unknown_topic", f"There is no topic {key[:60]!r}. Add it under Topics, or use another key.")
    return topic


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
    _check(contact, channel, topic, source, at)
    moment = at or timezone.now()
    record = ConsentRecord.objects.create(
        contact=contact, channel=channel, topic=topic, action=action, source=source.strip(), wording=wording,
        legal_basis=legal_basis, ip_address=ip_address, recorded_by=by, occurred_at=moment,
    )  # fmt: skip
    if action in STATE_OF:
        with connection.cursor() as cursor:
            cursor.execute(_UPDATE_STATE, [contact.pk, channel, topic, STATE_OF[action], moment])
    return record


def _check(contact: Contact, channel: str, topic: str, source: str, at: datetime | None) -> None:
    if contact.erased_at is not None:
        raise Refused("erased", "This contact was erased: nothing can be recorded about them any more.")
    if channel not in channels:
        raise Refused("unknown_channel", f"There is no channel {channel!r}. Use one of: {', '.join(channels)}.")
    topic_called(topic)
    if not source.strip():
        raise Refused("source_missing", "Say where the consent was given or withdrawn, e.g. the name of the form.")
    if at is not None and at > timezone.now():
        raise Refused("in_the_future", "Consent cannot be recorded for a moment that has not come yet.")


def grant_many(
    ids: Sequence[int],
    *,
    channel: str = "email",
    topics: Sequence[str] = ("",),
    source: str,
    wording: str = "",
    by: User | None = None,
    at: datetime | None = None,
) -> int:
    """Grant each topic to everyone in `ids` who has not decided about it yet; how many people that was news for."""
    if not source.strip():
        raise Refused("source_missing", "Say where the people in the file agreed, e.g. the name of the form.")
    values: dict[str, Any] = {"ids": list(ids), "channel": channel, "topics": list(topics), "source": source.strip()}
    values |= {"wording": wording, "by": by.pk if by else None, "at": at or timezone.now()}
    with connection.cursor() as cursor:
        cursor.execute(_GRANT_MANY, values)
        return int(cursor.fetchone()[0])


def state(contact: Contact, channel: str = "email", topic: str = "") -> bool | None:
    """True: granted, False: withdrawn, None: neither."""
    found = ConsentState.objects.filter(contact=contact, channel=channel, topic=topic)
    return found.values_list("is_granted", flat=True).first()


def is_granted(contact: Contact, channel: str = "email", topic: str = "") -> bool:
    return state(contact, channel, topic) is True


def _has(contact: Contact, channel: str, topic: str) -> bool:
    return is_granted(contact, channel, topic) and state(contact, channel) is not False


@transaction.atomic
def take_stricter(survivor: Contact, merged: Contact, *, takes: Collection[str] = ()) -> None:
    """Two contacts become one: the survivor's consent afterwards is the stricter of both.

    A withdrawal by either is one of the survivor; a grant by both is one. A grant by one, with the other never asked,
    was given for an address: it holds if the survivor goes on with that address, or if the other has none that anyone
    could have asked about. `takes` names the address fields ("email") that the survivor takes over; what it lacks it
    takes over anyway. Call this while both rows still have their addresses. The merged contact's records stay with
    it as proof, and what it was asked to confirm can't be confirmed any more.
    """
    merged.confirmations.filter(confirmed_at=None).delete()
    ours, theirs = _states(survivor), _states(merged)
    for channel, topic in sorted(ours.keys() | theirs.keys()):
        own, other = ours.get((channel, topic)), theirs.get((channel, topic))
        goes_on = _keeps_grants(survivor, merged, channels[channel].address_field, takes, is_own=own is True)
        wanted = _stricter(own, other, goes_on=goes_on)
        if wanted is not own:
            _take_over(survivor, merged, channel, topic, wanted)


def _states(contact: Contact) -> dict[tuple[str, str], bool | None]:
    states = ConsentState.objects.filter(contact=contact)
    return {
        (channel, topic): granted for channel, topic, granted in states.values_list("channel", "topic", "is_granted")
    }


def _stricter(own: bool | None, other: bool | None, *, goes_on: bool) -> bool | None:
    """`goes_on`: whether a grant by only one of them holds."""
    if own is False or other is False:
        return False
    if own and other:
        return True
    return True if (own or other) and goes_on else None


def _keeps_grants(survivor: Contact, merged: Contact, field: str, takes: Collection[str], *, is_own: bool) -> bool:
    own, other = getattr(survivor, field), getattr(merged, field)
    kept = other if other and (field in takes or not own) else own
    granted_for, never_asked = (own, other) if is_own else (other, own)
    return bool(granted_for) and (granted_for == kept or not never_asked)


def _take_over(survivor: Contact, merged: Contact, channel: str, topic: str, wanted: bool | None) -> None:
    records = merged.consent_records.filter(channel=channel, topic=topic)
    told = records.filter(action=Action.GRANT if wanted else Action.WITHDRAW).first()
    source = f"merged with contact {merged.uuid}" + (f": {told.source}" if told else "")
    action = {True: Action.GRANT, False: Action.WITHDRAW, None: Action.CLEAR}[wanted]
    wording, basis = (told.wording, told.legal_basis) if told else ("", "")
    _record(survivor, action, channel, topic, source[:200], wording, basis, None, None, None)
