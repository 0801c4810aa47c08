"""Members change by difference, in short transactions, and who came and went is noted in each of them."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from segments.rules import Compiled

PIECE = 20_000  # members written in one transaction: readers of the log wait for no transaction longer than this

# One pass that both cores may share; arrays, because six hundred thousand rows take long to fetch one by one.
_DIFFERENCE = """
SELECT w.id IS NOT NULL, count(*),
    array_agg(coalesce(w.id, m.contact_id)) FILTER (WHERE w.id IS NULL OR m.contact_id IS NULL)
FROM ({question}) w
FULL JOIN (SELECT contact_id FROM segments_membership WHERE segment_id = %s) m ON m.contact_id = w.id
GROUP BY 1"""
_ENTER = """
WITH entered AS (
    INSERT INTO segments_membership (segment_id, contact_id)
    SELECT %s, contact_id FROM unnest(%s::bigint[]) contact_id ON CONFLICT DO NOTHING RETURNING contact_id
)"""
_LEAVE = """
WITH gone AS (
    DELETE FROM segments_membership WHERE segment_id = %s AND contact_id = ANY(%s) RETURNING contact_id
)"""
_NOTE = """
INSERT INTO segments_transition (segment_id, is_entry, contact_ids)
SELECT %s, %s, array_agg(contact_id) FROM {} HAVING count(*) > 0 RETURNING cardinality(contact_ids)"""


@dataclass(frozen=True)
class Difference:
    """Who is missing and who is too many, as of one moment; `size` is how many there should be."""

    entering: list[int]
    leaving: list[int]
    size: int


def find(cursor: CursorWrapper, segment_id: int, question: Compiled) -> Difference:
    cursor.execute(_DIFFERENCE.format(question=question.sql), [*question.params, segment_id])
    found = {fits: (count, ids or []) for fits, count, ids in cursor.fetchall()}
    size, entering = found.get(True, (0, []))
    _, leaving = found.get(False, (0, []))
    return Difference(sorted(entering), sorted(leaving), size)


def enter(segment_id: int, ids: list[int], *, quietly: bool = False) -> int:
    """Make them members; how many were not. `quietly` writes no note of it."""
    return sum(_write(_ENTER, "entered", segment_id, piece, is_entry=True, quietly=quietly) for piece in pieces(ids))


def leave(segment_id: int, ids: list[int]) -> int:
    """Make them members no longer; how many were."""
    return sum(_write(_LEAVE, "gone", segment_id, piece, is_entry=False, quietly=False) for piece in pieces(ids))


def _write(sql: str, written: str, segment_id: int, ids: list[int], *, is_entry: bool, quietly: bool) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        if quietly:
            cursor.execute(f"{sql} SELECT count(*) FROM {written}", [segment_id, ids])  # noqa: S608
        else:
            cursor.execute(sql + _NOTE.format(written), [segment_id, ids, segment_id, is_entry])
        return sum(count for (count,) in cursor.fetchall())


def pieces(ids: list[int], size: int = PIECE) -> Iterator[list[int]]:
    return (ids[start : start + size] for start in range(0, len(ids), size))
