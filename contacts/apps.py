from django.apps import AppConfig


class ContactsConfig(AppConfig):
    name = "contacts"

    def ready(self) -> None:
        from contacts import belongings, timeline_kinds, traces  # noqa: F401  register themselves; their models are loaded only now
