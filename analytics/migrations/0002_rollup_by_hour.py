"""The home page asks for the last thirty days of all campaigns."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("analytics", "0001_initial")]
    operations = [
        migrations.AddIndex(model_name="rollup", index=models.Index(models.F("hour"), name="analytics_rollup_hour")),
    ]
