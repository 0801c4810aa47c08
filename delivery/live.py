"""Counts of a run under way, for everyone who looks on: counted at most every two seconds, whoever asks."""

import time
from dataclasses import dataclass

from django.core.cache import cache

from delivery import ledger

SECONDS = 2  # counting the million rows of a run takes a third of a second


@dataclass(frozen=True, slots=True)
class Live:
    """Rows by "state|reason", and when they were counted, in seconds since 1970."""

    at: float
    counts: dict[str, int]


def of(run_id: int) -> Live:
    kept: Live | None = cache.get(key(run_id))
    if kept is None:
        kept = Live(time.time(), ledger.counts(run_id))
        cache.set(key(run_id), kept, SECONDS)
    return kept


def key(run_id: int) -> str:
    return f"delivery:live:{run_id}"
