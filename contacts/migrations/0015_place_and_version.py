"""Attributes that are places and version numbers."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("contacts", "0014_duplicates")]
    operations = [
        migrations.AlterField(
            model_name="attributedefinition",
            name="type",
            field=models.CharField(
                choices=[
                    ("text", "Text"),
                    ("number", "Number"),
                    ("boolean", "Yes or no"),
                    ("date", "Date"),
                    ("datetime", "Date and time"),
                    ("list", "List of texts"),
                    ("place", "Place"),
                    ("version", "Version number"),
                ],
                default="text",
                max_length=10,
            ),
        ),
    ]
