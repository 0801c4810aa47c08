from django.apps import AppConfig
from django.core.checks import Tags, register

from config import checks


class SiteConfig(AppConfig):
    name = "config"
    label = "site"

    def ready(self) -> None:
        for check in (checks.secrets_are_strong, checks.public_url_is_https, checks.proxy_is_declared):
            register(check, Tags.security, deploy=True)
        register(checks.broker_keeps_everything, Tags.caches, deploy=True)
