"""The people who run campaigns, the keys their programs use, and the notices the product leaves for them."""

from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from core.models import Entity


class User(AbstractUser):
    """Someone of the team. What they may do comes from their groups: Marketer, Approver, Administrator (roles.py)."""

    time_zone = models.CharField(
        max_length=64, default="UTC", help_text="Times in the console are shown, and schedules meant, in this zone."
    )

    class Meta:
        verbose_name = "team member"
        constraints = [
            models.UniqueConstraint("email", condition=~models.Q(email=""), name="team_user_email_unique"),
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
