"""What contacts itself tells in a timeline: consent, imports, and how the contact came to be who they are."""

from collections.abc import Iterable

from django.db.models import QuerySet
from django.urls import reverse

from contacts import wishes_in_words
from contacts.duplicates import rules
from contacts.models import ConsentRecord, Imported, ImportJob, Merge, PreferenceChange
from contacts.timeline import Entry, Kind, kinds

_CONSENT_TONES = {"grant": "ok", "withdraw": "bad", "request": "info", "clear": "warn"}


@kinds.register
class Consent(Kind):
    key = "consent"
    label = "Consent"
    icon = "verified_user"
    place = 4
    moment = "occurred_at"

    def rows(self, people: list[int]) -> QuerySet[ConsentRecord]:
        return ConsentRecord.objects.filter(contact__in=people)

    def entry(self, row: ConsentRecord) -> Entry:
        about = row.get_channel_display() + (f", {row.topic}" if row.topic else "")
        detail = f"{row.source} “{row.wording}”" if row.wording else row.source
        data = {"channel": row.channel, "topic": row.topic, "source": row.source, "wording": row.wording}
        return self.says(
            row, row.action, f"{row.get_action_display()}: {about}", detail=detail, tone=_CONSENT_TONES[row.action],
            data=data,
        )  # fmt: skip


@kinds.register
class Preferences(Kind):
    key = "preferences"
    label = "Preferences"
    icon = "tune"
    place = 5
    moment = "at"

    def rows(self, people: list[int]) -> QuerySet[PreferenceChange]:
        return PreferenceChange.objects.filter(contact__in=people)

    def entry(self, row: PreferenceChange) -> Entry:
        said = "; ".join(wishes_in_words.changes(row.before, row.after))
        data = {"from": row.before, "to": row.after, "source": row.source}
        return self.says(row, "changed", "Changed their preferences", detail=f"{said} ({row.source})", data=data)


@kinds.register
class Imports(Kind):
    key = "import"
    label = "Imports"
    icon = "upload_file"
    place = 6
    moment = "at"
    number = "job_id"

    def rows(self, people: list[int]) -> QuerySet[Imported]:
        return Imported.objects.filter(contact__in=people)

    def entries(self, rows: list[Imported]) -> Iterable[Entry]:
        jobs = ImportJob.objects.in_bulk([row.job_id for row in rows])
        return [self._entry(row, jobs.get(row.job_id)) for row in rows]

    def _entry(self, row: Imported, job: ImportJob | None) -> Entry:
        name, verb = ("created", "Came by an import") if row.is_new else ("changed", "Changed by an import")
        if job is None:
            return self.says(row, name, verb, detail="The import itself was removed.")
        url = reverse("admin:contacts_importjob_change", args=[job.pk])
        return self.says(row, name, verb, detail=job.file_name, url=url, data={"import": str(job.uuid)})


@kinds.register
class Becoming(Kind):
    key = "profile"
    label = "Merges"
    icon = "merge"
    place = 7
    moment = "merged_at"

    def rows(self, people: list[int]) -> QuerySet[Merge]:
        return Merge.objects.filter(survivor__in=people).select_related("merged", "merged_by")

    def entry(self, row: Merge) -> Entry:
        how = f"By the rule “{_rule(row.rule)}”" if row.rule else "By hand"
        who = f", {row.merged_by}" if row.merged_by else ""
        return self.says(
            row, "merged", "Another contact was merged into this one", detail=f"{how}{who}.", tone="info",
            data={"merged": str(row.merged.uuid), "rule": row.rule},
        )  # fmt: skip


def _rule(key: str) -> str:
    """A program may have merged them for a reason of its own, such as an alias call."""
    return rules[key].label if key in rules else key
