"""Who: named questions about people, and the people who answer to them."""

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from contacts.models import Contact
from core.models import Entity


class SegmentQuerySet(models.QuerySet["Segment"]):
    def stale(self, *, patience: timedelta) -> "SegmentQuerySet":
        """To be worked out in full, the one that waited longest first; one that failed only after `patience`."""
        ready = models.Q(refresh_failed="") | models.Q(tried_at=None) | models.Q(tried_at__lt=timezone.now() - patience)
        asks = models.Q(kind=Segment.Kind.DYNAMIC) | models.Q(kind=Segment.Kind.SNAPSHOT, refreshed_at=None)
        waiting = self.filter(ready, asks, stale_since__isnull=False)
        return waiting.order_by(models.F("tried_at").asc(nulls_first=True), "pk")

    def due(self, now: datetime) -> "SegmentQuerySet":
        """Followed, and to be looked at again because time has passed."""
        return self.filter(kind=Segment.Kind.DYNAMIC, stale_since=None, due_at__lte=now).order_by("due_at")


class Segment(Entity):
    """A saved question about people. `rules` is a typed tree (rules.py); nothing but rules.py evaluates it.

    A static segment asks no question: its members are added and removed by hand. A snapshot asked once: `rules` say
    what, and its members stay until they are taken out.
    """

    class Kind(models.TextChoices):
        DYNAMIC = "dynamic", "Dynamic: follows rules"
        STATIC = "static", "Static: chosen by hand, or from a list"
        SNAPSHOT = "snapshot", "Snapshot: whoever fits the rules now, and stays"

    kind = models.CharField(max_length=10, choices=Kind, default=Kind.DYNAMIC, db_default="dynamic")
    name = models.CharField(max_length=120, unique=True)
    description = models.CharField(max_length=500, blank=True)
    rules = models.JSONField(default=dict)
    size = models.BigIntegerField(default=0, editable=False, help_text="Members at the last refresh.")
    refreshed_at = models.DateTimeField(null=True, blank=True, editable=False)
    refresh_failed = models.TextField(blank=True, editable=False)
    tried_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="Last try, also a failed one, so that it waits its turn.",
    )
    depends_on = ArrayField(
        models.TextField(),
        default=list,
        db_default=[],
        editable=False,
        help_text="Under which keys changes are noted that bear on it, as of the rules last refreshed.",
    )
    stale_since = models.DateTimeField(
        null=True,
        default=timezone.now,
        db_default=Now(),
        editable=False,
        help_text="Needs a refresh; empty: follows each change by itself.",
    )
    followed_until = models.DateTimeField(
        null=True, editable=False, help_text="Up to when the mere passing of time has been looked at."
    )
    due_at = models.DateTimeField(
        null=True, editable=False, help_text="When to look at the passing of time again; empty: it changes nothing."
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )

    objects = SegmentQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_static(self) -> bool:
        """Chosen by hand: people can be put in."""
        return self.kind == self.Kind.STATIC

    @property
    def follows_rules(self) -> bool:
        """Its rules say who is in, now and later; the other kinds keep their members."""
        return self.kind == self.Kind.DYNAMIC

    @property
    def is_following(self) -> bool:
        """Its members are up to date within seconds of whatever happens; otherwise a refresh is to come."""
        return self.follows_rules and self.stale_since is None

    @property
    def asks_rules(self) -> bool:
        """Its next refresh asks the rules: always, or once for a snapshot that is not taken yet."""
        return self.follows_rules or (self.kind == self.Kind.SNAPSHOT and self.refreshed_at is None)


class Membership(models.Model):
    """One person in one segment. Updated by difference, never rebuilt (membership.py, matching.py)."""

    pk = models.CompositePrimaryKey("segment_id", "contact_id")
    # No database constraint: its trigger would fire once for each of a million rows of one refresh. A lock that
    # refreshes and deletions share (membership.py) keeps orphans away instead.
    segment = models.ForeignKey(
        Segment, on_delete=models.CASCADE, related_name="memberships", db_index=False, db_constraint=False
    )
    contact = models.ForeignKey(
        Contact, on_delete=models.CASCADE, related_name="memberships", db_index=False, db_constraint=False
    )
    entered_at = models.DateTimeField(db_default=Now())

    class Meta:
        # Both columns, in this order: what a few people are members of is read from the index alone, ready sorted.
        indexes = [models.Index("contact", "segment", name="segments_membership_of_contact")]

    def __str__(self) -> str:
        return f"{self.contact_id} in {self.segment_id}"


