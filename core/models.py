"""Abstract models that every app builds on, and what this installation has done once."""

import uuid

from django.conf import settings
from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models.functions import Now


class Entity(models.Model):
    """Something people name and keep: a bigint inside, a UUID in every public URL.

    The defaults exist in the database too, because bulk paths write rows with plain SQL.
    """

    uuid = models.UUIDField("public id", default=uuid.uuid4, db_default=RandomUUID(), unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True, db_default=Now())
    updated_at = models.DateTimeField(auto_now=True, db_default=Now())

    class Meta:
        abstract = True


class StatusChange(models.Model):
    """One row for each time a status moved: who, when, from where, to where and why. Append-only."""

    from_status = models.CharField(max_length=20, blank=True)
    to_status = models.CharField(max_length=20)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    reason = models.TextField(blank=True)
    at = models.DateTimeField(auto_now_add=True, db_default=Now())

    class Meta:
        abstract = True
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.from_status or 'new'} -> {self.to_status}"


class Milestone(models.Model):
    """Something that happens once in the life of an installation, e.g. that a step of the demo data was loaded."""

    name = models.CharField(max_length=80, primary_key=True)
    at = models.DateTimeField(auto_now_add=True, db_default=Now())

    def __str__(self) -> str:
        return self.name
