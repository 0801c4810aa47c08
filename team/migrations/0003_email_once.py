"""An address is one person's, however it is written: people sign in with it in either case."""

from django.db import migrations, models
from django.db.models.functions import Lower


class Migration(migrations.Migration):
    dependencies = [("team", "0002_brand")]
    operations = [
        migrations.RemoveConstraint(model_name="user", name="team_user_email_unique"),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.UniqueConstraint(
                Lower("email"),
                condition=~models.Q(email=""),
                name="team_user_email_once",
                violation_error_message="Another team member has this email address.",
            ),
        ),
    ]
