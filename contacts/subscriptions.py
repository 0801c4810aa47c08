"""Topics by channels of one person: what they get, and following what they tick."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from contacts import consent, permission
from contacts.channels import Channel, channels
from contacts.models import ConsentState, Contact, Topic

GENERAL = ""  # the key of the channel as a whole, which messages without a topic need

Cell = tuple[str, str]  # channel, topic


@dataclass(frozen=True, slots=True)
class Way:
    """One topic by one channel."""

    channel: Channel
    topic: Topic | None
    is_on: bool
    waits_for_confirmation: bool

    @property
    def key(self) -> str:
        return self.topic.key if self.topic else GENERAL

    @property
    def cell(self) -> Cell:
        return self.channel.key, self.key

    @property
    def needs_general(self) -> bool:
        """It comes with consent to the channel, and goes with it."""
        return self.topic is not None and self.topic.opt_in == Topic.OptIn.CHANNEL


@dataclass(frozen=True, slots=True)
class Told:
    """What the ledger keeps beside a decision. `wording` gives the sentence that was agreed to."""

    source: str
    ip_address: str | None = None
    wordings: dict[Cell, str] = field(default_factory=dict)

    def about(self, cell: Cell) -> dict[str, Any]:
        return {"source": self.source, "ip_address": self.ip_address, "wording": self.wordings.get(cell, "")}


def of(contact: Contact) -> list[list[Way]]:
    """A line for each topic, the general one first; in it a way for each channel that could reach the person.

    Topics that are not public, and channels without an address, show to those who have them, so that they can leave.
    """
    states, waiting = _states(contact), _waiting(contact)
    topics = Topic.objects.filter(Q(is_public=True) | Q(key__in=[key for (_, key), on in states.items() if on]))
    lines = [[_way(channel, topic, states, waiting) for channel in channels.values()] for topic in (None, *topics)]
    shown = [[way for way in line if way.is_on or getattr(contact, way.channel.address_field)] for line in lines]
    return [line for line in shown if line]


@transaction.atomic
def follow(contact: Contact, *, shown: Collection[Cell], wanted: Collection[Cell], told: Told) -> None:
    """Bring the ways that were `shown` in line with those `wanted`; what was not shown stays, what is so already too.

    Leaving a channel's general messages takes along what comes with them and keeps topics with a consent of their own.
    """
    Contact.objects.select_for_update(no_key=True).get(pk=contact.pk)
    for channel in sorted({channel for channel, _ in shown}):
        # Before the channel itself, which would hide what they had: it must not come back with the channel one day.
        _leave_unwanted(contact, channel, shown, wanted, told)
        leaves = _follow_general(contact, channel, set(shown), set(wanted), told)
        for way in _shown_ways(contact, channel, shown):
            if way.cell in wanted and not way.is_on and not (way.needs_general and leaves):
                consent.opt_in(contact, channel=channel, topic=way.key, **told.about(way.cell))
        _leave_unwanted(contact, channel, shown, wanted, told)  # what came along with a channel that they joined


def _leave_unwanted(
    contact: Contact, channel: str, shown: Collection[Cell], wanted: Collection[Cell], told: Told
) -> None:
    for way in _shown_ways(contact, channel, shown):
        if way.is_on and way.cell not in wanted:
            consent.withdraw(contact, channel=channel, topic=way.key, **told.about(way.cell))


@transaction.atomic
def leave_all(contact: Contact, *, told: Told) -> None:
    """Withdraw everything, on every channel there is; a second time adds nothing."""
    Contact.objects.select_for_update(no_key=True).get(pk=contact.pk)
    states = _states(contact)
    cells = {cell for cell, is_on in states.items() if is_on} | {(channel, GENERAL) for channel in channels}
    for channel, topic in sorted(cells):
        if states.get((channel, topic)) is not False:
            consent.withdraw(contact, channel=channel, topic=topic, **told.about((channel, topic)))


def _follow_general(contact: Contact, channel: str, shown: set[Cell], wanted: set[Cell], told: Told) -> bool:
    """Join or leave the channel as a whole, if that was shown; whether it was left.

    Who ticks something that comes with the channel joins the channel.
    """
    cell = (channel, GENERAL)
    if cell not in shown:
        return False
    is_on = consent.is_granted(contact, channel)
    nested = {way.cell for way in _shown_ways(contact, channel, shown) if way.needs_general}
    if not is_on and wanted & {cell, *nested}:
        consent.opt_in(contact, channel=channel, **told.about(cell))
    if not is_on or cell in wanted:
        return False
    kept = [way for way in _own_ways(contact, channel) if way.cell not in shown or way.cell in wanted]
    consent.withdraw(contact, channel=channel, **told.about(cell))
    for way in kept:  # joined anew, because leaving a channel outweighs every topic of it
        consent.join(contact, channel=channel, topic=way.topic, **told.about(way.cell))
    return True


def _own_ways(contact: Contact, channel: str) -> list[Way]:
    """What they have by a consent of its own."""
    states = _states(contact)
    ways = [_way(channels[channel], topic, states, set()) for topic in Topic.objects.all()]
    return [way for way in ways if way.is_on and not way.needs_general]


def _shown_ways(contact: Contact, channel: str, shown: Collection[Cell]) -> list[Way]:
    states = _states(contact)
    topics = Topic.objects.filter(key__in=[key for one, key in shown if one == channel and key != GENERAL])
    return [_way(channels[channel], topic, states, set()) for topic in topics]


def _way(channel: Channel, topic: Topic | None, states: dict[Cell, bool | None], waiting: set[Cell]) -> Way:
    cell = (channel.key, topic.key if topic else GENERAL)
    is_on = permission.permits(topic, channel_state=states.get((channel.key, GENERAL)), topic_state=states.get(cell))
    return Way(channel, topic, is_on, not is_on and cell in waiting)


def _states(contact: Contact) -> dict[Cell, bool | None]:
    found = ConsentState.objects.filter(contact=contact.pk).values_list("channel", "topic", "is_granted")
    return {(channel, topic): is_granted for channel, topic, is_granted in found}


def _waiting(contact: Contact) -> set[Cell]:
    if contact.pk is None:
        return set()
    open_ones = contact.confirmations.filter(confirmed_at=None, expires_at__gt=timezone.now())
    return set(open_ones.values_list("channel", "topic"))
