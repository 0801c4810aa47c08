"""One index for each address instead of two or three, and the counts that an import shows."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0002_consent_append_only"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="contact",
            name="contacts_contact_email_like",
        ),
        migrations.AddField(
            model_name="importjob",
            name="consent_count",
            field=models.BigIntegerField(default=0, help_text="People for whom consent was newly recorded."),
        ),
        migrations.AddField(
            model_name="importjob",
            name="duplicate_count",
            field=models.BigIntegerField(default=0, help_text="Rows that a later row of the file replaces."),
        ),
        migrations.AddField(
            model_name="importjob",
            name="first_errors",
            field=models.JSONField(default=list, help_text="The first rows with errors: row, column, value, problem."),
        ),
        migrations.AlterField(
            model_name="contact",
            name="email",
            field=models.CharField(blank=True, db_collation="C", max_length=254, null=True),
        ),
        migrations.AlterField(
            model_name="contact",
            name="external_id",
            field=models.CharField(
                blank=True, db_collation="C", help_text="Their id in your own systems.", max_length=200, null=True
            ),
        ),
        migrations.AddConstraint(
            model_name="contact",
            constraint=models.UniqueConstraint(
                fields=("email",),
                name="contacts_contact_email_once",
                violation_error_message="Another contact has this email address.",
            ),
        ),
        migrations.AddConstraint(
            model_name="contact",
            constraint=models.UniqueConstraint(
                condition=models.Q(("external_id__isnull", False)),
                fields=("external_id",),
                name="contacts_contact_external_once",
                violation_error_message="Another contact has this external id.",
            ),
        ),
    ]
