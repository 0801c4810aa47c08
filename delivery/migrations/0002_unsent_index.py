"""Lists of what was not sent find it without reading what was."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("delivery", "0001_initial"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                models.F("run"),
                models.F("state"),
                models.F("id"),
                condition=models.Q(("state__in", ["failed", "skipped", "cancelled", "unknown"])),
                name="delivery_message_unsent",
            ),
        ),
    ]
