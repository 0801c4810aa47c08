"""Who x what x when: campaigns, their variants, approvals, people and history; and setups kept for new ones."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from contacts.channels import channel_choices
from contacts.models import Topic
from core.models import Entity
from core.models import StatusChange as AbstractStatusChange
from segments.models import Segment
from templates_app.models import Template, TemplateVersion


class Sender(Entity):
    """Who a message says it is from. Which account carries it is delivery's business."""

    name = models.CharField("from name", max_length=120)
    email = models.EmailField("from address", unique=True)
    reply_to = models.EmailField(blank=True)
    postal_address = models.CharField(
        max_length=300, blank=True, help_text="Shown in the footer; commercial mail must carry one in many countries."
    )
    is_default = models.BooleanField(default=False)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                "is_default", condition=models.Q(is_default=True), name="campaigns_sender_one_default"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>"


class CampaignQuerySet(models.QuerySet["Campaign"]):
    def present(self) -> "CampaignQuerySet":
        """Neither deleted nor archived."""
        return self.filter(deleted_at=None, archived_at=None)

    def due(self) -> "CampaignQuerySet":
        """Scheduled, and their moment has come."""
        return self.filter(status=Campaign.Status.SCHEDULED, planned_at__lte=timezone.now(), deleted_at=None)


class Campaign(Entity):
    """What is sent to whom and when. `status` has one writer: lifecycle.py."""

    class Kind(models.TextChoices):
        BROADCAST = "broadcast", "Broadcast"
        TRIGGERED = "triggered", "Triggered"

    class Purpose(models.TextChoices):
        MARKETING = "marketing", "Marketing (needs consent)"
        TRANSACTIONAL = "transactional", "Transactional (receipts, security, contract)"

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        IN_REVIEW = "in_review", "In review"
        REJECTED = "rejected", "Rejected"
        APPROVED = "approved", "Approved"
        SCHEDULED = "scheduled", "Scheduled"
        SENDING = "sending", "Sending"
        PAUSED = "paused", "Paused"
        FINISHED = "finished", "Finished"
        CANCELLED = "cancelled", "Cancelled"

    name = models.CharField(max_length=160)
    description = models.TextField(blank=True)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.BROADCAST)
    purpose = models.CharField(max_length=15, choices=Purpose, default=Purpose.MARKETING)
    channel = models.CharField(max_length=20, choices=channel_choices, default="email")
    topic = models.ForeignKey(
        Topic, null=True, blank=True, on_delete=models.PROTECT, related_name="campaigns",
        help_text="What people have subscribed to. Empty: it goes by consent to the channel as a whole.",
    )  # fmt: skip
    status = models.CharField(max_length=12, choices=Status, default=Status.DRAFT, editable=False, db_index=True)
    sender = models.ForeignKey(Sender, null=True, blank=True, on_delete=models.PROTECT, related_name="campaigns")
    segments = models.ManyToManyField(
        Segment, blank=True, related_name="campaigns", help_text="Everyone who is in any of these…"
    )
    excluded_segments = models.ManyToManyField(
        Segment, blank=True, related_name="excluded_campaigns", help_text="…and in none of these."
    )
    # The schedule as the person meant it: a wall clock and a zone. `planned_at` is the instant it stands for.
    send_on = models.DateField(null=True, blank=True)
    send_time = models.TimeField(null=True, blank=True)
    send_zone = models.CharField(max_length=64, blank=True)
    planned_at = models.DateTimeField(null=True, blank=True, editable=False, db_index=True)
    tracks_opens = models.BooleanField(default=True)
    tracks_clicks = models.BooleanField(default=True)
    tags = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    edited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    started_at = models.DateTimeField(null=True, blank=True, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True, editable=False)
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = CampaignQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        permissions = [
            ("submit_campaign", "Can ask for approval"),
            ("approve_campaign", "Can approve or reject"),
            ("launch_campaign", "Can schedule, launch, pause, resume and cancel"),
        ]

    def __str__(self) -> str:
        return self.name


