from django.apps import AppConfig


class EventsConfig(AppConfig):
    name = "events"

    def ready(self) -> None:
        from events import timeline_kinds  # noqa: F401  registers itself; the models it reads are loaded only now
