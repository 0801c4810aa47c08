"""How many requests a source, or one visitor with a public key, may make in a minute.

Counted in Redis along with what the live view notes, in one round trip; what came back is remembered here. So the limit
is passed by no more than the requests that are under way at once.
"""

import time

MINUTE = 60
MOST_REMEMBERED = 10_000
_counted: dict[str, tuple[int, int]] = {}


def seconds_to_wait(who: str, limit: int) -> int:
    """0 while `who` may go on."""
    now = int(time.time())
    minute, count = _counted.get(who, (0, 0))
    return MINUTE - now % MINUTE if minute == now // MINUTE and count >= limit else 0


def key(who: str) -> str:
    """Where the requests of `who` are counted in this minute."""
    return f"tracking:pace:{who}:{int(time.time()) // MINUTE}"


def remember(who: str, count: int) -> None:
    if len(_counted) >= MOST_REMEMBERED:
        _counted.clear()
    _counted[who] = (int(time.time()) // MINUTE, count)


def forget_remembered() -> None:
    _counted.clear()
