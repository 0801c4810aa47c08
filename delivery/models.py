"""The send ledger: accounts that carry messages, runs of campaigns, one row per recipient that says what happened."""

from django.db import models
from django.db.models.functions import Now

from campaigns.models import Campaign, Sender, Variant
from contacts.channels import channel_choices
from contacts.models import Contact, Topic
from core.fields import EncryptedJSONField
from core.models import Entity
from core.models import StatusChange as AbstractStatusChange
from delivery.providers import provider_choices


class Account(Entity):
    """An account at something that carries messages: an SMTP relay, an API. Credentials are encrypted at rest."""

    name = models.CharField(max_length=120, unique=True)
    channel = models.CharField(max_length=20, choices=channel_choices, default="email")
    provider = models.CharField(max_length=40, choices=provider_choices)
    config = EncryptedJSONField(default=dict, blank=True)
    senders = models.ManyToManyField(
        Sender, blank=True, related_name="accounts", help_text="Carries only these senders; empty: any."
    )
    is_default = models.BooleanField(default=False)
    max_connections = models.PositiveSmallIntegerField(
        default=2, help_text="Open connections per worker. Far away relays want more: each waits for its answers."
    )
    rate_per_second = models.PositiveIntegerField(
        null=True, blank=True, help_text="Most messages a second over all workers. Empty: as fast as it goes."
    )
    failing_since = models.DateTimeField(null=True, blank=True, editable=False)
    failure = models.TextField(blank=True, editable=False, help_text="What the provider said last, while it refuses.")
    retry_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="Nothing is sent before this.")
    failure_count = models.PositiveIntegerField(default=0, editable=False, help_text="Refusals in a row.")

    class Meta:
        ordering = ["name"]
        verbose_name = "sender account"
        constraints = [
            models.UniqueConstraint("channel", condition=models.Q(is_default=True), name="delivery_account_one_default")
        ]

    def __str__(self) -> str:
        return self.name


class Run(models.Model):
    """One going-out of a campaign, at one planned instant. Its audience is frozen when it is planned.

    `status` has one writer, outbox.py. UNIQUE(campaign, planned_at): two schedulers, two ticks, one run.
    """

    class Status(models.TextChoices):
        PLANNING = "planning", "Planning"
        SENDING = "sending", "Sending"
        FINISHED = "finished", "Finished"
        CANCELLED = "cancelled", "Cancelled"

    OVER = (Status.FINISHED, Status.CANCELLED)

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="runs")
    planned_at = models.DateTimeField()
    status = models.CharField(max_length=10, choices=Status, default=Status.PLANNING)
    audience_count = models.BigIntegerField(default=0, help_text="Ledger rows: everyone the segments named.")
    final_counts = models.JSONField(default=dict, help_text="Rows by state and reason, once the run is quiet.")
    opened_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint("campaign", "planned_at", name="delivery_run_once")]

    def __str__(self) -> str:
        return f"{self.campaign} at {self.planned_at:%Y-%m-%d %H:%M}"


