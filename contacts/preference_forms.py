"""The forms of the public preference page."""

import zoneinfo
from datetime import UTC, datetime, time, timedelta
from typing import Any

from django import forms
from django.forms.renderers import DjangoTemplates
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from contacts import places
from contacts.addresses import BadAddress, normalise_email, normalise_phone
from contacts.models import Contact, Preference
from contacts.preferences import MAX_PAUSE, MIN_OPEN, Wishes, open_time

FREQUENCIES = [
    (Preference.Frequency.ALL, _("Everything, as it comes")),
    (Preference.Frequency.DAILY, _("At most one message a day")),
    (Preference.Frequency.WEEKLY, _("At most one message a week")),
    (Preference.Frequency.MONTHLY, _("At most one message a month")),
]


class _Renderer(DjangoTemplates):
    field_template_name = "contacts/public_field.html"


class WishesForm(forms.Form):
    """How often, at which hours, in which language. `wishes` is what was said, once it is valid."""

    default_renderer = _Renderer

    frequency = forms.ChoiceField(label=_("How often"), choices=FREQUENCIES, widget=forms.RadioSelect)
    quiet_from = forms.TimeField(
        label=_("Quiet from"), required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    quiet_until = forms.TimeField(
        label=_("Quiet until"), required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    time_zone = forms.ChoiceField(
        label=_("Your time zone"), required=False, help_text=_("So that we know when it is night where you are.")
    )
    paused_until = forms.DateField(
        label=_("No messages before"),
        required=False,
        help_text=_("For a holiday, say. From that day on they come again; those of the time between are left out."),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    locale = forms.ChoiceField(
        label=_("Your language"), required=False, help_text=_("Of this page, and of messages that we have in it.")
    )

    def __init__(self, data: Any = None, *, wishes: Wishes) -> None:
        super().__init__(data, initial=_initial(wishes))
        self._kept = wishes
        self._offer("time_zone", places.time_zones(wishes.time_zone), empty=gettext("Not chosen"))
        self._offer("locale", places.languages(wishes.locale), empty=gettext("As in my browser"))
        today = timezone.now().astimezone(_zone(wishes.time_zone)).date()
        limits = {"min": f"{today + timedelta(days=1)}", "max": f"{today + MAX_PAUSE - timedelta(days=1)}"}
        self["paused_until"].field.widget.attrs |= limits

    def _offer(self, name: str, choices: list[tuple[str, Any]], *, empty: str) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  declared above
        field.choices = [(key, label if key else empty) for key, label in choices]

    def clean(self) -> dict[str, Any]:
        told = super().clean() or {}
        beginning, end = told.get("quiet_from"), told.get("quiet_until")
        if not {"quiet_from", "quiet_until"} & self.errors.keys():
            self._check_hours(beginning, end, told.get("time_zone", ""))
        if told.get("paused_until"):
            self._check_pause(told)
        return told

    def _check_hours(self, beginning: time | None, end: time | None, zone: str) -> None:
        if beginning is None and end is None:
            return
        if beginning is None or end is None:
            missing = "quiet_from" if beginning is None else "quiet_until"
            self.add_error(missing, _("Give both times, or leave both empty."))
        elif open_time(Wishes(quiet_from=beginning, quiet_until=end)) < MIN_OPEN:
            self.add_error("quiet_until", _("Leave at least one hour of the day, or choose a pause instead."))
        if not zone and "time_zone" not in self.errors:
            self.add_error("time_zone", _("Choose your time zone: quiet hours go by your clock."))

    def _check_pause(self, told: dict[str, Any]) -> None:
        until = _midnight(told["paused_until"], told.get("time_zone", ""))
        if until > timezone.now() + MAX_PAUSE:
            self.add_error("paused_until", _("A pause lasts at most a year. Unsubscribe to stop for good."))
        elif until <= timezone.now() and "paused_until" in self.changed_data:
            self.add_error("paused_until", _("Choose a day that is still to come."))

    @property
    def wishes(self) -> Wishes:
        told = self.cleaned_data
        day, zone = told["paused_until"], told["time_zone"]
        until = _midnight(day, zone) if day else None
        if day and not {"paused_until", "time_zone"} & set(self.changed_data):
            until = self._kept.paused_until  # to the minute, if a program set it
        return Wishes(
            frequency=told["frequency"], quiet_from=told["quiet_from"], quiet_until=told["quiet_until"],
            paused_until=until, locale=told["locale"], time_zone=zone,
        )  # fmt: skip


class ProofForm(forms.Form):
    """Who wants to take or erase their data also knows the address that the link was sent to."""

    default_renderer = _Renderer

    address = forms.CharField(
        label=_("Your email address"),
        max_length=320,
        help_text=_("In full, as a proof that it is you: this link may have been forwarded."),
        widget=forms.TextInput(attrs={"autocomplete": "email", "inputmode": "email", "spellcheck": "false"}),
    )

    def __init__(self, data: Any = None, *, contact: Contact, prefix: str) -> None:
        super().__init__(data, prefix=prefix)
        self._contact = contact

    def clean_address(self) -> str:
        told: str = self.cleaned_data["address"]
        if not {_as_email(told), _as_phone(told)} & {self._contact.email, self._contact.phone} - {None}:
            raise forms.ValidationError(_("This is not the address that we know you by."))
        return told


class EraseForm(ProofForm):
    keeps_away = forms.BooleanField(
        label=_("Never write to me again, even if somebody adds my address anew"),
        required=False,
        initial=True,
        help_text=_("For this we keep a scrambled form of your address, which nobody can read."),
    )


def _as_email(text: str) -> str | None:
    try:
        return normalise_email(text)
    except BadAddress:
        return None


def _as_phone(text: str) -> str | None:
    try:
        return normalise_phone(text)
    except BadAddress:
        return None


def _initial(wishes: Wishes) -> dict[str, Any]:
    until = wishes.paused_until
    return {
        "frequency": wishes.frequency, "quiet_from": wishes.quiet_from, "quiet_until": wishes.quiet_until,
        "time_zone": wishes.time_zone, "locale": wishes.locale,
        "paused_until": until.astimezone(_zone(wishes.time_zone)).date() if until else None,
    }  # fmt: skip


def _midnight(day: Any, zone: str) -> datetime:
    return datetime.combine(day, time.min, tzinfo=_zone(zone))


def _zone(name: str) -> Any:
    """UTC for a name that nobody knows any more: names come and go."""
    try:
        return zoneinfo.ZoneInfo(name) if name else UTC
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return UTC
