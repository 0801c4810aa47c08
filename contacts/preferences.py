"""How people want to be written to: the signed link to their preferences, and keeping what they say there."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from contacts import identity, people
from contacts.models import Contact, Preference, PreferenceChange
from core import tokens
from core.errors import Refused

PURPOSE = "preferences"
MAX_PAUSE = timedelta(days=366)
MIN_OPEN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What somebody wants, beyond which topics. Quiet hours are on the clocks of their time zone."""

    frequency: str = Preference.Frequency.ALL
    quiet_from: time | None = None
    quiet_until: time | None = None
    paused_until: datetime | None = None
    locale: str = ""
    time_zone: str = ""


def link(contact: Contact) -> str:
    """The address of the person's own preference page. It needs no login, so it belongs into messages to them only."""
    return f"{settings.PUBLIC_URL.rstrip('/')}{reverse('preferences', args=[token_of(contact.pk)])}"


def token_of(contact_id: int) -> str:
    return tokens.sign(PURPOSE, payload(contact_id))


def payload(contact_id: int) -> bytes:
    """What the token of a contact signs; for those who sign many with one `tokens.signer(PURPOSE)`."""
    return contact_id.to_bytes((contact_id.bit_length() + 7) // 8 or 1)


def contact_of(token: str) -> Contact:
    """Whose token this is; of a merged contact, who took over. BadToken, or Contact.DoesNotExist once erased."""
    named = Contact.objects.select_related("merged_into").get(pk=int.from_bytes(tokens.verify(PURPOSE, token)))
    contact = identity.living(named)
    if contact.erased_at is not None:
        raise Contact.DoesNotExist
    return contact


def of(contact: Contact) -> Wishes:
    """What the contact wants now; a pause that is over is none."""
    kept = Preference.objects.filter(contact=contact.pk).first() or Preference()
    is_paused = kept.paused_until is not None and kept.paused_until > timezone.now()
    return Wishes(
        frequency=kept.frequency, quiet_from=kept.quiet_from, quiet_until=kept.quiet_until,
        paused_until=kept.paused_until if is_paused else None, locale=contact.locale, time_zone=contact.time_zone,
    )  # fmt: skip


@transaction.atomic
def keep(contact: Contact, wishes: Wishes, *, source: str) -> None:
    """Replace what the contact wants by `wishes`, told at `source`; Refused, saying what to change, if it can't be."""
    check(wishes)
    before = _plain(of(contact))
    told: dict[str, Any] = {"locale": wishes.locale, "time_zone": wishes.time_zone}
    people.change(contact, told)
    Preference.objects.update_or_create(
        contact=contact,
        defaults={
            "frequency": wishes.frequency, "quiet_from": wishes.quiet_from, "quiet_until": wishes.quiet_until,
            "paused_until": wishes.paused_until,
        },
    )  # fmt: skip
    _note(contact, before, _plain(wishes), source)


def _note(contact: Contact, before: dict[str, str], after: dict[str, str], source: str) -> None:
    changed = [key for key in after if before[key] != after[key]]
    if changed:
        PreferenceChange.objects.create(
            contact=contact,
            source=source[:200],
            before={key: before[key] for key in changed},
            after={key: after[key] for key in changed},
        )


def _plain(wishes: Wishes) -> dict[str, str]:
    """As texts; what isn't set is an empty one."""
    moments = {"quiet_from": wishes.quiet_from, "quiet_until": wishes.quiet_until, "paused_until": wishes.paused_until}
    shown = {key: moment.isoformat() if moment else "" for key, moment in moments.items()}
    return {"frequency": wishes.frequency, **shown, "language": wishes.locale, "time_zone": wishes.time_zone}


def check(wishes: Wishes) -> None:
    if (wishes.quiet_from is None) != (wishes.quiet_until is None):
        raise Refused("one_quiet_hour", "Quiet hours need a beginning and an end. Give both, or neither.")
    if wishes.quiet_from is not None and open_time(wishes) < MIN_OPEN:
        raise Refused("always_quiet", "Quiet hours have to leave at least one hour of the day.")
    if wishes.paused_until is not None and wishes.paused_until > timezone.now() + MAX_PAUSE:
        raise Refused("long_pause", "A pause lasts at most a year. To stop for good, withdraw consent instead.")


def open_time(wishes: Wishes) -> timedelta:
    """How much of a day the quiet hours leave; those that end when they begin leave nothing."""
    if wishes.quiet_from is None or wishes.quiet_until is None:
        return timedelta(days=1)
    return timedelta(seconds=(_seconds(wishes.quiet_from) - _seconds(wishes.quiet_until)) % 86_400)


def _seconds(moment: time) -> int:
    return moment.hour * 3600 + moment.minute * 60 + moment.second
