from django.apps import AppConfig


class AnalyticsConfig(AppConfig):
    name = "analytics"

    def ready(self) -> None:
        from analytics import template_tally  # noqa: F401  registers itself; its models are loaded only now
