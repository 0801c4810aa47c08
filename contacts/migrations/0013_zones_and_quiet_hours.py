"""A zone that the database surely knows, for people's clocks; and quiet hours that end."""

from django.db import migrations, models

# Names of zones come and go, and the server's list is not Python's: one name that it lacks must not stop a batch.
ZONE = """
CREATE FUNCTION contacts_zone(name text) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
    PERFORM now() AT TIME ZONE name;
    RETURN name;
EXCEPTION WHEN invalid_parameter_value THEN
    RETURN 'UTC';
END
$$
"""


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0012_import_topics"),
    ]

    operations = [
        migrations.RunSQL(ZONE, "DROP FUNCTION contacts_zone(text)"),
        migrations.AddConstraint(
            model_name="preference",
            constraint=models.CheckConstraint(
                condition=models.Q(("quiet_from", models.F("quiet_until")), _negated=True),
                name="contacts_preference_some_open",
            ),
        ),
    ]
