from django.apps import AppConfig


class DeliveryConfig(AppConfig):
    name = "delivery"

    def ready(self) -> None:
        from delivery import carrying, holdings, timeline_kinds  # noqa: F401  register themselves; their models are loaded only now
