"""Background work of segments: one refresh, and the periodic look for those that grew stale."""

import logging
import time
from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from core.errors import Refused
from segments import membership
from segments.models import Segment

logger = logging.getLogger(__name__)

STALE = timedelta(minutes=15)
TICK_SECONDS = 45  # a tick stops taking on more before the next one starts


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
    for segment in Segment.objects.due(STALE):
        if time.monotonic() > ends:
            break
        done += _claim(segment) and _refresh(segment)
    return done


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
