"""The audit trail: lines are added, and neither changed nor deleted."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

import team.audited

FORWARD = """
CREATE FUNCTION team_audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The audit trail is append-only';
END $$;
CREATE TRIGGER team_auditrecord_append_only
    BEFORE UPDATE OR DELETE ON team_auditrecord FOR EACH ROW EXECUTE FUNCTION team_audit_is_append_only();
"""
BACKWARD = """
DROP TRIGGER team_auditrecord_append_only ON team_auditrecord;
DROP FUNCTION team_audit_is_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("team", "0003_email_once"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditRecord",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("action", models.CharField(choices=team.audited.audit_choices, max_length=40)),
                (
                    "subject",
                    models.CharField(
                        db_default="", help_text="Of what: a segment's name, a contact's id.", max_length=200
                    ),
                ),
                ("detail", models.JSONField(db_default={}, default=dict, help_text="The filter, the format.")),
                ("count", models.BigIntegerField(help_text="How many people, or rows.", null=True)),
                (
                    "by",
                    models.ForeignKey(
                        help_text="Empty: the person concerned themself.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "key",
                    models.ForeignKey(
                        help_text="The API key that was used, if any.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="team.apikey",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "audit trail",
                "ordering": ["-id"],
                "indexes": [models.Index(models.F("action"), models.F("id"), name="team_audit_of_action")],
            },
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
