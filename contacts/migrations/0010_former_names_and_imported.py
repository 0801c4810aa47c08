"""Names a contact had before it was merged, and which import brought or changed whom."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("contacts", "0009_consent_clear")]

    operations = [
        migrations.AlterField(
            model_name="identity",
            name="kind",
            field=models.CharField(
                choices=[
                    ("anonymous", "Anonymous id"),
                    ("external", "External id"),
                    ("email", "Former email"),
                    ("phone", "Former phone number"),
                ],
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="identity",
            name="value",
            field=models.CharField(db_collation="C", max_length=254),
        ),
        migrations.CreateModel(
            name="Imported",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "contact_id", "job_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("is_new", models.BooleanField(help_text="Created by it; otherwise changed.")),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "contact",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="imported",
                        to="contacts.contact",
                    ),
                ),
                (
                    "job",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="imported",
                        to="contacts.importjob",
                    ),
                ),
            ],
        ),
    ]
