"""Whose phone number was suppressed is answered by its index again.

An address of the suppression list compares in collation C, a contact's phone number in the database's: without saying
so each suppressed address was compared with every contact, which took minutes for a list of a million.
"""

from django.db import migrations

BODY = """
CREATE OR REPLACE FUNCTION contacts_note_suppressed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'UPDATE' AND EXISTS (SELECT FROM touched WHERE address IS NULL) THEN
        INSERT INTO contacts_change (keys) VALUES ('{suppression}');
        RETURN NULL;
    END IF;
    INSERT INTO contacts_change (keys, contact_ids, size)
    SELECT '{suppression}', array_agg(id), count(*) FROM (
        SELECT id, row_number() OVER () / 2000 AS part FROM (
            SELECT c.id FROM touched JOIN contacts_contact c ON c.email = touched.address
            UNION SELECT c.id FROM touched JOIN contacts_contact c ON c.phone = touched.address%s
        ) people
    ) numbered GROUP BY part;
    RETURN NULL;
END $$;
"""
FORWARD = BODY % ' COLLATE "default"'
BACKWARD = BODY % ""


class Migration(migrations.Migration):
    dependencies = [("contacts", "0020_preference_changes")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
