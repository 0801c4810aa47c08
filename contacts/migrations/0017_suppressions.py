"""Suppressions are found by one salted hash, whether their address is known or not; releases; lists of addresses.

Three triggers keep what SQL alone can keep for whoever writes: each entry has its hash, and a contact who comes with an
address that only its hash is known of puts the address back, so that it holds for them. Releases stay as written.
"""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

import contacts.channels

SALT = "SELECT salt FROM contacts_suppressionsalt"
FORWARD = f"""
CREATE FUNCTION contacts_hash_suppressed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- A salt that is missing is made by whoever needs it first; of two at once the second waits and takes the first's.
    IF NOT EXISTS ({SALT}) THEN
        INSERT INTO contacts_suppressionsalt (id, salt)
        VALUES (1, sha256(convert_to(gen_random_uuid()::text || gen_random_uuid() || gen_random_uuid(), 'UTF8')))
        ON CONFLICT DO NOTHING;
    END IF;
    NEW.address_hash := sha256(({SALT}) || convert_to(NEW.address, 'UTF8'));
    RETURN NEW;
END $$;
-- where the statement hasn't worked it out for all of its rows at once; Django says '' for nothing
CREATE TRIGGER contacts_suppression_hash BEFORE INSERT ON contacts_suppression FOR EACH ROW
    WHEN (coalesce(NEW.address_hash, '') = '' AND NEW.address IS NOT NULL) EXECUTE FUNCTION contacts_hash_suppressed();

CREATE FUNCTION contacts_reopen_suppressed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    the_salt bytea;
BEGIN
    IF NOT EXISTS (SELECT FROM contacts_suppression WHERE address IS NULL) THEN
        RETURN NULL;
    END IF;
    the_salt := ({SALT});
    UPDATE contacts_suppression s SET address = come.address
    FROM (SELECT email AS address FROM touched WHERE email IS NOT NULL
          UNION SELECT phone FROM touched WHERE phone IS NOT NULL) come
    WHERE s.address IS NULL AND s.address_hash = sha256(the_salt || convert_to(come.address, 'UTF8'));
    RETURN NULL;
END $$;
CREATE TRIGGER reopen_added AFTER INSERT ON contacts_contact REFERENCING NEW TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION contacts_reopen_suppressed();
CREATE TRIGGER reopen_changed AFTER UPDATE ON contacts_contact REFERENCING NEW TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION contacts_reopen_suppressed();

CREATE FUNCTION contacts_release_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'Releases are append-only: suppress the address again instead of changing one';
END $$;
-- an erasure takes out the address and the words; a removed user leaves no name
CREATE TRIGGER contacts_release_append_only BEFORE UPDATE ON contacts_suppressionrelease FOR EACH ROW
    WHEN (ROW(NEW.id, NEW.channel, NEW.address_hash, NEW.reason, NEW.suppressed_at, NEW.released_at)
            IS DISTINCT FROM ROW(OLD.id, OLD.channel, OLD.address_hash, OLD.reason, OLD.suppressed_at, OLD.released_at)
        OR coalesce(NEW.address, OLD.address) IS DISTINCT FROM OLD.address
        OR NEW.detail NOT IN (OLD.detail, '') OR NEW.why NOT IN (OLD.why, '')
        OR coalesce(NEW.suppressed_by_id, OLD.suppressed_by_id) IS DISTINCT FROM OLD.suppressed_by_id
        OR coalesce(NEW.released_by_id, OLD.released_by_id) IS DISTINCT FROM OLD.released_by_id)
    EXECUTE FUNCTION contacts_release_is_append_only();
CREATE TRIGGER contacts_release_kept BEFORE DELETE ON contacts_suppressionrelease
    FOR EACH ROW EXECUTE FUNCTION contacts_release_is_append_only();
"""  # noqa: S608  our own names
BACKWARD = """
DROP FUNCTION contacts_hash_suppressed, contacts_reopen_suppressed, contacts_release_is_append_only CASCADE;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0016_erasures_and_kept_consent"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="SuppressionRelease",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("channel", models.CharField(choices=contacts.channels.channel_choices, max_length=20)),
                ("address", models.CharField(db_collation="C", max_length=254, null=True)),
                ("address_hash", models.BinaryField(max_length=32)),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("hard_bounce", "Hard bounce"),
                            ("complaint", "Complaint"),
                            ("manual", "Added by hand"),
                            ("imported", "Imported list"),
                            ("soft_bounces", "Bounced softly again and again"),
                            ("objection", "Asked for it themselves"),
                        ],
                        max_length=20,
                    ),
                ),
                ("detail", models.CharField(blank=True, db_default="", max_length=500)),
                ("suppressed_at", models.DateTimeField()),
                ("why", models.CharField(max_length=500)),
                ("released_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "ordering": ["-id"],
                "default_permissions": ("view",),
            },
        ),
        migrations.AlterModelOptions(
            name="suppression",
            options={
                "default_permissions": ("view", "add"),
                "ordering": ["-id"],
                "permissions": [
                    ("release_suppression", "Can release addresses that bounced"),
                    ("release_objection", "Can release addresses whose owner may have wished it"),
                ],
            },
        ),
        migrations.RemoveConstraint(
            model_name="suppression",
            name="contacts_suppression_one_of",
        ),
        migrations.AddField(
            model_name="importjob",
            name="kind",
            field=models.CharField(
                choices=[("contacts", "Contacts"), ("suppressions", "Suppression list")],
                db_default="contacts",
                default="contacts",
                max_length=12,
            ),
        ),
        migrations.AddField(
            model_name="importjob",
            name="people_count",
            field=models.BigIntegerField(
                db_default=0, default=0, help_text="Contacts who have an address on the suppression list."
            ),
        ),
        migrations.AddField(
            model_name="importjob",
            name="suppresses_channel",
            field=models.CharField(
                choices=contacts.channels.channel_choices, db_default="email", default="email", max_length=20
            ),
        ),
        migrations.AddField(
            model_name="importjob",
            name="suppresses_detail",
            field=models.CharField(blank=True, db_default="", default="", max_length=500),
        ),
        migrations.AddField(
            model_name="importjob",
            name="suppresses_reason",
            field=models.CharField(blank=True, db_default="", default="", max_length=20),
        ),
        migrations.RemoveField(model_name="softbounces", name="last_at"),
        migrations.AddField(
            model_name="softbounces",
            name="arrived_at",
            field=models.DateTimeField(help_text="When the newest message that arrived was sent.", null=True),
        ),
        migrations.AddField(
            model_name="softbounces",
            name="message_ids",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.BigIntegerField(), db_default=[], default=list, help_text="Newest first.", size=None
            ),
        ),
        migrations.AddField(
            model_name="softbounces",
            name="sent_at",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.DateTimeField(),
                db_default=[],
                default=list,
                help_text="When each of them was sent.",
                size=None,
            ),
        ),
        migrations.AlterField(
            model_name="softbounces",
            name="count",
            field=models.PositiveSmallIntegerField(db_default=0),
        ),
        migrations.AlterField(
            model_name="suppression",
            name="reason",
            field=models.CharField(
                choices=[
                    ("hard_bounce", "Hard bounce"),
                    ("complaint", "Complaint"),
                    ("manual", "Added by hand"),
                    ("imported", "Imported list"),
                    ("soft_bounces", "Bounced softly again and again"),
                    ("objection", "Asked for it themselves"),
                ],
                default="manual",
                max_length=20,
            ),
        ),
        migrations.AddIndex(
            model_name="suppression",
            index=models.Index(
                models.F("id"), condition=models.Q(("address__isnull", True)), name="contacts_suppression_hashed"
            ),
        ),
        migrations.AddIndex(
            model_name="suppression",
            index=models.Index(models.F("reason"), models.F("id"), name="contacts_suppression_reason"),
        ),
        migrations.AddConstraint(
            model_name="suppressionsalt",
            constraint=models.CheckConstraint(condition=models.Q(("id", 1)), name="contacts_suppressionsalt_one"),
        ),
        migrations.AddField(
            model_name="suppressionrelease",
            name="released_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="suppressionrelease",
            name="suppressed_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddIndex(
            model_name="suppressionrelease",
            index=models.Index(models.F("address_hash"), name="contacts_release_of_address"),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
