"""The console's forms: a campaign in five plain steps, its variants, and the dialogs of its verbs."""

from datetime import datetime
from typing import Any

from django import forms

from campaigns import schedule
from campaigns.editing import MAX_VARIANTS, Wording
from campaigns.models import Campaign, CampaignTemplate, Sender
from contacts.channels import channel_choices
from contacts.models import Topic
from core.errors import Refused
from segments.models import Segment
from team.forms import time_zone_choices
from team.models import User
from templates_app.models import Template

ON_LAUNCH, PLANNED = "on_launch", "planned"


class SegmentChoice(forms.ModelMultipleChoiceField):
    """Segments as a list to tick, each with its size."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(Segment.objects.all(), widget=forms.CheckboxSelectMultiple, required=False, **kwargs)

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name} ({obj.size:,})"


class TemplateChoice(forms.ModelChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return obj.name if obj.current_version_id else f"{obj.name} (not published yet)"


class SetupForm(forms.Form):
    """What a campaign and a campaign template have in common, but for the variants."""

    description = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}), label="What is it for?")
    purpose = forms.ChoiceField(
        choices=[
            ("marketing", "Marketing: goes only to people who gave consent"),
            ("transactional", "Transactional: receipts, security, contract; needs no consent"),
        ],
        widget=forms.RadioSelect,
        initial="marketing",
    )
    channel = forms.ChoiceField(choices=channel_choices, initial="email")
    topic = forms.ModelChoiceField(
        Topic.objects.all(), required=False, empty_label="No topic: consent to the channel as a whole",
        help_text="What people have subscribed to. It goes only to those who agreed to get it.",
    )  # fmt: skip
    tags = forms.CharField(required=False, help_text="Separated by commas.")
    segments = SegmentChoice(label="Everyone in any of these segments")
    excluded_segments = SegmentChoice(label="…but nobody who is in one of these")
    sender = forms.ModelChoiceField(Sender.objects.all(), required=False, label="Sender", empty_label="Choose a sender")
    tracks_opens = forms.BooleanField(required=False, initial=True, label="Count opens")
    tracks_clicks = forms.BooleanField(required=False, initial=True, label="Count clicks")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})

    @staticmethod
    def setup_of(row: Campaign | CampaignTemplate) -> dict[str, Any]:
        """The initial values of these fields."""
        plain = ["description", "purpose", "channel", "topic", "sender", "tracks_opens", "tracks_clicks"]
        related = {field: list(getattr(row, field).all()) for field in ("segments", "excluded_segments")}
        return {field: getattr(row, field) for field in plain} | related | {"tags": ", ".join(row.tags)}

    def clean_tags(self) -> list[str]:
        tags = list(dict.fromkeys(tag.strip() for tag in self.cleaned_data["tags"].split(",") if tag.strip()))
        if any(len(tag) > 60 for tag in tags):
            raise forms.ValidationError("A tag has at most 60 characters.")
        return tags


class CampaignForm(SetupForm):
    """Everything of a campaign but its variants. `cleaned_data` holds what editing.create and change take."""

    name = forms.CharField(max_length=160, help_text="For your team; a template may print it as {{ campaign.name }}.")
    when = forms.ChoiceField(
        choices=[(ON_LAUNCH, "When someone launches it"), (PLANNED, "At a planned time")],
        widget=forms.RadioSelect,
        initial=ON_LAUNCH,
    )
    send_on = forms.DateField(required=False, label="Date", widget=forms.DateInput(attrs={"type": "date"}))
    send_time = forms.TimeField(
        required=False, label="Time", widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    send_zone = forms.ChoiceField(required=False, label="Time zone", choices=time_zone_choices)
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    @classmethod
    def blank(cls, user: User) -> "CampaignForm":
        default = Sender.objects.filter(is_default=True).first()
        return cls(initial={"sender": default, "send_zone": user.time_zone})

    @classmethod
    def from_template(cls, kept: CampaignTemplate, user: User) -> "CampaignForm":
        return cls(initial=cls.setup_of(kept) | {"send_zone": user.time_zone})

    @classmethod
    def of(cls, campaign: Campaign, user: User) -> "CampaignForm":
        return cls(
            initial=cls.setup_of(campaign)
            | {
                "name": campaign.name,
                "when": PLANNED if campaign.send_on else ON_LAUNCH,
                "send_on": campaign.send_on,
                "send_time": campaign.send_time,
                "send_zone": campaign.send_zone or user.time_zone,
                "seen": campaign.updated_at.isoformat(),
            }
        )

    def clean_seen(self) -> Any:
        return parse_seen(self.cleaned_data["seen"])

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.pop("when", ON_LAUNCH) == ON_LAUNCH:
            return values | {"send_on": None, "send_time": None, "send_zone": ""}
        for field, what in (("send_on", "date"), ("send_time", "time"), ("send_zone", "time zone")):
            if not values.get(field) and field not in self.errors:
                self.add_error(field, f"Choose a {what}, or let it start when someone launches it.")
        if not self.errors:
            self._refuse_the_past(values)
        return values

    def _refuse_the_past(self, values: dict[str, Any]) -> None:
        try:
            schedule.upcoming(values["send_on"], values["send_time"], values["send_zone"])
        except Refused as refused:
            self.add_error("send_on", refused.message)


class CampaignTemplateForm(SetupForm):
    """A campaign template but for its variants."""

    name = forms.CharField(max_length=160)
    niche = forms.CharField(
        required=False, max_length=60, label="Niche", help_text="The trade or audience it suits, e.g. Fashion."
    )
    category = forms.CharField(
        required=False, max_length=60, label="Category", help_text="What it is for, e.g. Welcome or Sale."
    )

    @classmethod
    def of(cls, kept: CampaignTemplate) -> "CampaignTemplateForm":
        return cls(initial=cls.setup_of(kept) | {"name": kept.name, "niche": kept.niche, "category": kept.category})


class KeepForm(forms.Form):
    """The dialog that keeps a campaign as a template."""

    name = forms.CharField(max_length=160)
    niche = forms.CharField(required=False, max_length=60)
    category = forms.CharField(required=False, max_length=60)


class TestForm(forms.Form):
    """The dialog that sends a test."""

    to = forms.EmailField(error_messages={"required": "Say who gets it.", "invalid": "This is no email address."})


class VariantForm(forms.Form):
    template = TemplateChoice(
        Template.objects.filter(archived_at=None), empty_label="Choose a template", required=False, label="Template"
    )
    weight = forms.IntegerField(
        min_value=1, max_value=1000, initial=1, required=False, label="Share", help_text="Relative to the others."
    )


class BaseVariants(forms.BaseFormSet):
    """One template for everyone, or several that share the audience."""

    def wordings(self) -> list[Wording]:
        chosen = [form.cleaned_data for form in self.forms if form.cleaned_data.get("template")]
        return [Wording(data["template"], data.get("weight") or 1) for data in chosen if not data.get("DELETE")]


VariantForms = forms.formset_factory(
    VariantForm, formset=BaseVariants, extra=0, min_num=1, max_num=MAX_VARIANTS, validate_max=True, can_delete=True
)


class VerbForm(forms.Form):
    """What a dialog may carry; each verb takes what it needs. `seen`: the hash the person was looking at."""

    comment = forms.CharField(required=False, max_length=5000)
    seen = forms.CharField(required=False, max_length=64)
    on = forms.DateField(required=False)
    time = forms.TimeField(required=False)
    zone = forms.CharField(required=False, max_length=64)


class WhenForm(VerbForm):
    on = forms.DateField(error_messages={"required": "Choose a date.", "invalid": "Choose a date."})
    time = forms.TimeField(error_messages={"required": "Choose a time.", "invalid": "Choose a time."})
    zone = forms.CharField(max_length=64, error_messages={"required": "Choose a time zone."})


class SenderForm(forms.ModelForm):
    """The default is one of all, so that ticking it here unticks the other; see admin.SenderAdmin."""

    uses_by_default = forms.BooleanField(
        required=False, label="Use for new campaigns", help_text="Only one sender is the default; this replaces it."
    )

    class Meta:
        model = Sender
        fields = ["name", "email", "reply_to", "postal_address"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["uses_by_default"].initial = self.instance.is_default

    def clean_email(self) -> str:
        return _in_ascii(self.cleaned_data["email"])

    def clean_reply_to(self) -> str:
        return _in_ascii(self.cleaned_data["reply_to"])


def _in_ascii(address: str) -> str:
    """The address as a message's header can carry it: an internationalised domain by its other name, xn--…"""
    local, at, domain = address.rpartition("@")
    try:
        return f"{local}{at}{domain.encode('idna').decode()}"
    except UnicodeError as error:
        raise forms.ValidationError("Mail can't be sent from this domain. Check how it is written.") from error


def parse_seen(value: str) -> datetime | None:
    """The `updated_at` that a page carried, or None when it carried none."""
    if not value:
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError as error:
        raise forms.ValidationError("This page is damaged. Open it again.") from error
