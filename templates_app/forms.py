"""The forms behind the template pages."""

from typing import Any

from django import forms

from contacts.channels import channel_choices
from templates_app.exchange import MAX_FILE
from templates_app.models import Template, TemplateVersion

CATEGORIES = ["newsletter", "announcement", "onboarding", "retention", "event", "transactional"]


class EditorForm(forms.Form):
    """Everything of a template that its editor page holds: what it is, and what its draft says."""

    name = forms.CharField(max_length=120)
    description = forms.CharField(max_length=500, required=False, help_text="For your team; people never see it.")
    channel = forms.ChoiceField(choices=channel_choices)
    category = forms.CharField(
        max_length=60,
        required=False,
        help_text="“transactional” (receipts, security) needs no unsubscribe link.",
    )
    language = forms.RegexField(
        r"^[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8})*$", max_length=16, help_text="A language tag such as en or pt-BR."
    )
    subject = forms.CharField(max_length=400, required=False)
    preheader = forms.CharField(
        max_length=400, required=False, help_text="The grey line after the subject in the inbox."
    )
    format = forms.ChoiceField(choices=TemplateVersion.Format.choices)
    source = forms.CharField(required=False, strip=False, widget=forms.Textarea)
    text_source = forms.CharField(required=False, strip=False, widget=forms.Textarea)

    ABOUT = ("name", "description", "channel", "category", "language")

    @classmethod
    def of(cls, template: Template, version: TemplateVersion | None) -> "EditorForm":
        initial = {name: getattr(template, name) for name in cls.ABOUT}
        content = [name for name in cls.base_fields if name not in cls.ABOUT]
        return cls(initial=initial | ({name: getattr(version, name) for name in content} if version else {}))

    def parts(self) -> tuple[dict[str, str], dict[str, str]]:
        """The cleaned data as what the template is, and what it says; browsers' line ends as \\n."""
        about = {name: value for name, value in self.cleaned_data.items() if name in self.ABOUT}
        content = {name: value for name, value in self.cleaned_data.items() if name not in self.ABOUT}
        return about, {name: value.replace("\r\n", "\n") for name, value in content.items()}


class PreviewForm(forms.Form):
    """What is in the editor right now, saved or not."""

    subject = forms.CharField(max_length=400, required=False)
    preheader = forms.CharField(max_length=400, required=False)
    format = forms.ChoiceField(choices=TemplateVersion.Format.choices)
    source = forms.CharField(required=False, strip=False)
    text_source = forms.CharField(required=False, strip=False)
    contact = forms.UUIDField(required=False)

    def content(self) -> dict[str, Any]:
        fields = {name: value for name, value in self.cleaned_data.items() if name != "contact"}
        return {name: value.replace("\r\n", "\n") for name, value in fields.items()}


class FileForm(forms.Form):
    """An exported template coming back."""

    file = forms.FileField(help_text=f"A .json file that Carillon exported, at most {MAX_FILE // 1_000_000} MB.")
