"""How far a long refresh has come, for people who look on: a view, no record. The truth are the members themselves."""

from dataclasses import dataclass

from django.core.cache import cache

KEPT_SECONDS = 600


@dataclass(frozen=True)
class Progress:
    """So many of the people who come in or leave are written; `total` is None while the rules are still asked."""

    done: int = 0
    total: int | None = None

    @property
    def percent(self) -> int:
        return 100 * self.done // self.total if self.total else 0


class Count:
    """What the refresh of one segment tells as it goes."""

    def __init__(self, segment_id: int) -> None:
        self.segment_id, self.now = segment_id, Progress()
        self._tell()

    def expect(self, total: int) -> None:
        self.now = Progress(0, total)
        self._tell()

    def add(self, written: int) -> None:
        self.now = Progress(self.now.done + written, self.now.total)
        self._tell()

    def end(self) -> None:
        cache.delete(_key(self.segment_id))

    def _tell(self) -> None:
        cache.set(_key(self.segment_id), self.now, KEPT_SECONDS)


def of(segment_id: int) -> Progress | None:
    """None when no refresh is under way."""
    found: Progress | None = cache.get(_key(segment_id))
    return found


def _key(segment_id: int) -> str:
    return f"segments.refresh.{segment_id}"
