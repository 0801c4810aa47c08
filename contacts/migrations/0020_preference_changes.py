"""What people changed about how they want to be written to."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("contacts", "0019_suppression_hash_required")]
    operations = [
        migrations.CreateModel(
            name="PreferenceChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("source", models.CharField(max_length=200)),
                ("before", models.JSONField()),
                ("after", models.JSONField()),
                (
                    "contact",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="preference_changes",
                        to="contacts.contact",
                    ),
                ),
            ],
            options={"ordering": ["-at", "-id"]},
        ),
    ]
