"""Every entry of the suppression list has its hash."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("contacts", "0018_fill_suppression_hashes")]
    operations = [
        migrations.AlterField(
            model_name="suppression",
            name="address_hash",
            field=models.BinaryField(
                editable=False,
                help_text="Salted SHA-256 of the address; the database fills it in.",
                max_length=32,
            ),
        ),
    ]
