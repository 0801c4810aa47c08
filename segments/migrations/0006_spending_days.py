"""What people spent by day, and the bounds between fifths of those who bought."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

# Whoever asks about scores learns of bounds that moved; that they were only looked at again is no news.
FORWARD = """
CREATE TRIGGER note_bounds AFTER INSERT OR DELETE OR UPDATE OF recency, frequency, monetary ON segments_quintiles
    FOR EACH STATEMENT EXECUTE FUNCTION contacts_note_everyone('quintiles');
"""


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0015_place_and_version"),
        ("segments", "0005_memberships_of_contact"),
    ]
    operations = [
        migrations.CreateModel(
            name="Quintiles",
            fields=[
                ("id", models.SmallAutoField(primary_key=True, serialize=False)),
                ("made_at", models.DateTimeField()),
                ("buyers", models.BigIntegerField()),
                ("recency", django.contrib.postgres.fields.ArrayField(base_field=models.DateTimeField(), size=4)),
                ("frequency", django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), size=4)),
                (
                    "monetary",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.DecimalField(decimal_places=4, max_digits=20), size=4
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("id", 1)), name="segments_quintiles_one"),
                ],
            },
        ),
        migrations.CreateModel(
            name="SpendingDay",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "contact_id", "on", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "contact",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="contacts.contact",
                    ),
                ),
                ("on", models.DateField()),
                ("spent", models.DecimalField(db_default=0, decimal_places=4, max_digits=20)),
                ("purchase_count", models.IntegerField(db_default=0)),
            ],
            options={
                "indexes": [
                    models.Index(
                        models.F("on"),
                        include=("contact", "spent", "purchase_count"),
                        name="segments_spendingday_of_day",
                    ),
                ],
            },
        ),
        migrations.RunSQL(FORWARD, migrations.RunSQL.noop),
    ]
