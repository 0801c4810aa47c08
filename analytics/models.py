"""Counts by hour, kept up to date from the event log; statistics read these and never the raw log."""

from django.db import models


class Rollup(models.Model):
    """How many events of one name and label a variant had in one hour, and of how many distinct messages."""

    campaign_id = models.BigIntegerField()
    variant_id = models.BigIntegerField()
    hour = models.DateTimeField()
    name = models.CharField(max_length=120)
    label = models.CharField(max_length=10)
    count = models.BigIntegerField(default=0)
    unique_count = models.BigIntegerField(
        default=0, help_text="Messages for which it was the first of its name and label."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint("campaign_id", "variant_id", "hour", "name", "label", name="analytics_rollup_cell")
        ]
        indexes = [models.Index("hour", name="analytics_rollup_hour")]

    def __str__(self) -> str:
        return f"{self.name} {self.hour:%Y-%m-%d %H}h: {self.count}"


class FirstSeen(models.Model):
    """That a message already had an event of this name and label: what makes `unique_count` exact under replay."""

    pk = models.CompositePrimaryKey("message_id", "name", "label")
    message_id = models.BigIntegerField()
    name = models.CharField(max_length=120)
    label = models.CharField(max_length=10)

    def __str__(self) -> str:
        return f"{self.message_id} {self.name}"


class LinkRollup(models.Model):
    """Clicks per link of a template version, by label."""

    campaign_id = models.BigIntegerField()
    variant_id = models.BigIntegerField()
    link_id = models.BigIntegerField()
    label = models.CharField(max_length=10)
    count = models.BigIntegerField(default=0)
    unique_count = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint("campaign_id", "variant_id", "link_id", "label", name="analytics_linkrollup_cell")
        ]

    def __str__(self) -> str:
        return f"link {self.link_id}: {self.count}"