class Recheck(models.Model):
    """People to look at again for one segment, because time has passed or because it was being refreshed."""

    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="+", db_constraint=False)
    contact_ids = ArrayField(models.BigIntegerField())

    def __str__(self) -> str:
        return f"{len(self.contact_ids)} for {self.segment_id}"


class Transition(models.Model):
    """People who entered or left one segment at once, until they are drained into the event log (transitions.py)."""

    segment = models.ForeignKey(
        Segment, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    is_entry = models.BooleanField()
    contact_ids = ArrayField(models.BigIntegerField())
    at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{len(self.contact_ids)} {'entered' if self.is_entry else 'left'} {self.segment_id}"


class SizePoint(models.Model):
    """The size of a segment at one refresh: its growth over time."""

    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="size_points")
    at = models.DateTimeField(db_default=Now())
    size = models.BigIntegerField()
    entered_count = models.BigIntegerField(default=0)
    left_count = models.BigIntegerField(default=0)

    class Meta:
        ordering = ["at"]
        indexes = [models.Index("segment", "at", name="segments_sizepoint_series")]

    def __str__(self) -> str:
        return f"{self.size} at {self.at:%Y-%m-%d %H:%M}"


class Standing(models.Model):
    """What someone's events add up to. Kept up by a reader of the log (standing.py); can be counted again from it.

    `heat` is the logarithm to base 2 of their weighted acts, each doubling in weight every half-life that it is newer:
    so the score of any day is 2 ** (heat - that day), and no row has to be touched as time passes.
    """

    contact = models.OneToOneField(
        Contact, primary_key=True, on_delete=models.CASCADE, related_name="+", db_constraint=False
    )
    spent = models.DecimalField(max_digits=20, decimal_places=4, db_default=0)
    purchase_count = models.IntegerField(db_default=0)
    first_purchase_at = models.DateTimeField(null=True)
    last_purchase_at = models.DateTimeField(null=True)
    heat = models.FloatField(null=True)
    last_active_at = models.DateTimeField(null=True)
    tier = models.CharField(max_length=60, db_default="")
    tier_since = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.contact_id}: {self.spent}"


class SpendingDay(models.Model):
    """What someone bought, less refunds, on one day in UTC: the last weeks are a sum and no pass over the log."""

    pk = models.CompositePrimaryKey("contact_id", "on")
    contact = models.ForeignKey(
        Contact, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    on = models.DateField()
    spent = models.DecimalField(max_digits=20, decimal_places=4, db_default=0)
    purchase_count = models.IntegerField(db_default=0)

    class Meta:
        indexes = [
            models.Index("on", include=["contact", "spent", "purchase_count"], name="segments_spendingday_of_day")
        ]

    def __str__(self) -> str:
        return f"{self.contact_id} on {self.on}: {self.spent}"


class Quintiles(models.Model):
    """Between the fifths of all who ever bought: four bounds each of how lately, how often, how much (quintiles.py).

    One row. Nobody's score stands anywhere: whoever is above n of the bounds has n + 1 (fields/rfm.py).
    """

    id = models.SmallAutoField(primary_key=True)
    made_at = models.DateTimeField()
    buyers = models.BigIntegerField()
    recency = ArrayField(models.DateTimeField(), size=4)
    frequency = ArrayField(models.IntegerField(), size=4)
    monetary = ArrayField(models.DecimalField(max_digits=20, decimal_places=4), size=4)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="segments_quintiles_one")]

    def __str__(self) -> str:
        return f"fifths of {self.buyers} as of {self.made_at:%Y-%m-%d %H:%M}"


class SpendingLevel(models.Model):
    """A level of spending, from an amount up to the next level's. Below the lowest the level is “none”."""

    key = models.SlugField(max_length=30, unique=True, help_text="Name in rules and the API.")
    label = models.CharField(max_length=60)
    at_least = models.DecimalField(max_digits=12, decimal_places=2, unique=True, help_text="Spent in total, from here.")

    class Meta:
        ordering = ["at_least"]
        constraints = [
            models.CheckConstraint(condition=models.Q(at_least__gt=0), name="segments_spendinglevel_positive"),
            models.CheckConstraint(condition=~models.Q(key="none"), name="segments_spendinglevel_named"),
        ]

    def __str__(self) -> str:
        return self.label
