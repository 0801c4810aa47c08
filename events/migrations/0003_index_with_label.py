"""The index by name holds the label too: questions about what people did are answered from the index alone."""

from django.db import migrations

FORWARD = """
DROP INDEX events_event_name;
CREATE INDEX events_event_name ON events_event (name, occurred_at, contact_id) INCLUDE (label);
"""
BACKWARD = """
DROP INDEX events_event_name;
CREATE INDEX events_event_name ON events_event (name, occurred_at, contact_id);
"""


class Migration(migrations.Migration):
    dependencies = [("events", "0002_tracking")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
