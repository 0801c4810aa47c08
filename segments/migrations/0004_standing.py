"""What people's events add up to, and levels of spending; segments that keep whoever fitted once."""

import django.db.models.deletion
from django.db import migrations, models

# Whoever follows changes learns of new totals, and of levels that mean other amounts (contacts, 0011).
FORWARD = """
CREATE TRIGGER note_added AFTER INSERT ON segments_standing REFERENCING NEW TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION contacts_note('standing');
CREATE TRIGGER note_changed AFTER UPDATE ON segments_standing REFERENCING NEW TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION contacts_note('standing');
CREATE TRIGGER note_gone AFTER DELETE ON segments_standing REFERENCING OLD TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION contacts_note('standing');
CREATE TRIGGER note_level AFTER INSERT OR UPDATE OR DELETE ON segments_spendinglevel
    FOR EACH STATEMENT EXECUTE FUNCTION contacts_note_everyone('standing');
INSERT INTO segments_spendinglevel (key, label, at_least)
VALUES ('low', 'Low', 0.01), ('medium', 'Medium', 100), ('high', 'High', 500), ('top', 'Top', 2000);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0015_place_and_version"),
        ("segments", "0003_following"),
    ]
    operations = [
        migrations.AlterField(
            model_name="segment",
            name="kind",
            field=models.CharField(
                choices=[
                    ("dynamic", "Dynamic: follows rules"),
                    ("static", "Static: chosen by hand, or from a list"),
                    ("snapshot", "Snapshot: whoever fits the rules now, and stays"),
                ],
                db_default="dynamic",
                default="dynamic",
                max_length=10,
            ),
        ),
        migrations.CreateModel(
            name="Standing",
            fields=[
                (
                    "contact",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="contacts.contact",
                    ),
                ),
                ("spent", models.DecimalField(db_default=0, decimal_places=4, max_digits=20)),
                ("purchase_count", models.IntegerField(db_default=0)),
                ("first_purchase_at", models.DateTimeField(null=True)),
                ("last_purchase_at", models.DateTimeField(null=True)),
                ("heat", models.FloatField(null=True)),
                ("last_active_at", models.DateTimeField(null=True)),
                ("tier", models.CharField(db_default="", max_length=60)),
                ("tier_since", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="SpendingLevel",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.SlugField(help_text="Name in rules and the API.", max_length=30, unique=True)),
                ("label", models.CharField(max_length=60)),
                (
                    "at_least",
                    models.DecimalField(
                        decimal_places=2, help_text="Spent in total, from here.", max_digits=12, unique=True
                    ),
                ),
            ],
            options={
                "ordering": ["at_least"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("at_least__gt", 0)), name="segments_spendinglevel_positive"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("key", "none"), _negated=True), name="segments_spendinglevel_named"
                    ),
                ],
            },
        ),
        migrations.RunSQL(FORWARD, migrations.RunSQL.noop),
    ]
