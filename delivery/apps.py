from django.apps import AppConfig


class DeliveryConfig(AppConfig):
    name = "delivery"

    def ready(self) -> None:
        from delivery import carrying  # noqa: F401  registers itself; the models it reads are loaded only now
