"""Whose answer may have changed merely because time has passed: “in the last 30 days” needs no event to become untrue.

A rule's condition is a function of the data and of now. Where its SQL is the same for two moments nothing can have
changed between them. Where it differs, those are found whose answer at one moment is not the answer at the other; a
node that knows a quicker way offers `drift`.
"""

from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from segments.conditions import Condition
from segments.dependencies import leaves
from segments.rules import Compiled, select
from segments.tree import Node

PROBES = tuple(timedelta(days=days) for days in (1, 45, 400))  # the day, the month, the year: a rule may name any


@runtime_checkable
class Drifts(Protocol):
    """A node with its own way to find the people for whom time alone may have changed the answer."""

    def drift(self, since: datetime, until: datetime) -> Condition | None:
        """A SELECT of their ids, of too many rather than too few; None if there is no better way than the general."""
        ...


def is_timeless(node: Node, now: datetime) -> bool:
    """Whether time alone can never change an answer."""
    condition = node.condition(now)
    return all(node.condition(now + probe) == condition for probe in PROBES)


def between(node: Node, since: datetime, until: datetime) -> Compiled | None:
    """Ids of the people who may be in at one of the moments and out at the other; None if there can't be any."""
    found = [_of_leaf(leaf, since, until) for leaf in leaves(node) if leaf.condition(since) != leaf.condition(until)]
    if not found:
        return None
    return Compiled(" UNION ".join(part.sql for part in found), tuple(param for part in found for param in part.params))


def _of_leaf(leaf: Node, since: datetime, until: datetime) -> Compiled:
    quicker = leaf.drift(since, until) if isinstance(leaf, Drifts) else None
    if quicker is not None:
        return Compiled(quicker.sql, quicker.params)
    before, after = leaf.condition(since), leaf.condition(until)
    return select(Condition(f"(({before.sql}) IS TRUE) <> (({after.sql}) IS TRUE)", before.params + after.params))
