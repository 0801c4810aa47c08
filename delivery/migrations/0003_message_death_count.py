"""A message is set aside for the workers that ended over it, and no more for the attempts it has had."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("delivery", "0002_unsent_index"),
    ]

    operations = [
        migrations.AddField(
            model_name="message",
            name="death_count",
            field=models.SmallIntegerField(db_default=0, help_text="Workers that ended while they prepared it."),
        ),
    ]
