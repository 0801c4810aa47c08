"""What changed about whom, for those who follow: a queue that triggers fill and segments empty."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now


class Change(models.Model):
    """Contacts who changed in the same respects; written by triggers in the transaction of the change (changes.py)."""

    keys = ArrayField(models.TextField(), help_text="In which respects, e.g. email, attribute:plan, consent.")
    contact_ids = ArrayField(models.BigIntegerField(), null=True, help_text="Empty: everyone may have changed.")
    size = models.IntegerField(db_default=0, help_text="How many ids, to take a batch without reading them.")
    noted_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.size} contacts: {', '.join(self.keys)}"
