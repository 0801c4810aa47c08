"""Rows that are due are found without reading those that wait for later."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("delivery", "0005_message_delivered_at"),
    ]

    operations = [
        migrations.RemoveIndex(model_name="message", name="delivery_message_planned"),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                models.F("run"),
                models.F("due_at"),
                models.F("id"),
                condition=models.Q(("state", "planned")),
                name="delivery_message_planned",
            ),
        ),
    ]
