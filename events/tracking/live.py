"""What came in lately, by source, and what was refused and why: for looking on while setting a website or program up.

Kept in Redis for a few hours and only so much of it: a view, not a record. The log has what was taken.
"""

import functools
import json
import logging
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypedDict, cast

import msgspec
import redis
from django.conf import settings

from events.tracking import pace

logger = logging.getLogger(__name__)
KEPT_LINES, LINES_OF_REQUEST = 200, 10
KEPT_FOR, COUNTED_FOR = timedelta(hours=6), timedelta(days=8)
SHOWN_BYTES = 4_096  # of a message
_encode = msgspec.json.Encoder().encode
OUTCOMES = ("taken", "duplicate", "refused")


class Line(TypedDict):
    """One message as the page shows it. `code` is empty for those taken; `why` may hold what was left out of them."""

    at: str
    kind: str
    name: str
    who: str
    code: str
    why: str
    message: str


def note(source: int, who: str, lines: Iterable[Line], counts: dict[str, int], at: datetime) -> None:
    """Show these lines, refused ones apart, and count the request of `who`; nobody's events wait for Redis."""
    by_list: dict[str, list[bytes]] = {}
    for line in lines:
        by_list.setdefault("refused" if line["code"] else "taken", []).append(_encode(line))
    counter, pace_key = _counter(source, at.date()), pace.key(who)
    commands: list[tuple[Any, ...]] = [("INCR", pace_key), ("EXPIRE", pace_key, 2 * pace.MINUTE)]
    for which, new in by_list.items():
        commands += [
            ("LPUSH", _list(source, which), *new), ("LTRIM", _list(source, which), 0, KEPT_LINES - 1),
            ("EXPIRE", _list(source, which), int(KEPT_FOR.total_seconds())),
        ]  # fmt: skip
    commands += [("HINCRBY", counter, outcome, count) for outcome, count in counts.items() if count]
    commands.append(("EXPIRE", counter, int(COUNTED_FOR.total_seconds())))
    try:
        pace.remember(who, int(_send(commands)))
    except redis.RedisError:
        logger.warning("Redis does not answer: what comes in is taken, and neither shown nor limited meanwhile")


def _send(commands: Sequence[tuple[Any, ...]]) -> Any:
    """The answer to the first of the commands, all sent at once: a pipeline of the client takes three times as long."""
    pool = _server(settings.REDIS_URL).connection_pool
    line = pool.get_connection()
    try:
        line.send_packed_command(line.pack_commands(commands))
        return [line.read_response() for _ in commands][0]
    except BaseException:
        line.disconnect()  # half of the answers may still be on their way
        raise
    finally:
        pool.release(line)


def lines(source: int, which: str) -> list[Line]:
    """The newest first; `which` is "taken" or "refused". Raises redis.RedisError."""
    kept = cast("list[bytes]", _server(settings.REDIS_URL).lrange(_list(source, which), 0, KEPT_LINES - 1))
    return [cast(Line, json.loads(one)) for one in kept]


def counts(source: int, days: int = 7) -> list[tuple[date, dict[str, int]]]:
    """What came in on each of the last days, oldest first. Raises redis.RedisError."""
    today = datetime.now(UTC).date()
    wanted = [today - timedelta(days=back) for back in reversed(range(days))]
    pipeline = _server(settings.REDIS_URL).pipeline(transaction=False)
    for day in wanted:
        pipeline.hgetall(_counter(source, day))
    found: list[dict[bytes, bytes]] = pipeline.execute()
    return [
        (day, {outcome: int(counted.get(outcome.encode(), 0)) for outcome in OUTCOMES})
        for day, counted in zip(wanted, found, strict=True)
    ]


def forget(sources: Iterable[int]) -> None:
    """Show nothing of what came in before: an erased person may be in it. Raises redis.RedisError."""
    keys = [_list(source, which) for source in sources for which in ("taken", "refused")]
    if keys:
        _server(settings.REDIS_URL).delete(*keys)


def shown(raw: bytes) -> str:
    return raw[:SHOWN_BYTES].decode("utf-8", "ignore") + ("…" if len(raw) > SHOWN_BYTES else "")


@functools.cache
def _server(url: str) -> Any:
    return redis.Redis.from_url(url, socket_timeout=1)


def _list(source: int, which: str) -> str:
    return f"tracking:{which}:{source}"


def _counter(source: int, day: date) -> str:
    return f"tracking:counts:{source}:{day.isoformat()}"
