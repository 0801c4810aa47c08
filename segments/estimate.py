"""How many people rules find, told from some of them: for questions about events that would take longer than a moment.

Asked are people drawn at random from everyone, always the same ones for as long as nobody comes: while somebody writes
rules, the figure moves with the rules and not with the draw.
"""

import math
import random
from dataclasses import dataclass
from datetime import datetime

from django.db.backends.utils import CursorWrapper

from core import arrays
from segments import dependencies
from segments.dependencies import EVENT, EVENTS, UNNOTED
from segments.tree import Node

PEOPLE = 4_000  # the true share is within 1.6 points of theirs in 19 of 20 cases
SPARSE = 10  # where there are fewer people than one for so many ids, the table is read for them
Z = 1.96  # 95%

# As in matching.py, `events_event` is the part of the log that is about these people, so that the conditions are those
# of a whole count.
_ASK = """
WITH events_event AS MATERIALIZED (
    SELECT * FROM events_event WHERE contact_id = ANY(%s::bigint[]) AND (%s OR name = ANY(%s))
), asked AS MATERIALIZED (
    SELECT * FROM contacts_contact WHERE id = ANY(%s::bigint[]) AND erased_at IS NULL
), found AS MATERIALIZED (
    SELECT c.id FROM asked c WHERE {condition}
)
SELECT (SELECT count(*) FROM asked), (SELECT count(*) FROM found), ARRAY(SELECT id FROM found ORDER BY id LIMIT %s)"""


@dataclass(frozen=True)
class Estimate:
    """`size` people, and in 19 of 20 cases from `low` to `high`; `some` of them."""

    size: int
    low: int
    high: int
    some: list[int]


def of(cursor: CursorWrapper, node: Node, now: datetime, *, base: int, some: int) -> Estimate:
    """Of `base` people in all; `some` is how many ids to give."""
    condition = node.condition(now)
    keys = dependencies.keys(node, now)
    names = [key.removeprefix(EVENT) for key in keys if key.startswith(EVENT)]
    drawn = arrays.of_numbers(_drawn(cursor, base))
    params = [drawn, bool(keys & {EVENTS, UNNOTED}), names, drawn, *condition.params, some]
    cursor.execute(_ASK.format(condition=condition.sql), params)
    asked, found, ids = cursor.fetchone()
    low, high = interval(found, asked)
    return Estimate(*_rounded(base * found / max(asked, 1), base * low, base * high), ids)


def _drawn(cursor: CursorWrapper, base: int) -> list[int]:
    """Ids to ask about: of everyone if they are few, else any ids, of which some are nobody's."""
    cursor.execute("SELECT coalesce(max(id), 0) FROM contacts_contact")
    last = int(cursor.fetchone()[0])
    if last <= base * SPARSE and base > PEOPLE:
        return random.Random(last).sample(range(1, last + 1), math.ceil(PEOPLE * last / base))  # noqa: S311  a draw
    percent = 100 * min(1.0, PEOPLE / max(base, 1))
    cursor.execute("SELECT id FROM contacts_contact TABLESAMPLE BERNOULLI (%s) REPEATABLE (%s)", [percent, last])
    return [pk for (pk,) in cursor.fetchall()]


def interval(found: int, asked: int) -> tuple[float, float]:
    """The share of a whole of which `found` of `asked` were seen, from and to, at 95% (Wilson 1927)."""
    if not asked:
        return 0.0, 1.0
    share, zz = found / asked, Z * Z / asked
    middle, reach = share + zz / 2, Z * math.sqrt(share * (1 - share) / asked + zz / (4 * asked))
    return max(0.0, (middle - reach) / (1 + zz)), min(1.0, (middle + reach) / (1 + zz))


def _rounded(size: float, low: float, high: float) -> tuple[int, int, int]:
    """To one digit more than is known: a figure that is exact to the last one says that it was counted."""
    unit = 10 ** max(0, math.floor(math.log10(max(1.0, (high - low) / 2))) - 1)
    return round(size / unit) * unit, math.floor(low / unit) * unit, math.ceil(high / unit) * unit
