"""A message may carry data of its own, and the team may choose who carries confirmation mails."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0005_topic"),
        ("contacts", "0009_consent_clear"),
        ("delivery", "0003_message_death_count"),
    ]
    operations = [
        migrations.AddField(
            model_name="message",
            name="data",
            field=models.JSONField(
                help_text="What was handed over for this message alone; `data` in its template.", null=True
            ),
        ),
        migrations.AlterField(
            model_name="message",
            name="step",
            field=models.SmallIntegerField(
                db_default=0, help_text="Which of their messages in this run; 0 for a broadcast."
            ),
        ),
        migrations.CreateModel(
            name="ConfirmationMail",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="campaigns.campaign"
                    ),
                ),
                (
                    "topic",
                    models.OneToOneField(
                        blank=True,
                        help_text="Empty: every other topic.",
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="contacts.topic",
                    ),
                ),
            ],
            options={
                "ordering": ["topic__position", "id"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("topic",), name="delivery_confirmationmail_one_default", nulls_distinct=False
                    )
                ],
            },
        ),
    ]
