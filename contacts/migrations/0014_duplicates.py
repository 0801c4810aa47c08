"""Merging by rule, and an index over addresses that are another spelling of a mailbox."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

# Both expressions stand in contacts/duplicates.py too; the index answers only where they are the same.
ANOTHER_SPELLING = (
    "(email LIKE '_%+%' OR email LIKE '%.%@gmail.com' OR email LIKE '%@googlemail.com') AND email NOT LIKE '+%'"
)
MAILBOX = (
    "CASE WHEN email LIKE '+%' THEN email"
    " WHEN email LIKE '%@gmail.com' OR email LIKE '%@googlemail.com'"
    " THEN replace(split_part(split_part(email, '@', 1), '+', 1), '.', '') || '@gmail.com'"
    " ELSE split_part(split_part(email, '@', 1), '+', 1) || '@' || split_part(email, '@', 2) END"
)
FORWARD = f"CREATE INDEX contacts_contact_mailbox ON contacts_contact (({MAILBOX})) WHERE {ANOTHER_SPELLING};"
BACKWARD = "DROP INDEX contacts_contact_mailbox;"


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0013_zones_and_quiet_hours"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL(FORWARD, BACKWARD),
        migrations.CreateModel(
            name="BulkMerge",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("rule", models.CharField(max_length=30)),
                ("asked_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("after_first", models.BigIntegerField(db_default=0)),
                ("after_second", models.BigIntegerField(db_default=0)),
                ("merged_count", models.IntegerField(db_default=0)),
                ("left_count", models.IntegerField(db_default=0, help_text="Pairs that a person has to look at.")),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                (
                    "asked_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={"ordering": ["-id"]},
        ),
        migrations.AddConstraint(
            model_name="bulkmerge",
            constraint=models.UniqueConstraint(
                models.F("rule"),
                condition=models.Q(("finished_at__isnull", True)),
                name="contacts_bulkmerge_one_open",
            ),
        ),
    ]
