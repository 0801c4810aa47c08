"""Keeping the figures up with the log."""

import time

from celery import shared_task

from analytics import rollup
from events import labels

SECONDS = 60  # then the next tick goes on: a task must not hold a worker for as long as there is work


@shared_task
def roll_up() -> None:
    """Label what only shows afterwards, then count, until caught up or out of time."""
    deadline = time.monotonic() + SECONDS
    while labels.label_bursts() is not None and time.monotonic() < deadline:
        pass
    while rollup.advance() and time.monotonic() < deadline:
        pass
