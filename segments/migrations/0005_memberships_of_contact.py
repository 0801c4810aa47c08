"""What someone is a member of is read from an index alone."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("segments", "0004_standing")]
    operations = [
        migrations.AddIndex(
            "membership",
            models.Index(models.F("contact"), models.F("segment"), name="segments_membership_of_contact"),
        ),
        migrations.AlterField(
            "membership",
            "contact",
            models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="memberships",
                to="contacts.contact",
            ),
        ),
    ]
