"""Entries from before every entry had its hash."""

from django.db import migrations

FORWARD = """
UPDATE contacts_suppression
SET address_hash = sha256((SELECT salt FROM contacts_suppressionsalt) || convert_to(address, 'UTF8'))
WHERE address_hash IS NULL;
"""


class Migration(migrations.Migration):
    dependencies = [("contacts", "0017_suppressions")]
    operations = [migrations.RunSQL(FORWARD, migrations.RunSQL.noop)]
