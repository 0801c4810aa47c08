"""One person per role; their passwords are printed at each start."""

from django.conf import settings
from django.contrib.auth.models import Group

from config import logins
from team.models import User


def make() -> None:
    passwords = logins.passwords(settings.VAR_DIR)
    for person in logins.PEOPLE:
        user, is_new = User.objects.get_or_create(
            username=person.username,
            defaults={
                "first_name": person.first_name,
                "last_name": person.last_name,
                "email": f"{person.username}@example.com",
                "is_staff": True,
            },
        )
        if is_new:
            user.set_password(passwords[person.username])
            user.save(update_fields=["password"])
            user.groups.add(Group.objects.get(name=person.role))
