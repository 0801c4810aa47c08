"""Members change by difference, in short transactions, and who came and went is noted in each of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from segments.models import Membership
from segments.rules import Compiled

PIECE = 50_000  # members written in one transaction: readers of the log wait for no transaction longer than this

# One pass that both cores may share; arrays, because six hundred thousand rows take long to fetch one by one.
_DIFFERENCE = """
SELECT w.id IS NOT NULL, count(*),
    array_agg(coalesce(w.id, m.contact_id)) FILTER (WHERE w.id IS NULL OR m.contact_id IS NULL)
FROM ({question}) w
FULL JOIN (SELECT contact_id FROM segments_membership WHERE segment_id = %s) m ON m.contact_id = w.id
GROUP BY 1"""
_ENTER = "INSERT INTO segments_membership (segment_id, contact_id) SELECT %(segment)s, unnest(%(ids)s::bigint[])"
_LEAVE = "DELETE FROM segments_membership WHERE segment_id = %(segment)s AND contact_id = ANY(%(ids)s)"
_NOTE = (
    "INSERT INTO segments_transition (segment_id, is_entry, contact_ids) VALUES (%(segment)s, %(is_entry)s, %(ids)s)"
)

Tell = Callable[[int], None]  # how many were written just now


def _nobody(written: int) -> None:
    """Nobody looks on."""


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


def enter(segment_id: int, ids: list[int], *, quietly: bool = False, tell: Tell = _nobody) -> int:
    """Make them members, none of whom is; `quietly` writes no note of it. The caller holds the segment's lock."""
    for piece in pieces(ids):
        _write(_ENTER, None if quietly else True, segment_id, piece)
        tell(len(piece))
    return len(ids)


def leave(segment_id: int, ids: list[int], *, tell: Tell = _nobody) -> int:
    """Make them members no longer, all of whom are. The caller holds the segment's lock."""
    for piece in pieces(ids):
        _write(_LEAVE, False, segment_id, piece)
        tell(len(piece))
    return len(ids)


def members_among(segment_id: int, ids: set[int]) -> set[int]:
    found = Membership.objects.filter(segment_id=segment_id, contact_id__in=ids)
    return set(found.values_list("contact_id", flat=True))


def _write(sql: str, is_entry: bool | None, segment_id: int, ids: list[int]) -> None:
    params: dict[str, Any] = {"segment": segment_id, "ids": ids, "is_entry": is_entry}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, params)
        if is_entry is not None:
            cursor.execute(_NOTE, params)


def pieces(ids: list[int], size: int = PIECE) -> Iterator[list[int]]:
    return (ids[start : start + size] for start in range(0, len(ids), size))
