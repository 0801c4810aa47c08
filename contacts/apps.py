from django.apps import AppConfig


class ContactsConfig(AppConfig):
    name = "contacts"

    def ready(self) -> None:
        # They register themselves; their models are loaded only now.
        from contacts import belongings, suppression_held, timeline_kinds, traces  # noqa: F401