class RunStatusChange(AbstractStatusChange):
    """Every move of a run's status."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="status_changes")


class Message(models.Model):
    """The ledger: one row per (run, contact, step, channel), which says what happened to it and why.

    `state` moves by the table in ledger.py. The keys carry no foreign key constraint: Django's deferred ones alone
    make planning a million rows take 11 s instead of 4, and runs, variants and contacts that the ledger speaks of
    are never deleted (an erased contact keeps its row, emptied).
    """

    class State(models.TextChoices):
        PLANNED = "planned", "Planned"
        QUEUED = "queued", "Being prepared"
        SENDING = "sending", "Sending"
        SENT = "sent", "Sent"
        DELIVERED = "delivered", "Delivered"
        FAILED = "failed", "Failed"
        SKIPPED = "skipped", "Skipped"
        CANCELLED = "cancelled", "Cancelled"
        UNKNOWN = "unknown", "Unknown"

    run = models.ForeignKey(
        Run, on_delete=models.DO_NOTHING, related_name="messages", db_constraint=False, db_index=False
    )
    contact = models.ForeignKey(
        Contact, on_delete=models.DO_NOTHING, related_name="messages", db_constraint=False, db_index=False
    )
    variant = models.ForeignKey(
        Variant, on_delete=models.DO_NOTHING, related_name="messages", db_constraint=False, db_index=False
    )
    step = models.SmallIntegerField(db_default=0, help_text="Which of their messages in this run; 0 for a broadcast.")
    channel = models.CharField(max_length=20, choices=channel_choices)
    state = models.CharField(max_length=10, choices=State)
    reason = models.CharField(max_length=30, db_default="", help_text="Why it was skipped, deferred or failed.")
    detail = models.TextField(db_default="", help_text="What the gate or the provider said.")
    data = models.JSONField(null=True, help_text="What was handed over for this message alone; `data` in its template.")
    due_at = models.DateTimeField(db_default=Now())
    attempt = models.SmallIntegerField(db_default=0)
    death_count = models.SmallIntegerField(db_default=0, help_text="Workers that ended while they prepared it.")
    lease_until = models.DateTimeField(null=True)
    worker = models.CharField(max_length=40, db_default="")
    account = models.ForeignKey(
        Account, null=True, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    provider_id = models.CharField(max_length=200, db_default="", help_text="The provider's own name for it.")
    state_at = models.DateTimeField(db_default=Now())
    sent_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True, help_text="When its arrival was confirmed, maybe while `sending`.")
    opened_at = models.DateTimeField(null=True)
    clicked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint("run", "contact", "step", "channel", name="delivery_message_once"),
            models.CheckConstraint(
                condition=models.Q(
                    state__in=[
                        "planned",
                        "queued",
                        "sending",
                        "sent",
                        "delivered",
                        "failed",
                        "skipped",
                        "cancelled",
                        "unknown",
                    ]
                ),
                name="delivery_message_state",
            ),
        ]
        indexes = [
            models.Index("contact", "run", name="delivery_message_of_contact"),
            # What is still to do, in the order in which it is claimed; empty again once a run is quiet.
            models.Index("run", "due_at", "id", condition=models.Q(state="planned"), name="delivery_message_planned"),
            models.Index(
                "lease_until", condition=models.Q(state__in=["queued", "sending"]), name="delivery_message_leased"
            ),
            # The rows people look for: what was not sent is rare, and may stand at the far end of a million.
            models.Index(
                "run",
                "state",
                "id",
                condition=models.Q(state__in=["failed", "skipped", "cancelled", "unknown"]),
                name="delivery_message_unsent",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.state} {self.reason}".strip()


class ConfirmationMail(models.Model):
    """Which campaign carries the confirmation mails of a topic; the row without a topic, those of all others."""

    topic = models.OneToOneField(
        Topic, null=True, blank=True, on_delete=models.CASCADE, related_name="+", help_text="Empty: every other topic."
    )
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["topic__position", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["topic"], nulls_distinct=False, name="delivery_confirmationmail_one_default"
            )
        ]

    def __str__(self) -> str:
        return str(self.topic or "All other topics")


class SandboxMail(models.Model):
    """A message that the sandbox mailbox received: what would have reached a real inbox."""

    sender = models.CharField(max_length=320)
    recipient = models.CharField(max_length=320, db_index=True)
    subject = models.TextField(blank=True)
    raw = models.BinaryField()
    message_id = models.BigIntegerField(null=True, db_index=True, help_text="Our ledger row, from its headers.")
    received_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]
        verbose_name = "sandbox mail"
        verbose_name_plural = "sandbox mailbox"

    def __str__(self) -> str:
        return self.subject


class WorkerBeat(models.Model):
    """When each kind of process last made progress: readiness looks here, because a process may live and be stuck."""

    name = models.CharField(max_length=60, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
