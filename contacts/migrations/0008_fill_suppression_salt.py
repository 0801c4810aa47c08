"""The salt of hashed addresses: made once, at random, by the database."""

from django.db import migrations

FORWARD = """
INSERT INTO contacts_suppressionsalt (salt)
SELECT sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8'));
"""


class Migration(migrations.Migration):
    dependencies = [("contacts", "0007_people_and_consent")]
    operations = [migrations.RunSQL(FORWARD, migrations.RunSQL.noop)]
