"""Consent as evidence: whether one could write to a person at a moment, and the records that say so."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format

from contacts.channels import channels
from contacts.models import ConsentRecord, Contact, Topic
from contacts.permission import permits
from core.errors import Refused

Action = ConsentRecord.Action
_STATES: dict[str, bool | None] = {Action.GRANT: True, Action.WITHDRAW: False, Action.CLEAR: None}


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether consent allowed a message at `at`, why, and what is known of it.

    `deciding` are the records that decide, `records` all that speak of the channel and topic up to then, oldest first.
    `late` are those among them that were recorded only after `at`; `was_known` is the answer that the ledger would
    have given at that moment itself. The topic's way of joining is today's.
    """

    may: bool
    sentence: str
    at: datetime
    channel: str
    topic: str
    deciding: list[ConsentRecord]
    records: list[ConsentRecord]
    late: list[ConsentRecord]
    was_known: bool


def could_write(contact: Contact, *, at: datetime, channel: str = "email", topic: str = "") -> Answer:
    """Could we write to the contact at that moment? By consent alone: suppression and pauses are other questions."""
    if channel not in channels:
        raise Refused("unknown_channel", f"There is no channel {channel!r}. Use one of: {', '.join(channels)}.")
    known = Topic.objects.filter(key=topic).first() if topic else None
    if topic and known is None:
        raise Refused("unknown_topic", f"There is no topic {topic[:60]!r}.")
    records = list(
        contact.consent_records.filter(channel=channel, topic__in={"", topic}, occurred_at__lte=at)
        .select_related("recorded_by")
        .order_by("occurred_at", "id")
    )
    may = _is_permitted(records, known)
    return Answer(
        may=may,
        sentence=_sentence(contact, records, known, at=at, may=may),
        at=at,
        channel=channel,
        topic=topic,
        deciding=_deciding(records, topic),
        records=records,
        late=[record for record in records if record.recorded_at > at],
        was_known=_is_permitted([record for record in records if record.recorded_at <= at], known),
    )


def _is_permitted(records: Sequence[ConsentRecord], topic: Topic | None) -> bool:
    whole = _state(_last(records, ""))
    return permits(topic, channel_state=whole, topic_state=_state(_last(records, topic.key)) if topic else None)


def _last(records: Iterable[ConsentRecord], topic: str) -> ConsentRecord | None:
    """The newest record of `topic` that changed anything; `records` are in order."""
    return next((one for one in reversed([*records]) if one.topic == topic and one.action in _STATES), None)


def _state(record: ConsentRecord | None) -> bool | None:
    return _STATES[record.action] if record else None


def _deciding(records: Sequence[ConsentRecord], topic: str) -> list[ConsentRecord]:
    """The newest records of the topic and of the channel, with the request that a confirmed grant answers."""
    newest = [record for key in dict.fromkeys((topic, "")) if (record := _last(records, key)) is not None]
    asked = [one for one in records if one.topic == topic and one.action == Action.REQUEST]
    return sorted({*newest, *asked[-1:]}, key=lambda one: (one.occurred_at, one.pk))


def _sentence(contact: Contact, records: list[ConsentRecord], topic: Topic | None, *, at: datetime, may: bool) -> str:
    whole, own = _last(records, ""), _last(records, topic.key) if topic else None
    if may:
        given = whole if topic is None or topic.opt_in == Topic.OptIn.CHANNEL else own
        return f"Yes: {_told(given, 'granted')}, and not withdrawn by then." if given else "Yes."
    for record in (whole, own):
        if record is not None and record.action == Action.WITHDRAW:
            return f"No: {_told(record, 'withdrawn')}."
    newest = [one for one in records if one.topic == (topic.key if topic else "")][-1:]
    if newest and newest[0].action == Action.REQUEST:
        return f"No: {_told(newest[0], 'to be confirmed, asked for')}, and had not been by then."
    return "No: no consent to it had been given by then."


def _told(record: ConsentRecord, done: str) -> str:
    when = date_format(timezone.localtime(record.occurred_at), "j F Y, H:i")
    about = f"“{_name(record.topic)}”" if record.topic else f"{record.get_channel_display().lower()} as a whole"
    return f"{about} was {done} on {when} ({record.source})"


def _name(key: str) -> str:
    return Topic.objects.filter(key=key).values_list("name", flat=True).first() or key
