"""Word of a delivery may come before our own record of the hand-over, and is kept until then."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("delivery", "0004_confirmation_mails")]
    operations = [
        migrations.AddField(
            model_name="message",
            name="delivered_at",
            field=models.DateTimeField(help_text="When its arrival was confirmed, maybe while `sending`.", null=True),
        ),
    ]
