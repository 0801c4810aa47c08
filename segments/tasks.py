"""Background work of segments: refreshes, the passing of time, and following changes where no process does."""

import logging
import time
from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from core.errors import Refused
from segments import aging, matching, membership, quintiles, standing
from segments.models import Segment

logger = logging.getLogger(__name__)

PATIENCE = timedelta(minutes=15)  # before one that failed is tried again
TICK_SECONDS = 15  # a tick stops taking on more before the next one starts
FOLLOW_SECONDS = 8
ADD_UP_SECONDS = 240


@shared_task
def refresh(segment_id: int) -> None:
    """Refresh one segment; a failure is kept on it for the console."""
    segment = Segment.objects.filter(pk=segment_id).first()
    if segment is not None:
        _refresh(segment)


@shared_task
def refresh_due() -> int:
    """Refresh those that wait longest until the tick's time is up; returns how many."""
    ends, done = time.monotonic() + TICK_SECONDS, 0
    for segment in Segment.objects.stale(patience=PATIENCE):
        if time.monotonic() > ends:
            break
        done += _claim(segment) and _refresh(segment)
    return done


@shared_task
def look_at_the_time() -> int:
    """Find the people whom the passing of time may have moved; returns for how many segments."""
    ends, done = time.monotonic() + TICK_SECONDS, 0
    for segment in Segment.objects.due(timezone.now()):
        if time.monotonic() > ends:
            break
        aging.look(segment)
        done += 1
    return done


@shared_task
def follow() -> None:
    """What `manage.py follow_segments` does all the time, in case it isn't running."""
    matching.catch_up(seconds=FOLLOW_SECONDS)


@shared_task
def add_up() -> None:
    """Totals of everything that waits in the log, asked for in the console; whoever follows does it as well."""
    if standing.catch_up(ADD_UP_SECONDS):
        quintiles.keep()
    else:
        add_up.delay()


@shared_task
def keep_quintiles() -> None:
    quintiles.keep()


def _claim(segment: Segment) -> bool:
    """Only one of two overlapping ticks takes it on."""
    return bool(Segment.objects.filter(pk=segment.pk, tried_at=segment.tried_at).update(tried_at=timezone.now()))


def _refresh(segment: Segment) -> bool:
    try:
        membership.refresh(segment)
    except Refused as refused:
        logger.warning("segment %s was not refreshed: %s", segment.uuid, refused.message)
        return False
    return True
