"""The consent ledger refuses changes: rows are added, and vanish only with their erased contact."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION contacts_consent_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The consent ledger is append-only: add a record instead of changing one';
END $$;
CREATE TRIGGER contacts_consentrecord_append_only
    BEFORE UPDATE OF contact_id, channel, topic, action, source, wording, legal_basis, occurred_at
    ON contacts_consentrecord FOR EACH ROW EXECUTE FUNCTION contacts_consent_is_append_only();
"""
BACKWARD = """
DROP TRIGGER contacts_consentrecord_append_only ON contacts_consentrecord;
DROP FUNCTION contacts_consent_is_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("contacts", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
