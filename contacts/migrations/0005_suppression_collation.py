"""A suppressed address compares as a contact's email does, so that its index is used."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0004_import_unattended"),
    ]

    operations = [
        migrations.AlterField(
            model_name="suppression",
            name="address",
            field=models.CharField(db_collation="C", max_length=254),
        ),
    ]
