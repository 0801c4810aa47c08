"""The log's monthly partitions: made ahead of time, and for months that turned up in the default partition."""

import logging
from datetime import UTC, datetime

from django.db import connection, transaction
from django.db.utils import OperationalError
from django.utils import timezone

logger = logging.getLogger(__name__)
OLDEST_YEAR = 2000  # events that claim to be older stay in the default partition: a typo is not worth a table
LOCK_WAIT = "2s"


def ensure(months_ahead: int = 2) -> list[str]:
    """Make the partitions of last month, this one and the next `months_ahead`, and of months found in the default one.

    Returns the names of those it made. A month whose lock can't be had at once is left for the next time: meanwhile
    its events are in the default partition, where every reader finds them.
    """
    this_month = _month_of(timezone.now())
    latest = _later(this_month, months_ahead)
    wanted = {_later(this_month, step) for step in range(-1, months_ahead + 1)}
    wanted |= {month for month in _months_in_default() if month <= latest}
    existing = _existing()
    return [name for month in sorted(wanted) if (name := _name(month)) not in existing and _make(month)]


def _make(month: datetime) -> bool:
    name, bounds = _name(month), [month, _later(month, 1)]
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            # Waiting for this lock makes every writer wait behind us, so we don't wait for long.
            cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_WAIT}'")
            # 1. A second process that makes partitions waits here. CREATE TABLE ... PARTITION OF would lock out
            #    all readers and writers of the log; a table made aside and attached locks the default partition only.
            cursor.execute("LOCK TABLE events_event IN SHARE UPDATE EXCLUSIVE MODE")
            if name in _existing():
                return False
            cursor.execute("LOCK TABLE events_event_default IN ACCESS EXCLUSIVE MODE")
            cursor.execute(
                f"CREATE TABLE {name} (LIKE events_event INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)"
            )
            # 2. Rows keep their xid and id, so no cursor notices that they moved.
            cursor.execute(
                "WITH moved AS (DELETE FROM events_event_default WHERE occurred_at >= %s AND occurred_at < %s"  # noqa: S608
                f" RETURNING *) INSERT INTO {name} SELECT * FROM moved",
                bounds,
            )
            # 3. Utility statements take no parameters; both bounds are our own timestamps.
            first, last = (bound.isoformat() for bound in bounds)
            cursor.execute(
                f"ALTER TABLE events_event ATTACH PARTITION {name} FOR VALUES FROM ('{first}') TO ('{last}')"
            )
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") != "55P03":  # lock_not_available
            raise
        logger.warning("Partition %s was not made: the log is busy. It will be tried again.", name)
        return False
    return True


def _existing() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'events_event'::regclass")
        return {name for (name,) in cursor.fetchall()}


def _months_in_default() -> list[datetime]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT date_trunc('month', occurred_at, 'UTC') FROM events_event_default WHERE occurred_at >= %s",
            [datetime(OLDEST_YEAR, 1, 1, tzinfo=UTC)],
        )
        return [_month_of(month) for (month,) in cursor.fetchall()]


def _month_of(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _later(month: datetime, steps: int) -> datetime:
    years, months = divmod(month.month - 1 + steps, 12)
    return month.replace(year=month.year + years, month=months + 1)


def _name(month: datetime) -> str:
    return f"events_event_{month:%Y_%m}"
