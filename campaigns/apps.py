from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "campaigns"
    verbose_name = "Reach"

    def ready(self) -> None:
        from campaigns import segment_sources  # noqa: F401  registers itself; the models it reads are loaded only now
