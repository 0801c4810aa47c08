"""A condition about one person as a piece of SQL with its parameters, and how conditions combine.

A condition speaks about the row `c` of contacts_contact. What people typed is always a parameter, never part of the
text. A condition that is NULL counts as false; only the complement must know that, so that everyone is either in a
condition or in its complement.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Condition:
    """`is_certain` says that the SQL is never NULL, so that NOT is a complement (and EXISTS becomes an anti-join)."""

    sql: str
    params: tuple[Any, ...] = ()
    is_certain: bool = False

    def __invert__(self) -> "Condition":
        if self.is_certain:
            return Condition(f"NOT ({self.sql})", self.params, is_certain=True)
        return Condition(f"({self.sql}) IS NOT TRUE", self.params, is_certain=True)

    def __and__(self, other: "Condition") -> "Condition":
        return all_of([self, other])


EVERYONE = Condition("TRUE", is_certain=True)
NOBODY = Condition("FALSE", is_certain=True)
NO_FACT = Condition("NULL::jsonb")


def all_of(conditions: Iterable[Condition]) -> Condition:
    return _joined(" AND ", list(conditions), EVERYONE)


def any_of(conditions: Iterable[Condition]) -> Condition:
    return _joined(" OR ", list(conditions), NOBODY)


def _joined(word: str, parts: list[Condition], empty: Condition) -> Condition:
    if len(parts) <= 1:
        return parts[0] if parts else empty
    sql = word.join(f"({part.sql})" for part in parts)
    params = tuple(param for part in parts for param in part.params)
    return Condition(sql, params, all(part.is_certain for part in parts))
