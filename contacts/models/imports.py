"""Files of contacts on their way in."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from contacts.channels import channel_choices
from contacts.models.people import Contact
from core.models import Entity


def import_path(job: "ImportJob", filename: str) -> str:
    """Where an upload is kept; the person's file name is shown, never used as a path."""
    return f"imports/{job.uuid}"


def whole_channel() -> list[str]:
    return [""]


class ImportJob(Entity):
    """A file of contacts on its way in: uploaded, mapped, checked (dry run), confirmed, done.

    Resumable by its row: `phase` and `rows_done` say where it is; the staged rows live in a table of its own.
    """

    class Status(models.TextChoices):
        UPLOADED = "uploaded", "Uploaded"
        CHECKING = "checking", "Checking"
        READY = "ready", "Ready to import"
        IMPORTING = "importing", "Importing"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    class Kind(models.TextChoices):
        CONTACTS = "contacts", "Contacts"
        SUPPRESSIONS = "suppressions", "Suppression list"

    kind = models.CharField(max_length=12, choices=Kind, default=Kind.CONTACTS, db_default=Kind.CONTACTS)
    file = models.FileField(upload_to=import_path)
    file_name = models.CharField(max_length=200)
    file_hash = models.CharField(max_length=64, db_index=True, help_text="SHA-256 of the file.")
    file_bytes = models.BigIntegerField(default=0)
    status = models.CharField(max_length=12, choices=Status, default=Status.UPLOADED)
    dialect = models.JSONField(default=dict, help_text="encoding, delimiter, sheet: as found, changeable.")
    header = models.JSONField(default=list)
    mapping = models.JSONField(default=dict, help_text="Column name to field, attribute:key, or empty to leave out.")
    grants_consent = models.BooleanField(default=False)
    consent_channel = models.CharField(max_length=20, choices=channel_choices, default="email")
    consent_topics = ArrayField(
        models.SlugField(max_length=60, blank=True), default=whole_channel, blank=True,
        help_text="Keys of the topics that they agreed to; an empty one is the channel as a whole.",
    )  # fmt: skip
    consent_source = models.CharField(max_length=200, blank=True)
    consent_wording = models.TextField(blank=True)
    tag = models.CharField(max_length=60, blank=True, help_text="Put on everyone in the file.")
    suppresses_channel = models.CharField(max_length=20, choices=channel_choices, default="email", db_default="email")
    suppresses_reason = models.CharField(max_length=20, blank=True, default="", db_default="")
    suppresses_detail = models.CharField(max_length=500, blank=True, default="", db_default="")
    people_count = models.BigIntegerField(
        default=0, db_default=0, help_text="Contacts who have an address on the suppression list."
    )
    is_unattended = models.BooleanField(default=False, help_text="A program's: imported after the dry run by itself.")
    row_count = models.BigIntegerField(default=0)
    rows_done = models.BigIntegerField(default=0)
    valid_count = models.BigIntegerField(default=0)
    error_count = models.BigIntegerField(default=0)
    created_count = models.BigIntegerField(default=0)
    updated_count = models.BigIntegerField(default=0)
    unchanged_count = models.BigIntegerField(default=0)
    duplicate_count = models.BigIntegerField(default=0, help_text="Rows that a later row of the file replaces.")
    consent_count = models.BigIntegerField(default=0, help_text="People for whom consent was newly recorded.")
    first_errors = models.JSONField(default=list, help_text="The first rows with errors: row, column, value, problem.")
    sample = models.JSONField(default=list, help_text="First rows, for the mapping preview.")
    problem = models.TextField(blank=True, help_text="Why it failed, for the person who uploaded it.")
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    progressed_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "import"
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.file_name


class Imported(models.Model):
    """One contact that one import created or changed: where a person came from.

    No foreign key constraints, no index beside the key: an import writes a million of these. What is read is one
    person's; rows of an import that was removed are never shown.
    """

    pk = models.CompositePrimaryKey("contact_id", "job_id")
    contact = models.ForeignKey(
        Contact, on_delete=models.DO_NOTHING, related_name="imported", db_constraint=False, db_index=False
    )
    job = models.ForeignKey(
        ImportJob, on_delete=models.DO_NOTHING, related_name="imported", db_constraint=False, db_index=False
    )
    is_new = models.BooleanField(help_text="Created by it; otherwise changed.")
    at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.contact_id} by import {self.job_id}"
