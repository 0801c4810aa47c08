from django.apps import AppConfig
from django.db.models.signals import post_migrate


class TeamConfig(AppConfig):
    name = "team"

    def ready(self) -> None:
        from team import roles  # the models it reads are loaded only now

        post_migrate.connect(roles.write_roles, sender=self)
