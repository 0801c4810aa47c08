"""Consent can be neither yes nor no again, and a confirmation knows the ledger row of its mail."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("contacts", "0008_fill_suppression_salt")]
    operations = [
        migrations.AlterField(
            model_name="consentrecord",
            name="action",
            field=models.CharField(
                choices=[
                    ("request", "Asked to confirm"),
                    ("grant", "Granted"),
                    ("withdraw", "Withdrawn"),
                    ("clear", "Neither any more"),
                ],
                max_length=10,
            ),
        ),
        migrations.AlterField(model_name="consentstate", name="is_granted", field=models.BooleanField(null=True)),
        migrations.AddField(
            model_name="confirmation",
            name="message_id",
            field=models.BigIntegerField(blank=True, help_text="The send ledger's row of its mail.", null=True),
        ),
        migrations.AlterField(
            model_name="confirmation",
            name="attempt",
            field=models.SmallIntegerField(db_default=0, help_text="Mails asked for; whoever asks often gets few."),
        ),
        migrations.AlterField(
            model_name="confirmation",
            name="sent_at",
            field=models.DateTimeField(blank=True, help_text="When its mail was given to the send ledger.", null=True),
        ),
    ]
