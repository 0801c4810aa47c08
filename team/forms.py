"""The forms behind the team's pages in the console."""

import zoneinfo
from datetime import datetime, time
from typing import Any

from django import forms
from django.contrib.auth.models import Group
from django.utils import timezone
from unfold.forms import UserChangeForm, UserCreationForm
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminTextInputWidget,
)

from team import apikeys
from team.models import User


def time_zone_choices() -> list[tuple[str, str]]:
    """Places people know; not the historical aliases and offsets that the database holds besides."""
    places = sorted(name for name in zoneinfo.available_timezones() if "/" in name and not name.startswith("Etc/"))
    return [("UTC", "UTC"), *((name, name.replace("_", " ")) for name in places)]


class TimeZoneField(forms.ChoiceField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=time_zone_choices, widget=UnfoldAdminSelectWidget(), **kwargs)


class RolesField(forms.ModelMultipleChoiceField):
    def __init__(self) -> None:
        super().__init__(
            Group.objects.order_by("id"),
            label="Roles",
            required=False,
            widget=UnfoldAdminCheckboxSelectMultipleWidget(),
            help_text="Marketers plan campaigns, approvers release them, administrators also run the team and its "
            "sender accounts. Whoever plans a campaign can't approve it, whatever their roles.",
        )


class TeamMemberForm(UserChangeForm):
    groups = RolesField()
    time_zone = TimeZoneField(help_text=User._meta.get_field("time_zone").help_text)


class NewTeamMemberForm(UserCreationForm):
    groups = RolesField()
    time_zone = TimeZoneField(initial="UTC", help_text=User._meta.get_field("time_zone").help_text)


class SettingsForm(forms.ModelForm):
    """What people may change about themselves; roles, user name and address are an administrator's to give."""

    time_zone = TimeZoneField(help_text=User._meta.get_field("time_zone").help_text)

    class Meta:
        model = User
        fields = ["first_name", "last_name", "time_zone"]
        widgets = {name: UnfoldAdminTextInputWidget() for name in ("first_name", "last_name")}


class NewKeyForm(forms.Form):
    """Its cleaned data are the arguments of apikeys.issue."""

    name = forms.CharField(
        max_length=120, widget=UnfoldAdminTextInputWidget(), help_text="What will use the key, e.g. “Web shop”."
    )
    scopes = forms.MultipleChoiceField(
        choices=apikeys.scope_choices,
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        help_text="Give it only what its program needs: a key can't do more than this, nor more than you can.",
    )
    expires_at = forms.DateField(
        label="Last day",
        required=False,
        widget=UnfoldAdminSingleDateWidget(attrs={"type": "date"}),
        help_text="Empty: it works until it is revoked.",
    )

    def clean_expires_at(self) -> datetime | None:
        day = self.cleaned_data["expires_at"]
        if day is None:
            return None
        if day < timezone.localdate():
            raise forms.ValidationError("This day is over.")
        return timezone.make_aware(datetime.combine(day, time.max))
