"""Static segments, the last attempt at a refresh, and memberships without a trigger per row."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("segments", "0001_initial")]
    operations = [
        migrations.AddField(
            model_name="segment",
            name="kind",
            field=models.CharField(
                choices=[("dynamic", "Dynamic: follows rules"), ("static", "Static: chosen by hand")],
                db_default="dynamic",
                default="dynamic",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="segment",
            name="tried_at",
            field=models.DateTimeField(
                blank=True,
                editable=False,
                help_text="Last try, also a failed one, so that it waits its turn.",
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="membership",
            name="segment",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="memberships",
                to="segments.segment",
            ),
        ),
    ]
