"""Last names in an order that a list can stop in, and the few who were erased."""

import django.db.models.functions.comparison
import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0005_suppression_collation"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="contact",
            name="contacts_contact_last_like",
        ),
        migrations.AddIndex(
            model_name="contact",
            index=models.Index(
                django.db.models.functions.comparison.Collate(django.db.models.functions.text.Lower("last_name"), "C"),
                name="contacts_contact_last_name",
            ),
        ),
        migrations.AddIndex(
            model_name="contact",
            index=models.Index(
                models.F("id"),
                condition=models.Q(("erased_at__isnull", False)),
                name="contacts_contact_erased",
            ),
        ),
    ]
