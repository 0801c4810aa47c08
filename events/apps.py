from django.apps import AppConfig


class EventsConfig(AppConfig):
    name = "events"

    def ready(self) -> None:
        from events import holdings, timeline_kinds  # noqa: F401  register themselves; their models are loaded only now
