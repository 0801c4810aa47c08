"""Forms of the console: a contact with its catalogue's attributes as typed inputs, consent, suppression, uploads."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import escape
from unfold.widgets import (
    UnfoldAdminEmailInputWidget,
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from contacts import attributes
from contacts.addresses import BadAddress, normalise, normalise_email, normalise_phone
from contacts.attributes import BadValue
from contacts.channels import channel_choices, channels
from contacts.importing import jobs
from contacts.importing.targets import read_locale, read_zone, split_tags
from contacts.models import AttributeDefinition, Contact, Suppression, Topic

Type = AttributeDefinition.Type
YES_OR_NO = [("", "Not said"), ("true", "Yes"), ("false", "No")]


def attribute_field_name(definition: AttributeDefinition) -> str:
    """By number, not by key: a person's text names nothing in our code."""
    return f"attribute_{definition.pk}"


def attribute_field(definition: AttributeDefinition) -> forms.Field:
    """An input for one attribute; every type is read by attributes.coerce, as in files."""
    common: dict[str, Any] = {
        "label": definition.label, "required": False,
        "help_text": escape(definition.description) or _HINTS[definition.type],  # shown as markup by the theme
    }  # fmt: skip
    if definition.type == Type.BOOLEAN:
        return forms.ChoiceField(choices=YES_OR_NO, widget=UnfoldAdminSelectWidget, **common)
    return forms.CharField(widget=UnfoldAdminTextInputWidget(attrs=_INPUTS.get(definition.type, {})), **common)


_INPUTS: dict[str, dict[str, str]] = {Type.NUMBER: {"inputmode": "decimal"}, Type.DATE: {"type": "date"}}
_HINTS: dict[str, str] = {
    Type.TEXT: "", Type.NUMBER: "A number.", Type.BOOLEAN: "", Type.DATE: "",
    Type.DATETIME: "Date and time, e.g. 2026-03-31 14:30.", Type.LIST: "Several texts, separated by commas.",
    Type.PLACE: "Degrees north and east, e.g. 52.52, 13.405.", Type.VERSION: "For example 2.10.3.",
}  # fmt: skip


def topic_choices() -> list[tuple[str, str]]:
    return [("", "The channel as a whole"), *Topic.objects.values_list("key", "name")]


class ContactForm(forms.ModelForm):
    """A contact; fields for the catalogue's attributes are added when the form is made (`for_catalogue`)."""

    tags = forms.CharField(
        required=False, help_text="Separated by commas.",
        widget=UnfoldAdminTextInputWidget(attrs={"data-chips": "true", "autocomplete": "off"}),
    )  # fmt: skip
    definitions: list[AttributeDefinition] = []  # noqa: RUF012  filled by for_catalogue in a subclass

    class Meta:
        model = Contact
        fields = ["email", "phone", "external_id", "first_name", "last_name", "locale", "time_zone"]
        widgets = {"email": UnfoldAdminEmailInputWidget}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["tags"] = ", ".join(self.instance.tags)
        for definition in self.definitions:
            value = attributes.as_text(self.instance.attributes.get(definition.key))
            self.initial.setdefault(attribute_field_name(definition), value)

    @classmethod
    def for_catalogue(cls) -> type["ContactForm"]:
        definitions = list(AttributeDefinition.objects.all())
        fields = {attribute_field_name(one): attribute_field(one) for one in definitions}
        return type("ContactForm", (cls,), {**fields, "definitions": definitions})

    def clean_email(self) -> str | None:
        return self._address("email", normalise_email)

    def clean_phone(self) -> str | None:
        return self._address("phone", normalise_phone)

    def _address(self, name: str, normalise_one: Any) -> str | None:
        text = (self.cleaned_data.get(name) or "").strip()
        try:
            return normalise_one(text) if text else None
        except BadAddress as error:
            raise ValidationError(str(error)) from error

    def clean_external_id(self) -> str | None:
        return (self.cleaned_data.get("external_id") or "").strip() or None

    def clean_locale(self) -> str:
        return self._read("locale", read_locale)

    def clean_time_zone(self) -> str:
        return self._read("time_zone", read_zone)

    def _read(self, name: str, read: Callable[[str], str]) -> str:
        text = (self.cleaned_data.get(name) or "").strip()
        try:
            return read(text) if text else ""
        except BadValue as error:
            raise ValidationError(str(error)) from error

    def clean_tags(self) -> list[str]:
        if "tags" not in self.changed_data:
            return self.instance.tags
        try:
            return split_tags(self.cleaned_data["tags"])
        except BadValue as error:
            raise ValidationError(str(error)) from error

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        addresses = ("email", "phone", "external_id")
        if not any(cleaned.get(name) or name in self.errors for name in addresses):
            raise ValidationError("Give an email, a phone number or an external id: one is needed to know who this is.")
        self._read_attributes(cleaned)
        return cleaned

    def _read_attributes(self, cleaned: dict[str, Any]) -> None:
        """Only those that were changed: not every value survives being shown in one line and read again."""
        values = dict(self.instance.attributes)
        for definition in self.definitions:
            name = attribute_field_name(definition)
            if name not in self.changed_data:
                continue
            text = cleaned.get(name) or ""
            try:
                values[definition.key] = attributes.coerce(definition.type, text) if text.strip() else None
            except BadValue as error:
                self.add_error(name, str(error))
        self.instance.attributes = {key: value for key, value in values.items() if value is not None}
        self.instance.tags = cleaned.get("tags", self.instance.tags)


