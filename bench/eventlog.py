"""The event log: appending, reading by cursor, and rolling the newest 100,000 events up with half a million below.

Runs in a scratch database of its own beside the configured one. The limits are what a hand-written statement needs
for the same work: a bare INSERT of the same rows with the same indexes, a bare SELECT of them by primary key, one
GROUP BY over them plus the INSERT that remembers which messages were seen (without it no replay could be exact).
"""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.db import connection

from analytics import rollup
from bench import scratch
from bench.result import Result
from events import ingest, names, partitions, stream

NEWEST = 100_000
START = datetime(2026, 1, 1, tzinfo=UTC)


def run(scale: float = 1.0) -> list[Result]:
    with scratch.database():
        partitions.ensure()
        below, newest = int(500_000 * scale), max(1000, int(NEWEST * min(1.0, scale * 10)))
        ingest.record_many(_events(below, seed=1))
        _fold_all()
        partitions.ensure()
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE events_event")
        events = list(_events(newest, seed=2))
        appended = scratch.timed(lambda: ingest.record_many(events))
        return [
            _result("append events by COPY", appended, _bare_copy(newest), newest),
            _result("read events by cursor", scratch.timed(_read_new), _bare_select(newest), newest),
            _result("roll up the newest events", scratch.timed(_fold_all), _bare_rollup(), newest),
        ]


def _events(count: int, seed: int) -> Iterator[ingest.NewEvent]:
    """Two thirds opens, a third clicks, over a thousand hours of twenty campaigns."""
    rng = random.Random(seed)
    for number in range(count):
        campaign = rng.randrange(20)
        yield {
            "name": names.CLICKED if number % 3 == 0 else names.OPENED,
            "contact_id": rng.randrange(1_000_000),
            "campaign_id": campaign,
            "variant_id": campaign * 2 + rng.randrange(2),
            "message_id": rng.randrange(500_000),
            "occurred_at": START + timedelta(hours=campaign * 50 + rng.randrange(50), seconds=rng.randrange(3600)),
            "label": "scanner" if number % 10 == 0 else "human",
            "properties": {"link": rng.randrange(8)},
        }


def _read_new() -> None:
    while True:
        with stream.read("bench") as events:
            if not events:
                return


def _fold_all() -> None:
    while rollup.advance():
        pass
    stream.replay("bench", to=stream.position_of(rollup.READER))


def _bare_copy(newest: int) -> float:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bare (LIKE events_event INCLUDING DEFAULTS INCLUDING INDEXES)")
        cursor.execute(
            "CREATE TABLE bare_source AS SELECT * FROM events_event ORDER BY events_event.xid DESC LIMIT %s", [newest]
        )
        cursor.execute("ALTER TABLE bare DROP CONSTRAINT bare_pkey, ADD PRIMARY KEY (xid, id, occurred_at)")
        return scratch.timed(lambda: cursor.execute("INSERT INTO bare SELECT * FROM bare_source"))


def _bare_select(newest: int) -> float:
    with connection.cursor() as cursor:
        return scratch.timed(lambda: (cursor.execute("SELECT * FROM bare ORDER BY xid, id"), cursor.fetchall()))


def _bare_rollup() -> float:
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE bare")
        cursor.execute("CREATE TABLE bare_seen (LIKE analytics_firstseen INCLUDING INDEXES)")
        return scratch.timed(
            lambda: (
                cursor.execute(
                    "SELECT campaign_id, variant_id, date_trunc('hour', occurred_at), name, label, count(*),"
                    " count(DISTINCT message_id) FROM bare GROUP BY 1, 2, 3, 4, 5"
                ),
                cursor.fetchall(),
                cursor.execute("INSERT INTO bare_seen SELECT DISTINCT message_id, name, label FROM bare"),
            )
        )


def _result(name: str, ours: float, limit: float, count: int) -> Result:
    peak = scratch.own_peak_mb()
    return Result(f"{name} ({count:,})", round(ours, 3), round(limit, 3), "s", round(ours / limit, 2), round(peak))
