"""Who was erased, and when; exporting is a right of its own; and the consent ledger is kept from deletion as well.

Nothing of the product deletes from the ledger. Whoever has to, when its records have outlived their use, says so for
their transaction: SET LOCAL carillon.removes_consent = 'on'. TRUNCATE, as in tests, is no row's deletion.
"""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

import core.fields

FORWARD = """
CREATE OR REPLACE FUNCTION contacts_consent_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('carillon.removes_consent', true) = 'on' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'The consent ledger is append-only: add a record instead of changing or deleting one';
END $$;
CREATE TRIGGER contacts_consentrecord_kept
    BEFORE DELETE ON contacts_consentrecord FOR EACH ROW EXECUTE FUNCTION contacts_consent_is_append_only();
CREATE TRIGGER contacts_consentrecord_dated
    BEFORE UPDATE OF id, recorded_at ON contacts_consentrecord
    FOR EACH ROW EXECUTE FUNCTION contacts_consent_is_append_only();
-- from which computer it was said, and who of the team wrote it down, may be forgotten, and nothing else
CREATE TRIGGER contacts_consentrecord_no_other
    BEFORE UPDATE OF ip_address, recorded_by_id ON contacts_consentrecord FOR EACH ROW
    WHEN ((NEW.ip_address IS NOT NULL AND NEW.ip_address IS DISTINCT FROM OLD.ip_address)
        OR (NEW.recorded_by_id IS NOT NULL AND NEW.recorded_by_id IS DISTINCT FROM OLD.recorded_by_id))
    EXECUTE FUNCTION contacts_consent_is_append_only();
"""
BACKWARD = """
DROP TRIGGER contacts_consentrecord_kept ON contacts_consentrecord;
DROP TRIGGER contacts_consentrecord_dated ON contacts_consentrecord;
DROP TRIGGER contacts_consentrecord_no_other ON contacts_consentrecord;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0015_place_and_version"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="contact",
            options={"ordering": ["-id"], "permissions": [("export_contact", "Can take contacts' data out as files")]},
        ),
        migrations.CreateModel(
            name="Erasure",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("known", core.fields.EncryptedJSONField(default=dict, editable=False)),
                (
                    "due_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        help_text="When to look for what is left of them.",
                    ),
                ),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                (
                    "asked_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "contact",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="erasure", to="contacts.contact"
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "indexes": [
                    models.Index(
                        models.F("due_at"),
                        condition=models.Q(("finished_at__isnull", True)),
                        name="contacts_erasure_due",
                    )
                ],
            },
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