class ConsentForm(forms.Form):
    """What was agreed or withdrawn, where, and in which words. `ask`: by a link, if the topic wants that."""

    action = forms.ChoiceField(choices=[("grant", "Grant"), ("withdraw", "Withdraw"), ("ask", "Ask to confirm")])
    channel = forms.ChoiceField(choices=channel_choices)
    topic = forms.ChoiceField(required=False, choices=topic_choices)
    source = forms.CharField(max_length=200, label="Where it happened")
    wording = forms.CharField(required=False, max_length=5000)
    at = forms.DateTimeField(
        required=False, label="When it happened", widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )


class CouldWriteForm(forms.Form):
    """The question about a moment, in the zone of whoever asks."""

    at = forms.DateTimeField(
        label="At that moment",
        error_messages={"required": "Choose a day and a time.", "invalid": "This is no moment."},
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "class": "import-select"}, format="%Y-%m-%dT%H:%M"),
    )  # fmt: skip
    channel = forms.ChoiceField(choices=channel_choices, widget=forms.Select(attrs={"class": "import-select"}))
    topic = forms.ChoiceField(
        required=False, choices=topic_choices, widget=forms.Select(attrs={"class": "import-select"})
    )


class SuppressionForm(forms.ModelForm):
    """An address is stored normalised, so that it is found whatever way it is written."""

    class Meta:
        model = Suppression
        fields = ["address", "channel", "reason", "detail"]
        labels = {"detail": "Why, in your own words"}
        help_texts = {"address": "Nothing is sent to it any more, whoever has it.", "detail": "Optional. Kept with it."}

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        channel = channels.get(cleaned.get("channel", ""))
        if not cleaned.get("address"):
            if "address" not in self.errors:
                self.add_error("address", "Type the address that nothing should be sent to.")
        elif channel is not None:
            try:
                cleaned["address"] = normalise(channel.address_field, cleaned["address"])
            except BadAddress as error:
                self.add_error("address", str(error))
        return cleaned

    def _get_validation_exclusions(self) -> set[str]:
        # An address that is on the list already stays there, which is no mistake of whoever types it again.
        return super()._get_validation_exclusions() | {"address"}  # type: ignore[misc]  # Django's own, not in the stubs


class SuppressedColumnForm(forms.Form):
    """What is said of every address of a list."""

    channel = forms.ChoiceField(choices=channel_choices, initial="email", widget=UnfoldAdminSelectWidget)
    reason = forms.ChoiceField(
        choices=Suppression.Reason.choices, initial=Suppression.Reason.IMPORTED, widget=UnfoldAdminSelectWidget
    )
    detail = forms.CharField(
        required=False, max_length=500, label="Where the list is from",
        help_text="E.g. “Unsubscribed in the former newsletter tool”. Empty: the file’s name.",
        widget=UnfoldAdminTextInputWidget,
    )  # fmt: skip


class SuppressionListForm(SuppressedColumnForm):
    """A list, as a file or pasted."""

    file = forms.FileField(
        required=False, label="A file",
        help_text="CSV (also packed as .csv.gz) or XLSX, of any columns; a row with their names may stand first.",
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,.txt,.tsv,.gz,.xlsx"}),
    )  # fmt: skip
    pasted = forms.CharField(
        required=False, max_length=2_000_000, label="Or paste addresses",
        help_text="One in each line, or a table as copied from a spreadsheet.",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 6, "spellcheck": "false"}),
    )  # fmt: skip
    field_order = ("file", "pasted", "channel", "reason", "detail")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors and bool(cleaned.get("file")) == bool(cleaned.get("pasted", "").strip()):
            raise ValidationError("Choose a file or paste addresses: one of the two.")
        return cleaned

    @property
    def told(self) -> dict[str, str]:
        return {name: self.cleaned_data[name] for name in ("channel", "reason", "detail")}


WHOLE = "*"  # no topic's key: a form can't send a choice that is empty


def consent_choices() -> list[tuple[str, str]]:
    """What a person can agree to: the channel as a whole, and each topic."""
    topics = [(topic.key, f"{topic.name}: {topic.get_opt_in_display().lower()}") for topic in Topic.objects.all()]
    return [(WHOLE, "Marketing email as a whole"), *topics]


class UploadForm(forms.Form):
    file = forms.FileField(
        label="File",
        help_text="CSV (also packed as .csv.gz) or XLSX, with the names of the columns in the first row.",
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,.txt,.tsv,.gz,.xlsx"}),
    )


class MappingForm(forms.Form):
    """The tag and the consent of an import; the columns' choices stand beside it, one select each."""

    tag = forms.CharField(
        required=False, max_length=60, label="Tag for everyone in this file",
        help_text="Optional, e.g. newsletter-2026.", widget=UnfoldAdminTextInputWidget,
    )  # fmt: skip
    records_consent = forms.ChoiceField(
        label="Consent", widget=forms.RadioSelect, initial="no",
        choices=[
            ("no", "This file says nothing about consent. Nobody gets marketing email because of it."),
            ("yes", "Everyone in this file has agreed to what is ticked here."),
        ],
    )  # fmt: skip
    topics = forms.MultipleChoiceField(
        required=False, label="What they agreed to", widget=forms.CheckboxSelectMultiple, initial=[WHOLE],
        choices=consent_choices,
    )  # fmt: skip
    source = forms.CharField(
        required=False, max_length=200, label="Where they agreed",
        help_text="E.g. “Checkout form on the web shop”. Kept as proof.", widget=UnfoldAdminTextInputWidget,
    )  # fmt: skip
    wording = forms.CharField(
        required=False, max_length=5000, label="What they agreed to, in the words they saw",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )  # fmt: skip

    @property
    def consent(self) -> jobs.Consent | None:
        if self.cleaned_data["records_consent"] != "yes":
            return None
        topics = ["" if key == WHOLE else key for key in self.cleaned_data["topics"]]
        return jobs.Consent(self.cleaned_data["source"], self.cleaned_data["wording"], topics=topics)
