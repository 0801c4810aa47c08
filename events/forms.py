"""The forms behind the pages of sources."""

from django import forms
from unfold.widgets import UnfoldAdminRadioSelectWidget, UnfoldAdminTextInputWidget

from events.models import Source


class SourceForm(forms.ModelForm):
    class Meta:
        model = Source
        fields = ("name", "kind", "description")
        widgets = {  # noqa: RUF012
            "name": UnfoldAdminTextInputWidget(),
            "kind": UnfoldAdminRadioSelectWidget(),
            "description": UnfoldAdminTextInputWidget(),
        }
        help_texts = {"name": "The website, app or program, as your team calls it."}  # noqa: RUF012
