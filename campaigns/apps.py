from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "campaigns"
    verbose_name = "Reach"

    def ready(self) -> None:
        from campaigns import holdings, segment_sources  # noqa: F401  they register; their models are loaded only now
