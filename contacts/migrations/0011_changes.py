"""Triggers note which contacts changed, and in what (contacts/changes.py)."""

import django.contrib.postgres.fields
import django.db.models.functions
from django.db import migrations, models

COLUMNS = (
    "email", "phone", "external_id", "first_name", "last_name", "locale", "time_zone", "tags", "merged_into_id",
    "created_at",
)  # fmt: skip
COMPARED = ", ".join(f"CASE WHEN o.{name} IS DISTINCT FROM n.{name} THEN '{name}' END" for name in COLUMNS)
PART = 2_000  # ids in one row
FINE = 1_000  # up to here attributes are compared key by key
MANY = 200_000  # from here on everyone is looked at again

# Nested loops are off where both transition tables are joined: a plan made for one row would be kept for a million.
FUNCTIONS = f"""
CREATE FUNCTION contacts_note_person() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO contacts_change (keys, contact_ids, size)
    SELECT '{{person}}', array_agg(id), count(*)
    FROM (SELECT id, row_number() OVER () / {PART} AS part FROM touched) numbered GROUP BY part;
    RETURN NULL;
END $$;

CREATE FUNCTION contacts_note_columns() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = off AS $$
DECLARE
    total bigint := (SELECT count(*) FROM after);
BEGIN
    IF total > {MANY} THEN
        INSERT INTO contacts_change (keys) VALUES ('{{person}}');
        RETURN NULL;
    END IF;
    INSERT INTO contacts_change (keys, contact_ids, size)
    SELECT keys, array_agg(id), count(*) FROM (
        SELECT id, keys, row_number() OVER (PARTITION BY keys) / {PART} AS part FROM (
            SELECT n.id, array_remove(ARRAY[
                CASE WHEN o.erased_at IS DISTINCT FROM n.erased_at THEN 'person' END, {COMPARED}
            ], NULL) || CASE
                WHEN o.attributes = n.attributes THEN '{{}}'
                WHEN total > {FINE} THEN '{{attributes}}'
                ELSE (
                    SELECT coalesce(array_agg('attribute:' || key ORDER BY key), '{{}}')
                    FROM jsonb_object_keys(o.attributes || n.attributes) AS key
                    WHERE o.attributes->key IS DISTINCT FROM n.attributes->key
                )
            END AS keys
            FROM before o JOIN after n ON n.id = o.id
        ) compared WHERE keys <> '{{}}'
    ) numbered GROUP BY keys, part;
    RETURN NULL;
END $$;

-- for tables with a contact_id; the key is the trigger's argument
CREATE FUNCTION contacts_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO contacts_change (keys, contact_ids, size)
    SELECT ARRAY[TG_ARGV[0]], array_agg(contact_id), count(*) FROM (
        SELECT contact_id, row_number() OVER () / {PART} AS part
        FROM (SELECT DISTINCT contact_id FROM touched WHERE contact_id IS NOT NULL) people
    ) numbered GROUP BY part;
    RETURN NULL;
END $$;

-- for tables that bear on everyone who is asked about them
CREATE FUNCTION contacts_note_everyone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO contacts_change (keys) VALUES (ARRAY[TG_ARGV[0]]);
    RETURN NULL;
END $$;

CREATE FUNCTION contacts_note_definitions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO contacts_change (keys) SELECT ARRAY['attribute:' || key] FROM touched;
    RETURN NULL;
END $$;

CREATE FUNCTION contacts_note_companies() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO contacts_change (keys, contact_ids, size)
    SELECT '{{company}}', array_agg(contact_id), count(*) FROM (
        SELECT e.contact_id, row_number() OVER () / {PART} AS part
        FROM touched JOIN contacts_employment e ON e.company_id = touched.id
    ) numbered GROUP BY part;
    RETURN NULL;
END $$;

-- whoever has the address; a hash says nobody's, unless it takes an address's place
CREATE FUNCTION contacts_note_suppressed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'UPDATE' AND EXISTS (SELECT FROM touched WHERE address IS NULL) THEN
        INSERT INTO contacts_change (keys) VALUES ('{{suppression}}');
        RETURN NULL;
    END IF;
    INSERT INTO contacts_change (keys, contact_ids, size)
    SELECT '{{suppression}}', array_agg(id), count(*) FROM (
        SELECT id, row_number() OVER () / {PART} AS part FROM (
            SELECT c.id FROM touched JOIN contacts_contact c ON c.email = touched.address
            UNION SELECT c.id FROM touched JOIN contacts_contact c ON c.phone = touched.address
        ) people
    ) numbered GROUP BY part;
    RETURN NULL;
END $$;
"""  # noqa: S608  our own names and numbers


def triggers(table: str, call: str, name: str = "note") -> str:
    """One trigger for each kind of statement; an update is told with the rows as they were and as they are."""
    shapes = {
        "added": "AFTER INSERT ON {} REFERENCING NEW TABLE AS touched",
        "gone": "AFTER DELETE ON {} REFERENCING OLD TABLE AS touched",
        "was": "AFTER UPDATE ON {} REFERENCING OLD TABLE AS touched",
        "is": "AFTER UPDATE ON {} REFERENCING NEW TABLE AS touched",
    }
    return "".join(
        f"CREATE TRIGGER {name}_{when} {shape.format(table)} FOR EACH STATEMENT EXECUTE FUNCTION {call};\n"
        for when, shape in shapes.items()
    )


TRIGGERS = f"""
CREATE TRIGGER note_added AFTER INSERT ON contacts_contact REFERENCING NEW TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION contacts_note_person();
CREATE TRIGGER note_gone AFTER DELETE ON contacts_contact REFERENCING OLD TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION contacts_note_person();
CREATE TRIGGER note_changed AFTER UPDATE ON contacts_contact REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION contacts_note_columns();
{triggers("contacts_consentstate", "contacts_note('consent')")}
{triggers("contacts_employment", "contacts_note('company')")}
{triggers("contacts_preference", "contacts_note('preference')")}
{triggers("contacts_suppression", "contacts_note_suppressed()")}
{triggers("contacts_attributedefinition", "contacts_note_definitions()")}
CREATE TRIGGER note_changed AFTER UPDATE ON contacts_company REFERENCING NEW TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION contacts_note_companies();
CREATE TRIGGER note_topic AFTER UPDATE OR DELETE ON contacts_topic
    FOR EACH STATEMENT EXECUTE FUNCTION contacts_note_everyone('consent');
"""

BACKWARD = """
DROP FUNCTION contacts_note_person, contacts_note_columns, contacts_note, contacts_note_everyone,
    contacts_note_definitions, contacts_note_companies, contacts_note_suppressed CASCADE;
"""


class Migration(migrations.Migration):
    dependencies = [("contacts", "0010_former_names_and_imported")]
    operations = [
        migrations.CreateModel(
            name="Change",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "keys",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.TextField(),
                        help_text="In which respects, e.g. email, attribute:plan, consent.",
                        size=None,
                    ),
                ),
                (
                    "contact_ids",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(),
                        help_text="Empty: everyone may have changed.",
                        null=True,
                        size=None,
                    ),
                ),
                (
                    "size",
                    models.IntegerField(db_default=0, help_text="How many ids, to take a batch without reading them."),
                ),
                ("noted_at", models.DateTimeField(db_default=django.db.models.functions.Now())),
            ],
        ),
        migrations.RunSQL(FUNCTIONS + TRIGGERS, BACKWARD),
    ]
