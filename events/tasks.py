"""Upkeep of the log."""

import time
from collections.abc import Callable

from celery import shared_task

from events import overview, partitions, strays
from events.tracking import deduplication, joining

SECONDS = 20.0  # of one run: what is left over is next


@shared_task
def make_partitions() -> None:
    partitions.ensure()


@shared_task
def bring_strays_home() -> None:
    strays.sweep()


@shared_task
def take_stock() -> None:
    """Names, volumes and properties of what is new in the log."""
    _for_a_while(overview.advance)


@shared_task
def join_visitors() -> None:
    _for_a_while(joining.join_late)


@shared_task
def forget_messages() -> None:
    deduplication.forget_old()


def _for_a_while(work: Callable[[], bool]) -> None:
    until = time.monotonic() + SECONDS
    while time.monotonic() < until and work():
        pass
