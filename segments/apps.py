from django.apps import AppConfig


class SegmentsConfig(AppConfig):
    name = "segments"

    def ready(self) -> None:
        from segments import facts, holdings, timeline_kinds  # noqa: F401  register themselves; their models are loaded only now
