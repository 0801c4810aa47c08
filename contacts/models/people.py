"""People and what is known about them."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models.functions import Collate, Lower

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
    erased_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Since when the row is an empty shell: erased, or merged."
    )
    merged_into = models.ForeignKey(
        "self", null=True, blank=True, editable=False, on_delete=models.PROTECT, related_name="merged", db_index=False,
        help_text="The contact who took over everything, if this one was merged rather than erased.",
    )  # fmt: skip

    objects = ContactQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        # Seeing people one by one is not taking all of them along.
        permissions = [("export_contact", "Can take contacts' data out as files")]
        indexes = [
            GinIndex(OpClass("attributes", name="jsonb_path_ops"), name="contacts_contact_attributes"),
            GinIndex(fields=["tags"], name="contacts_contact_tags"),
            # In collation C, whatever the database's is: it answers a prefix, and gives those found in its order.
            models.Index(Collate(Lower("last_name"), "C"), name="contacts_contact_last_name"),
            # They are few, and asked for among everyone.
            models.Index("id", condition=models.Q(erased_at__isnull=False), name="contacts_contact_erased"),
            models.Index("merged_into", condition=models.Q(merged_into__isnull=False), name="contacts_contact_merged"),
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
        PLACE = "place", "Place"
        VERSION = "version", "Version number"

    key = models.SlugField(max_length=60, unique=True, help_text="Name in files, templates and the API.")
    label = models.CharField(max_length=120)
    type = models.CharField(max_length=10, choices=Type, default=Type.TEXT)
    description = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["key"]

    def __str__(self) -> str:
        return self.label
