"""Rules about time, looked at again when it has passed: finds whom it may have moved and leaves them to matching."""

import logging
import time
from datetime import datetime, timedelta

from django.db import connection, transaction

from core.errors import Refused
from segments import difference, drift, membership, rules
from segments.dependencies import UNNOTED
from segments.limits import limited
from segments.membership import LOOK_AGAIN
from segments.models import Recheck, Segment
from segments.news import BATCH
from segments.rules import Compiled

logger = logging.getLogger(__name__)

SHARE = 100  # a look may take the hundredth part of the time until the next
SELDOM = timedelta(hours=1)


def look(segment: Segment, *, now: datetime | None = None) -> None:
    """Put aside everyone whose answer may have changed by time alone since the last look."""
    until, began = now or membership.clock(), time.monotonic()
    try:
        with limited(membership.REFRESH_SECONDS):
            _look(segment, until)
    except Refused as refused:
        logger.warning("segment %s can't be looked at: %s", segment.uuid, refused.message)
        return membership.make_stale(segment.pk, refused.message)
    pause = SHARE * timedelta(seconds=time.monotonic() - began)
    due_at = until + min(max(pause, LOOK_AGAIN), SELDOM)
    Segment.objects.filter(pk=segment.pk, followed_until=until).update(due_at=due_at)


@transaction.atomic
def _look(segment: Segment, until: datetime) -> None:
    """The people and the moment up to which they were looked for are written together, or by another process."""
    since = segment.followed_until
    ours = Segment.objects.filter(pk=segment.pk, followed_until=since)
    if since is None or until <= since or not ours.update(followed_until=until):
        return
    if UNNOTED in segment.depends_on:
        return membership.make_stale(segment.pk)
    question = drift.between(rules.parse(segment.rules), since, until)
    people = _answers(question) if question else []
    Recheck.objects.bulk_create(
        Recheck(segment=segment, contact_ids=piece) for piece in difference.pieces(people, BATCH)
    )


def _answers(question: Compiled) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(question.sql, question.params)
        return sorted(contact_id for (contact_id,) in cursor.fetchall() if contact_id is not None)
