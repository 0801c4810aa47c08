"""The people who run campaigns, their programs' keys, the notices left for them, and the brand they write in."""

import hashlib

from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower, Now
from django.utils import timezone

from core.models import Entity
from team.audited import audit_choices


class User(AbstractUser):
    """Someone of the team. What they may do comes from their groups: Marketer, Approver, Administrator (roles.py)."""

    time_zone = models.CharField(
        max_length=64, default="UTC", help_text="Times in the console are shown, and schedules meant, in this zone."
    )

    class Meta:
        verbose_name = "team member"
        constraints = [
            # However it is written: people sign in with it in either case.
            models.UniqueConstraint(
                Lower("email"),
                condition=~models.Q(email=""),
                name="team_user_email_once",
                violation_error_message="Another team member has this email address.",
            ),
        ]

    def __str__(self) -> str:
        return self.get_full_name() or self.username


class ApiKey(Entity):
    """A program's key. Only a hash is kept; the key itself is shown once, when it is made (apikeys.issue)."""

    name = models.CharField(max_length=120, help_text="What uses this key, e.g. “Web shop”.")
    prefix = models.CharField(max_length=16, unique=True, editable=False)
    key_hash = models.CharField(max_length=64, editable=False)
    scopes = ArrayField(models.CharField(max_length=40), default=list, help_text="What the key may do.")
    owner = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="api_keys", help_text="The key acts as this person."
    )
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = "API key"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def is_usable(self) -> bool:
        expired = self.expires_at is not None and self.expires_at <= timezone.now()
        return self.revoked_at is None and not expired and self.owner.is_active


class Notice(models.Model):
    """Something the product must tell the team: a campaign paused itself, an import ended, a schedule was missed."""

    class Level(models.TextChoices):
        INFO = "info"
        WARNING = "warning"
        ERROR = "error"

    user = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.CASCADE, related_name="notices", help_text="Empty: everyone."
    )
    level = models.CharField(max_length=10, choices=Level, default=Level.INFO)
    text = models.TextField()
    url = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField(auto_now_add=True)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-at"]

    def __str__(self) -> str:
        return self.text

    @property
    def leads_to(self) -> str:
        """The page of the console that it is about; nothing that leads elsewhere, whatever `url` says."""
        return self.url if self.url.startswith("/") and not self.url.startswith(("//", "/\\")) else ""


class Brand(models.Model):
    """Who the public pages say they are from, in which colours. There is one: brand.current() has it.

    The logo is kept here rather than in a folder, so that every machine that serves pages has it. Colours are written
    into stylesheets, so the database takes nothing but six hexadecimal digits.
    """

    name = models.CharField(max_length=80, blank=True, help_text="As people know you; stands where there is no logo.")
    logo = models.BinaryField(null=True, blank=True, editable=False)
    logo_width = models.PositiveSmallIntegerField(default=0, editable=False)
    logo_height = models.PositiveSmallIntegerField(default=0, editable=False)
    accent = models.CharField(
        "main colour", max_length=7, default="#84530f", help_text="Buttons and links. It has to be readable on white."
    )
    ground = models.CharField(
        "background",
        max_length=7,
        default="#f6f3ef",
        help_text="Around the page; text on it turns dark or light.",
    )
    website = models.URLField(blank=True, help_text="Where the logo leads.")
    privacy_url = models.URLField("privacy policy", blank=True, help_text="Shown at the foot of every public page.")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "brand"
        constraints = [
            models.CheckConstraint(condition=models.Q(pk=1), name="team_brand_only_one"),
            models.CheckConstraint(
                condition=models.Q(accent__regex=r"^#[0-9a-f]{6}$", ground__regex=r"^#[0-9a-f]{6}$"),
                name="team_brand_colours",
            ),
        ]

    def __str__(self) -> str:
        return self.name or "Brand"

    @property
    def logo_digest(self) -> str:
        """Names the logo's bytes, so that browsers may keep it for ever; empty without one."""
        return hashlib.sha256(bytes(self.logo)).hexdigest()[:16] if self.logo else ""


class AuditRecord(models.Model):
    """One line of the audit trail: who took what out, when and how much of it. Append-only, guarded by a trigger.

    Says nothing that identifies a person of the contacts: one is named by their public id, which outlives their
    erasure and then names nobody.
    """

    at = models.DateTimeField(db_default=Now())
    by = models.ForeignKey(
        User, null=True, on_delete=models.PROTECT, related_name="+", help_text="Empty: the person concerned themself."
    )
    key = models.ForeignKey(
        ApiKey, null=True, on_delete=models.PROTECT, related_name="+", help_text="The API key that was used, if any."
    )
    action = models.CharField(max_length=40, choices=audit_choices)
    subject = models.CharField(max_length=200, db_default="", help_text="Of what: a segment's name, a contact's id.")
    detail = models.JSONField(default=dict, db_default={}, help_text="The filter, the format.")
    count = models.BigIntegerField(null=True, help_text="How many people, or rows.")

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "audit trail"
        indexes = [models.Index("action", "id", name="team_audit_of_action")]

    def __str__(self) -> str:
        return f"{self.get_action_display()} {self.subject}".strip()
