"""How people want to be written to, beyond whether: how often, at which hours, and when not at all."""

from django.db import models
from django.db.models.functions import Now

from contacts.models.people import Contact


class Preference(models.Model):
    """One contact's wishes, set by themselves. Time zone and language are the contact's own fields.

    Quiet hours are wall-clock times in the contact's zone and may span midnight; both are set or neither.
    """

    class Frequency(models.TextChoices):
        ALL = "all", "Everything"
        DAILY = "daily", "At most one a day"
        WEEKLY = "weekly", "At most one a week"
        MONTHLY = "monthly", "At most one a month"

    contact = models.OneToOneField(Contact, primary_key=True, on_delete=models.CASCADE, related_name="preference")
    frequency = models.CharField(max_length=10, choices=Frequency, default=Frequency.ALL, db_default="all")
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_until = models.TimeField(null=True, blank=True)
    paused_until = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(quiet_from__isnull=True, quiet_until__isnull=True)
                | models.Q(quiet_from__isnull=False, quiet_until__isnull=False),
                name="contacts_preference_both_hours",
            ),
            # All day long would never end: who waits for that would be asked again and again.
            models.CheckConstraint(
                condition=~models.Q(quiet_from=models.F("quiet_until")), name="contacts_preference_some_open"
            ),
        ]

    def __str__(self) -> str:
        return f"Preferences of {self.contact_id}"


class PreferenceChange(models.Model):
    """That somebody's wishes changed, where, and from what to what: only what differs. Topics are in the ledger."""

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="preference_changes")
    at = models.DateTimeField(db_default=Now())
    source = models.CharField(max_length=200)
    before = models.JSONField()
    after = models.JSONField()

    class Meta:
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{', '.join(self.after)} by {self.source}"
