"""Segments that follow changes: what they depend on, and people to look at again; revised events are noted."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
import django.utils.timezone
from django.db import migrations, models

# Readers of the log see each event once; whoever is asked about it must hear when one is revised.
FORWARD = """
CREATE FUNCTION segments_note_revised() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT count(*) FROM touched) > 200000 THEN
        INSERT INTO contacts_change (keys) SELECT ARRAY['event:' || name] FROM (SELECT DISTINCT name FROM touched) names;
        RETURN NULL;
    END IF;
    INSERT INTO contacts_change (keys, contact_ids, size)
    SELECT ARRAY['event:' || name], array_agg(contact_id), count(*) FROM (
        SELECT name, contact_id, row_number() OVER (PARTITION BY name) / 2000 AS part
        FROM (SELECT DISTINCT name, contact_id FROM touched WHERE contact_id IS NOT NULL) people
    ) numbered GROUP BY name, part;
    RETURN NULL;
END $$;
CREATE TRIGGER note_gone AFTER DELETE ON events_event REFERENCING OLD TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION segments_note_revised();
CREATE TRIGGER note_was AFTER UPDATE ON events_event REFERENCING OLD TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION segments_note_revised();
CREATE TRIGGER note_is AFTER UPDATE ON events_event REFERENCING NEW TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION segments_note_revised();
"""
BACKWARD = "DROP FUNCTION segments_note_revised CASCADE;"


class Migration(migrations.Migration):
    dependencies = [("segments", "0002_static_and_tried"), ("contacts", "0011_changes"), ("events", "0001_initial")]
    operations = [
        migrations.AddField(
            "segment",
            "depends_on",
            django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(),
                db_default=[],
                default=list,
                editable=False,
                help_text="Under which keys changes are noted that bear on it, as of the rules last refreshed.",
                size=None,
            ),
        ),
        migrations.AddField(
            "segment",
            "stale_since",
            models.DateTimeField(
                db_default=django.db.models.functions.datetime.Now(),
                default=django.utils.timezone.now,
                editable=False,
                help_text="Needs a refresh; empty: follows each change by itself.",
                null=True,
            ),
        ),
        migrations.AddField(
            "segment",
            "followed_until",
            models.DateTimeField(
                editable=False, help_text="Up to when the mere passing of time has been looked at.", null=True
            ),
        ),
        migrations.AddField(
            "segment",
            "due_at",
            models.DateTimeField(
                editable=False,
                help_text="When to look at the passing of time again; empty: it changes nothing.",
                null=True,
            ),
        ),
        migrations.CreateModel(
            name="Recheck",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "contact_ids",
                    django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None),
                ),
                (
                    "segment",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="segments.segment",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Transition",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("is_entry", models.BooleanField()),
                (
                    "contact_ids",
                    django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None),
                ),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "segment",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="segments.segment",
                    ),
                ),
            ],
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
