"""Campaigns and their templates may be about a topic."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0004_members_and_templates"),
        ("contacts", "0010_former_names_and_imported"),
    ]

    operations = [
        migrations.AddField(
            model_name="campaign",
            name="topic",
            field=models.ForeignKey(
                blank=True,
                help_text="What people have subscribed to. Empty: it goes by consent to the channel as a whole.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="campaigns",
                to="contacts.topic",
            ),
        ),
        migrations.AddField(
            model_name="campaigntemplate",
            name="topic",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="contacts.topic",
            ),
        ),
    ]
