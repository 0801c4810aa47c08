"""Days for the purchases that were added up before there were days, as far as the log has been read."""

from django.db import migrations

# The words of events and amounts as they were when this was written.
FILL = """
INSERT INTO segments_spendingday (contact_id, "on", spent, purchase_count)
SELECT contact_id, (occurred_at AT TIME ZONE 'UTC')::date,
    coalesce(sum(CASE WHEN name IN ('refund', 'Order Refunded') THEN -amount ELSE amount END), 0),
    count(*) FILTER (WHERE name IN ('purchase', 'Order Completed'))
FROM (
    SELECT e.contact_id, e.occurred_at, e.name, (
        SELECT (e.properties->>key)::numeric
        FROM unnest(ARRAY['revenue', 'total', 'amount', 'value']) WITH ORDINALITY k(key, place)
        WHERE CASE WHEN jsonb_typeof(e.properties->key) = 'number' THEN abs((e.properties->>key)::numeric) < 10^9 END
        ORDER BY place LIMIT 1
    ) AS amount
    FROM events_event e, events_cursor reader
    WHERE reader.reader = 'segments.standing' AND (e.xid, e.id) <= (reader.xid::text::xid8, reader.event_id)
        AND e.name IN ('purchase', 'Order Completed', 'refund', 'Order Refunded')
        AND e.label = 'human' AND e.contact_id IS NOT NULL
) acts GROUP BY 1, 2 ORDER BY 1, 2"""


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0002_tracking"),
        ("segments", "0006_spending_days"),
    ]
    operations = [migrations.RunSQL(FILL, migrations.RunSQL.noop)]
