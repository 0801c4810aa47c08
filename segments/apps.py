from django.apps import AppConfig


class SegmentsConfig(AppConfig):
    name = "segments"

    def ready(self) -> None:
        from segments import holdings  # noqa: F401  registers itself; the models it reads are loaded only now