class Variant(models.Model):
    """One wording of a campaign; every campaign has at least one, so no code asks "is this a test?".

    `version` is pinned when the campaign is submitted: what was approved is what is sent, whatever the template
    becomes later.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="variants")
    key = models.CharField(max_length=8, default="A")
    template = models.ForeignKey(Template, on_delete=models.PROTECT, related_name="variants")
    version = models.ForeignKey(
        TemplateVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="variants", editable=False
    )
    weight = models.PositiveSmallIntegerField(default=1, help_text="Share of the audience, relative to the others.")

    class Meta:
        ordering = ["key"]
        constraints = [
            models.UniqueConstraint("campaign", "key", name="campaigns_variant_key"),
            models.CheckConstraint(condition=models.Q(weight__gte=1), name="campaigns_variant_weight"),
        ]

    def __str__(self) -> str:
        return f"{self.campaign} {self.key}"


class Approval(models.Model):
    """One request for approval and its answer, bound to a hash of what was to be approved (approval.py)."""

    class Decision(models.TextChoices):
        PENDING = "pending", "Waiting"
        APPROVED = "approved", "Approved"
        REJECTED = "rejected", "Rejected"
        VOID = "void", "Void: the campaign was changed"

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="approvals")
    content_hash = models.CharField(max_length=64)
    bound = models.JSONField(default=dict, help_text="What the hash covers, so that a difference can be named.")
    audience_count = models.BigIntegerField(default=0, help_text="People in the audience when approval was asked for.")
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    requested_at = models.DateTimeField(auto_now_add=True)
    request_comment = models.TextField(blank=True)
    decision = models.CharField(max_length=10, choices=Decision, default=Decision.PENDING)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    decision_comment = models.TextField(blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                "campaign", condition=models.Q(decision="pending"), name="campaigns_approval_one_pending"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.campaign}: {self.get_decision_display()}"


class StatusChange(AbstractStatusChange):
    """Every move of a campaign's status."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="status_changes")


class Edit(models.Model):
    """What one save changed, and who saved it: the part of a campaign's history that is not its status."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="edits")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField(auto_now_add=True)
    changes = models.JSONField(default=list, help_text='[{"field": "Name", "before": "…", "after": "…"}]')

    class Meta:
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return ", ".join(change["field"] for change in self.changes)


class Comment(Entity):
    """What the team says to each other about a campaign."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="comments")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.CASCADE, related_name="replies")
    body = models.TextField()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.body[:60]


class CampaignMember(models.Model):
    """A person's part in one campaign. Without an owner's row its creator is the owner (members.py)."""

    class Role(models.TextChoices):
        OWNER = "owner", "Owner"
        EDITOR = "editor", "Editor"
        VIEWER = "viewer", "Viewer"

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    role = models.CharField(max_length=6, choices=Role)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint("campaign", "user", name="campaigns_member_once"),
            models.UniqueConstraint("campaign", condition=models.Q(role="owner"), name="campaigns_member_one_owner"),
        ]

    def __str__(self) -> str:
        return f"{self.user}, {self.get_role_display().lower()}"


class CampaignTemplate(Entity):
    """A campaign's setup kept for new ones: what it says to whom and from whom, without a time, approval or history."""

    name = models.CharField(max_length=160, unique=True)
    description = models.TextField(blank=True)
    niche = models.CharField(max_length=60, blank=True, help_text="The trade or audience it suits, e.g. Fashion.")
    category = models.CharField(max_length=60, blank=True, help_text="What it is for, e.g. Welcome or Sale.")
    purpose = models.CharField(max_length=15, choices=Campaign.Purpose, default=Campaign.Purpose.MARKETING)
    channel = models.CharField(max_length=20, choices=channel_choices, default="email")
    topic = models.ForeignKey(Topic, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    sender = models.ForeignKey(Sender, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    segments = models.ManyToManyField(Segment, blank=True, related_name="campaign_templates")
    excluded_segments = models.ManyToManyField(Segment, blank=True, related_name="excluded_campaign_templates")
    tracks_opens = models.BooleanField(default=True)
    tracks_clicks = models.BooleanField(default=True)
    tags = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name


class KeptVariant(models.Model):
    """One wording of a campaign template; as in a campaign, its letter is its place."""

    kept_in = models.ForeignKey(CampaignTemplate, on_delete=models.CASCADE, related_name="variants")
    template = models.ForeignKey(Template, on_delete=models.PROTECT, related_name="kept_variants")
    weight = models.PositiveSmallIntegerField(default=1)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=models.Q(weight__gte=1), name="campaigns_keptvariant_weight"),
        ]

    def __str__(self) -> str:
        return f"{self.template} ({self.weight})"


class CreationKey(models.Model):
    """An Idempotency-Key that made a campaign: the same request again finds that campaign, and makes no second."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=200)
    body_hash = models.CharField(max_length=64)
    campaign = models.ForeignKey(Campaign, null=True, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint("owner", "key", name="campaigns_creationkey_once")]

    def __str__(self) -> str:
        return self.key
