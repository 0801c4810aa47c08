"""How somebody wants to be written to, in words for the team; and the card on their page that says it."""

from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format

from contacts import preferences, subscriptions
from contacts.models import Contact, Preference, PreferenceChange
from contacts.preferences import Wishes

SHOWN = 10
_LABELS = {
    "frequency": "How often", "quiet_from": "Quiet from", "quiet_until": "Quiet until", "paused_until": "Paused until",
    "language": "Language", "time_zone": "Time zone",
}  # fmt: skip
_OFTEN = dict(Preference.Frequency.choices)


def card(contact: Contact, *, may_open: bool) -> dict[str, Any]:
    """What the contact's page shows of their preferences; the link acts for them, so only some may have it."""
    changes_made = PreferenceChange.objects.filter(contact=contact)[:SHOWN]
    return {
        "wishes": rows(preferences.of(contact)),
        "subscribed": [way for line in subscriptions.of(contact) for way in line if way.is_on],
        "preference_changes": [(row, changes(row.before, row.after)) for row in changes_made],
        "preferences_link": preferences.link(contact) if may_open and contact.erased_at is None else "",
    }


def rows(wishes: Wishes) -> list[tuple[str, str]]:
    """Label and value, also of what they did not choose: what holds then."""
    quiet = f"{wishes.quiet_from:%H:%M} to {wishes.quiet_until:%H:%M}" if wishes.quiet_from else "None"
    return [
        ("Paused", f"Until {_moment(wishes.paused_until)}" if wishes.paused_until else "No"),
        ("How often", _OFTEN[wishes.frequency]),
        ("Quiet hours", quiet),
        ("Language", wishes.locale or "Not chosen"),
        ("Time zone", wishes.time_zone or "Not chosen"),
    ]


def changes(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """One sentence for each thing that differs."""
    return [f"{_LABELS[key]}: {_word(key, before[key])} → {_word(key, after[key])}" for key in _LABELS if key in after]


def _word(key: str, value: str) -> str:
    if not value:
        return "none"
    if key == "frequency":
        return _OFTEN.get(value, value).lower()
    if key == "paused_until":
        return _moment(datetime.fromisoformat(value))
    return value[:5] if key in ("quiet_from", "quiet_until") else value


def _moment(moment: datetime | None) -> str:
    return date_format(timezone.localtime(moment), "j M Y H:i") if moment else ""
