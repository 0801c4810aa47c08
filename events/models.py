"""The append-only event log: everything that people did and everything that happened to their messages."""

from django.db import models
from django.db.models.functions import Now


class Event(models.Model):
    """One thing that happened. Append-only; only its label may be revised (labels.py).

    The table is partitioned by month of `occurred_at`, and its real primary key is (xid, id, occurred_at): readers
    take rows in commit order by transaction id (stream.py). Ids of campaigns, variants and ledger messages are plain
    numbers, because those apps stand above this one and because the log outlives what it speaks of.
    """

    class Label(models.TextChoices):
        HUMAN = "human", "Person"
        SCANNER = "scanner", "Link scanner"
        PREFETCH = "prefetch", "Mail client's prefetch"

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=120)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField(db_default=Now())
    contact_id = models.BigIntegerField(null=True)
    campaign_id = models.BigIntegerField(null=True)
    variant_id = models.BigIntegerField(null=True)
    message_id = models.BigIntegerField(null=True)
    label = models.CharField(max_length=10, choices=Label, db_default="human")
    label_reason = models.CharField(max_length=120, db_default="")
    properties = models.JSONField(default=dict, db_default={})

    class Meta:
        ordering = ["-occurred_at", "-id"]

    def __str__(self) -> str:
        return f"{self.name} at {self.occurred_at:%Y-%m-%d %H:%M}"


class Cursor(models.Model):
    """How far one reader of the log has come: the last (xid, id) it has dealt with."""

    reader = models.CharField(max_length=80, primary_key=True)
    xid = models.BigIntegerField(default=0)
    event_id = models.BigIntegerField(default=0)
    moved_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.reader
