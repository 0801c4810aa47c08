"""Who is who: further names of a contact, contacts merged into one, and the companies people belong to."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from contacts.models.people import Contact
from core.models import Entity


class Identity(models.Model):
    """A further name of a contact: a browser's anonymous id, or what a contact was called that was merged into it.

    A former address is a name and nothing more: nobody is written to at it.
    """

    class Kind(models.TextChoices):
        ANONYMOUS = "anonymous", "Anonymous id"
        EXTERNAL = "external", "External id"
        EMAIL = "email", "Former email"
        PHONE = "phone", "Former phone number"

    pk = models.CompositePrimaryKey("kind", "value")
    kind = models.CharField(max_length=10, choices=Kind)
    value = models.CharField(max_length=254, db_collation="C")
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="identities")
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.value}"


class Merge(models.Model):
    """Two contacts became one: who stayed, who went, by whom and by which rule. Holds no personal data."""

    survivor = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="merges")
    merged = models.OneToOneField(Contact, on_delete=models.CASCADE, related_name="merge")
    rule = models.CharField(max_length=30, blank=True, help_text="The rule that found them; empty: by hand.")
    merged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    merged_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.merged_id} into {self.survivor_id}"


class NotDuplicate(models.Model):
    """Somebody looked at two contacts and said that they are two people. `first` has the lower id."""

    pk = models.CompositePrimaryKey("first_id", "second_id")
    first = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="+")
    second = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="+")
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    decided_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(first__lt=models.F("second")), name="contacts_notduplicate_order")
        ]

    def __str__(self) -> str:
        return f"{self.first_id} and {self.second_id}"


class BulkMerge(models.Model):
    """Somebody asked to merge everyone whom a rule finds twice; worked off pair by pair (duplicates.py).

    Resumable by its row: pairs come in the order of their keys, and `after_first`, `after_second` is the last one that
    was dealt with.
    """

    rule = models.CharField(max_length=30)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    asked_at = models.DateTimeField(db_default=Now())
    after_first = models.BigIntegerField(db_default=0)
    after_second = models.BigIntegerField(db_default=0)
    merged_count = models.IntegerField(db_default=0)
    left_count = models.IntegerField(db_default=0, help_text="Pairs that a person has to look at.")
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                "rule", condition=models.Q(finished_at__isnull=True), name="contacts_bulkmerge_one_open"
            )
        ]

    def __str__(self) -> str:
        return self.rule


class Company(Entity):
    """An organisation that people belong to; `group` in the tracking API."""

    external_id = models.CharField(max_length=200, db_collation="C", unique=True)
    name = models.CharField(max_length=200, blank=True, db_default="")
    attributes = models.JSONField(default=dict, blank=True, db_default={})

    class Meta:
        ordering = ["name", "id"]
        verbose_name_plural = "companies"

    def __str__(self) -> str:
        return self.name or self.external_id


class Employment(models.Model):
    """One contact in one company."""

    pk = models.CompositePrimaryKey("contact_id", "company_id")
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="employments")
    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="employments")
    since = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.contact_id} at {self.company_id}"
