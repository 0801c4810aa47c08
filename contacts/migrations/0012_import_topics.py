"""An import says for which topics it carries consent; those there are were for the channel as a whole."""

import django.contrib.postgres.fields
from django.db import migrations, models

import contacts.models.imports


class Migration(migrations.Migration):
    dependencies = [("contacts", "0011_changes")]
    operations = [
        migrations.AddField(
            model_name="importjob",
            name="consent_topics",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.SlugField(blank=True, max_length=60),
                blank=True,
                default=contacts.models.imports.whole_channel,
                help_text="Keys of the topics that they agreed to; an empty one is the channel as a whole.",
                size=None,
            ),
        ),
    ]
