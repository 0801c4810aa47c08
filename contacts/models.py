"""People, what may be sent to them, and the files they came from."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models.functions import Collate, Lower, Now

from contacts.channels import channel_choices
from core.models import Entity


class ContactQuerySet(models.QuerySet["Contact"]):
    def reachable(self) -> "ContactQuerySet":
        """Everyone who has not been erased."""
        return self.filter(erased_at=None)


class Contact(Entity):
    """A person. Addresses are stored normalised: email in lower case, phone as E.164, absent ones as NULL."""

    email = models.CharField(max_length=254, null=True, blank=True, db_collation="C")
    phone = models.CharField(max_length=16, null=True, blank=True, help_text="International form, e.g. +4915112345678.")
    external_id = models.CharField(
        max_length=200, null=True, blank=True, db_collation="C", help_text="Their id in your own systems."
    )
    first_name = models.CharField(max_length=120, blank=True, db_default="")
    last_name = models.CharField(max_length=120, blank=True, db_default="")
    locale = models.CharField(max_length=16, blank=True, db_default="", help_text="Language tag, e.g. en or pt-BR.")
    time_zone = models.CharField(max_length=64, blank=True, db_default="", help_text="e.g. Europe/Berlin")
    attributes = models.JSONField(default=dict, blank=True, db_default={})
    tags = ArrayField(models.CharField(max_length=60), default=list, blank=True, db_default=[])
    erased_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = ContactQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            GinIndex(OpClass("attributes", name="jsonb_path_ops"), name="contacts_contact_attributes"),
            GinIndex(fields=["tags"], name="contacts_contact_tags"),
            # In collation C, whatever the database's is: it answers a prefix, and gives those found in its order.
            models.Index(Collate(Lower("last_name"), "C"), name="contacts_contact_last_name"),
            # They are few, and asked for among everyone.
            models.Index("id", condition=models.Q(erased_at__isnull=False), name="contacts_contact_erased"),
            models.Index("phone", condition=models.Q(phone__isnull=False), name="contacts_contact_phone"),
        ]
        constraints = [
            # In collation C one index serves equality, uniqueness and search by prefix; `unique=True` would make two.
            models.UniqueConstraint(
                fields=["email"],
                name="contacts_contact_email_once",
                violation_error_message="Another contact has this email address.",
            ),
            models.UniqueConstraint(
                fields=["external_id"],
                condition=models.Q(external_id__isnull=False),
                name="contacts_contact_external_once",
                violation_error_message="Another contact has this external id.",
            ),
            models.CheckConstraint(condition=models.Q(email=Lower("email")), name="contacts_contact_email_lower"),
            models.CheckConstraint(condition=~models.Q(email=""), name="contacts_contact_email_filled"),
            models.CheckConstraint(
                condition=models.Q(phone__regex=r"^\+[1-9][0-9]{6,14}$"), name="contacts_contact_e164"
            ),
            models.CheckConstraint(condition=~models.Q(external_id=""), name="contacts_contact_external_filled"),
        ]

    def __str__(self) -> str:
        return self.full_name or self.email or self.phone or self.external_id or f"Contact {self.pk}"

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


class AttributeDefinition(models.Model):
    """The catalogue of custom attributes: what keys exist in Contact.attributes and of which type their values are."""

    class Type(models.TextChoices):
        TEXT = "text", "Text"
        NUMBER = "number", "Number"
        BOOLEAN = "boolean", "Yes or no"
        DATE = "date", "Date"
        DATETIME = "datetime", "Date and time"
        LIST = "list", "List of texts"

    key = models.SlugField(max_length=60, unique=True, help_text="Name in files, templates and the API.")
    label = models.CharField(max_length=120)
    type = models.CharField(max_length=10, choices=Type, default=Type.TEXT)
    description = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["key"]

    def __str__(self) -> str:
        return self.label


class ConsentRecord(models.Model):
    """The consent ledger: append-only, guarded by a trigger. The current state is ConsentState, derived from it."""

    class Action(models.TextChoices):
        GRANT = "grant", "Granted"
        WITHDRAW = "withdraw", "Withdrawn"

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="consent_records")
    channel = models.CharField(max_length=20, choices=channel_choices)
    topic = models.SlugField(max_length=60, blank=True, db_default="", help_text="Empty: the channel as a whole.")
    action = models.CharField(max_length=10, choices=Action)
    source = models.CharField(max_length=200, help_text="Where it happened: a form, a file, a link in a message.")
    wording = models.TextField(blank=True, db_default="", help_text="The text the person agreed to.")
    legal_basis = models.CharField(max_length=60, blank=True, db_default="")
    ip_address = models.GenericIPAddressField(null=True, blank=True)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    occurred_at = models.DateTimeField(db_default=Now())
    recorded_at = models.DateTimeField(auto_now_add=True, db_default=Now())

    class Meta:
        ordering = ["-occurred_at", "-id"]
        indexes = [models.Index("contact", "channel", "occurred_at", name="contacts_consent_of_contact")]

    def __str__(self) -> str:
        return f"{self.get_action_display()} for {self.channel}"


class ConsentState(models.Model):
    """The newest consent per contact, channel and topic; written with the ledger, in its transaction, by consent.py."""

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="consent_states")
    channel = models.CharField(max_length=20, choices=channel_choices)
    topic = models.SlugField(max_length=60, blank=True, db_default="")
    is_granted = models.BooleanField()
    since = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "contact", "channel", "topic", include=["is_granted"], name="contacts_consentstate_one"
            )
        ]

    def __str__(self) -> str:
        return f"{self.channel}: {'granted' if self.is_granted else 'withdrawn'}"


class Suppression(models.Model):
    """An address that must not be written to, whoever owns it: it outlives the contact."""

    class Reason(models.TextChoices):
        HARD_BOUNCE = "hard_bounce", "Hard bounce"
        COMPLAINT = "complaint", "Complaint"
        MANUAL = "manual", "Added by hand"
        IMPORTED = "imported", "Imported list"

    channel = models.CharField(max_length=20, choices=channel_choices, default="email")
    # Collation C as a contact's email has: otherwise the index would not answer for a contact's address.
    address = models.CharField(max_length=254, db_collation="C")
    reason = models.CharField(max_length=20, choices=Reason, default=Reason.MANUAL)
    detail = models.CharField(max_length=500, blank=True, db_default="")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True, db_default=Now())

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint("address", "channel", name="contacts_suppression_once"),
            models.CheckConstraint(condition=models.Q(address=Lower("address")), name="contacts_suppression_lower"),
        ]

    def __str__(self) -> str:
        return self.address


def import_path(job: "ImportJob", filename: str) -> str:
    """Where an upload is kept; the person's file name is shown, never used as a path."""
    return f"imports/{job.uuid}"


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
    consent_source = models.CharField(max_length=200, blank=True)
    consent_wording = models.TextField(blank=True)
    tag = models.CharField(max_length=60, blank=True, help_text="Put on everyone in the file.")
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
