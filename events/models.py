"""The append-only event log, the sources that tracked events come from, and what is known about events' names."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from core.models import Entity


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
    anonymous_id = models.CharField(
        max_length=200, null=True, db_collation="C", help_text="The visitor's, as their browser or app named them."
    )
    source_id = models.BigIntegerField(null=True, help_text="Where a tracked event came in; empty for our own.")
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


class Source(Entity):
    """A website, app or server that sends events by the tracking API."""

    class Kind(models.TextChoices):
        SERVER = "server", "Server: the key is secret"
        WEBSITE = "website", "Website or app: anyone can read the key"

    name = models.CharField(max_length=120, unique=True)
    kind = models.CharField(
        max_length=10,
        choices=Kind,
        default=Kind.SERVER,
        help_text="What comes with a key that anyone can read never replaces an address, nor joins two known people.",
    )
    description = models.CharField(max_length=300, blank=True)
    is_enabled = models.BooleanField("enabled", default=True, help_text="Off: all its keys are refused.")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_public(self) -> bool:
        return self.kind == self.Kind.WEBSITE


class WriteKey(models.Model):
    """A key that may write events to one source and read nothing. Stored as a hash; shown once."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="keys")
    prefix = models.CharField(max_length=8)
    key_hash = models.CharField(max_length=64, unique=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"wk_{self.prefix}…"


class SeenMessage(models.Model):
    """That a tracked message came in, so that it is taken once however often its client sends it (deduplication.py)."""

    key = models.UUIDField(primary_key=True, help_text="128 bits of a hash of source and messageId.")
    seen_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return str(self.key)


class EventName(models.Model):
    """A name that events have, and how many have it; kept up by overview.py from the log."""

    name = models.CharField(max_length=120, primary_key=True)
    count = models.BigIntegerField(default=0)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class EventDay(models.Model):
    """How many events of a name one source sent on one day (UTC, of when they happened); 0 is no source."""

    pk = models.CompositePrimaryKey("name", "day", "source_id")
    name = models.CharField(max_length=120)
    day = models.DateField()
    source_id = models.BigIntegerField(default=0)
    count = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name} on {self.day}: {self.count}"


class EventProperty(models.Model):
    """A property seen on events of a name, with the kinds of its values; from a sample of the log. Holds no value."""

    pk = models.CompositePrimaryKey("name", "key", "kind")
    name = models.CharField(max_length=120)
    key = models.CharField(max_length=120)
    kind = models.CharField(max_length=10, help_text="As JSON has them: string, number, boolean, array, object, null.")
    count = models.BigIntegerField(default=0, help_text="Among the events that were looked at.")
    last_seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name}: {self.key} ({self.kind})"
