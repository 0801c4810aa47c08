"""Tracked events: their visitor and source in the log, sources with their keys, messages seen, what names there are."""

import uuid

import django.contrib.postgres.functions
import django.db.models.deletion
import django.db.models.functions
from django.conf import settings
from django.db import migrations, models

# The index serves only the question "what did this visitor do before we knew who it was", so it holds only those.
FORWARD = """
ALTER TABLE events_event
    ADD COLUMN anonymous_id varchar(200) COLLATE "C",
    ADD COLUMN source_id bigint;
CREATE INDEX events_event_visitor ON events_event (anonymous_id)
    WHERE contact_id IS NULL AND anonymous_id IS NOT NULL;
"""
BACKWARD = """
DROP INDEX events_event_visitor;
ALTER TABLE events_event DROP COLUMN source_id, DROP COLUMN anonymous_id;
"""
# Messages come in by time, so a block range index finds the old ones in a thousandth of a tree's size.
SEEN_FORWARD = "CREATE INDEX events_seenmessage_seen ON events_seenmessage USING brin (seen_at);"
SEEN_BACKWARD = "DROP INDEX events_seenmessage_seen;"


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(FORWARD, BACKWARD)],
            state_operations=[
                migrations.AddField(
                    "event",
                    "anonymous_id",
                    models.CharField(
                        db_collation="C",
                        help_text="The visitor's, as their browser or app named them.",
                        max_length=200,
                        null=True,
                    ),
                ),
                migrations.AddField(
                    "event",
                    "source_id",
                    models.BigIntegerField(help_text="Where a tracked event came in; empty for our own.", null=True),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Source",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "uuid",
                    models.UUIDField(
                        db_default=django.contrib.postgres.functions.RandomUUID(),
                        default=uuid.uuid4,
                        editable=False,
                        unique=True,
                        verbose_name="public id",
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True, db_default=django.db.models.functions.Now())),
                ("updated_at", models.DateTimeField(auto_now=True, db_default=django.db.models.functions.Now())),
                ("name", models.CharField(max_length=120, unique=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("server", "Server: the key is secret"),
                            ("website", "Website or app: anyone can read the key"),
                        ],
                        default="server",
                        help_text="What comes with a key that anyone can read never replaces an address, nor joins two known people.",
                        max_length=10,
                    ),
                ),
                ("description", models.CharField(blank=True, max_length=300)),
                (
                    "is_enabled",
                    models.BooleanField(
                        default=True, help_text="Off: all its keys are refused.", verbose_name="enabled"
                    ),
                ),
            ],
            options={"ordering": ["name"]},
        ),
        migrations.CreateModel(
            name="WriteKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("prefix", models.CharField(max_length=8)),
                ("key_hash", models.CharField(max_length=64, unique=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "source",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="keys", to="events.source"
                    ),
                ),
            ],
            options={"ordering": ["-id"]},
        ),
        migrations.CreateModel(
            name="SeenMessage",
            fields=[
                (
                    "key",
                    models.UUIDField(
                        help_text="128 bits of a hash of source and messageId.", primary_key=True, serialize=False
                    ),
                ),
                ("seen_at", models.DateTimeField(db_default=django.db.models.functions.Now())),
            ],
        ),
        migrations.RunSQL(SEEN_FORWARD, SEEN_BACKWARD),
        migrations.CreateModel(
            name="EventName",
            fields=[
                ("name", models.CharField(max_length=120, primary_key=True, serialize=False)),
                ("count", models.BigIntegerField(default=0)),
                ("first_seen_at", models.DateTimeField()),
                ("last_seen_at", models.DateTimeField()),
            ],
            options={"ordering": ["name"]},
        ),
        migrations.CreateModel(
            name="EventDay",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "name", "day", "source_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=120)),
                ("day", models.DateField()),
                ("source_id", models.BigIntegerField(default=0)),
                ("count", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="EventProperty",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "name", "key", "kind", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=120)),
                ("key", models.CharField(max_length=120)),
                (
                    "kind",
                    models.CharField(
                        help_text="As JSON has them: string, number, boolean, array, object, null.", max_length=10
                    ),
                ),
                (
                    "count",
                    models.BigIntegerField(default=0, help_text="Among the events that were looked at."),
                ),
                ("last_seen_at", models.DateTimeField()),
            ],
        ),
    ]
