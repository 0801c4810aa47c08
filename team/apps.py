from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class TeamConfig(AppConfig):
    name = "team"

    def ready(self) -> None:
        from team import roles  # the models it reads are loaded only now

        # Permissions are made app by app, after each one's migrations: only with the last app do all of them exist.
        *_, last = apps.get_app_configs()
        post_migrate.connect(roles.write_roles, sender=last)
