"""The console's forms: a segment with its rules as text (the builder writes that text), and people by hand."""

from typing import Any

from django import forms

from contacts import naming
from contacts.models import Contact
from segments import definition, lists, mongo, rules
from segments.models import Segment
from segments.rules import Problem, RuleError


class SegmentForm(forms.ModelForm):
    """`problems` says which rule is wrong and why, for the builder to show it at its row."""

    rules = forms.CharField(
        required=False,
        label="Rules",
        widget=forms.Textarea(attrs={"rows": 12, "spellcheck": "false", "class": "c-mono"}),
        help_text='For example {"all": [{"field": "email", "operator": "is_filled"}]}. {"all": []} is everyone.',
    )

    class Meta:
        model = Segment
        fields = ("name", "description", "kind")
        widgets = {"kind": forms.RadioSelect}  # noqa: RUF012
        labels = {"kind": "How are people chosen?"}  # noqa: RUF012

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.problems: list[Problem] = []
        if self.instance.pk:
            del self.fields["kind"]  # hand-picked people would be lost with the first refresh

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("kind", self.instance.kind) == Segment.Kind.STATIC:
            return cleaned | {"rules": None}
        if self.instance.kind == Segment.Kind.SNAPSHOT and self.instance.pk:
            return cleaned | {"rules": self.instance.rules}
        try:
            raw = mongo.translated(rules.loads(cleaned.get("rules") or '{"all": []}'))
            rules.parse(raw)
            definition.check_circle(self.instance, raw)
        except RuleError as error:
            self.problems = error.problems
            self.add_error("rules", error.message)
            return cleaned
        return cleaned | {"rules": raw}


class PeopleForm(forms.Form):
    """People for a static segment, one email address or id in each line."""

    people = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 4}),
        label="Email addresses or ids",
        help_text=f"One in each line, at most {naming.AT_ONCE:,} at a time.",
    )

    def clean_people(self) -> list[Contact]:
        names = [line.strip() for line in self.cleaned_data["people"].splitlines() if line.strip()]
        if len(names) > naming.AT_ONCE:
            raise forms.ValidationError(f"At most {naming.AT_ONCE:,} at a time; import a file with a tag for more.")
        found = naming.people(names)
        missing = [name for name, contact in found.items() if contact is None]
        if missing:
            raise forms.ValidationError(f"Nobody is known as: {', '.join(missing[:10])}. Nobody was added.")
        return [contact for contact in found.values() if contact is not None]


class ListForm(forms.Form):
    """A file of people for a static segment."""

    file = forms.FileField(
        label="File", help_text=f"CSV or Excel, at most {lists.ROWS:,} rows; one column has email addresses or ids."
    )
    only_check = forms.BooleanField(required=False, label="Only look: add nobody yet")
