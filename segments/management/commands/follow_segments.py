"""`manage.py follow_segments`: let members follow changes and events as they come."""

import logging
import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError, connection

from segments import matching

logger = logging.getLogger(__name__)

# It looks, rather than being told: what was committed can be read only once older transactions have ended, so word of
# a commit would often come too early; and NOTIFY takes a lock at commit that all who commit would queue for.
PAUSE = 0.2
PAUSE_AFTER_FAILURE = 2.0
TURN_SECONDS = 5  # it may be told to stop in between


class Command(BaseCommand):
    help = "Keep segments' members up to date as people change and do things. Two of these do no harm."

    def handle(self, *args: Any, **options: Any) -> None:
        is_over = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: is_over.set())
        while not is_over.is_set():
            is_over.wait(_turn())


def _turn() -> float:
    """Work off what there is; returns how long to pause."""
    try:
        if not matching.is_quiet():
            matching.catch_up(seconds=TURN_SECONDS)
    except DatabaseError:
        logger.exception("Following changes was interrupted; what was not done comes again.")
        connection.close()
        return PAUSE_AFTER_FAILURE
    return PAUSE
