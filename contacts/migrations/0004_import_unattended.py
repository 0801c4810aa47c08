"""Imports started by a program go on after their dry run by themselves."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0003_import_speed_and_counts"),
    ]

    operations = [
        migrations.AddField(
            model_name="importjob",
            name="is_unattended",
            field=models.BooleanField(default=False, help_text="A program's: imported after the dry run by itself."),
        ),
    ]
