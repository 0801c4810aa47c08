"""Why someone is in or out: every node of a rule tree answered for one person by the SQL that answers for everyone."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.backends.utils import CursorWrapper

from contacts.models import Contact
from segments.tree import Group, Node, Not


@dataclass(frozen=True)
class Answer:
    """One node's answer: does it hold for the person, why, and the answers below it."""

    path: str
    kind: str
    holds: bool
    sentence: str
    children: tuple["Answer", ...]


def answers(cursor: CursorWrapper, node: Node, contact: Contact, now: datetime) -> Answer:
    """The tree of answers, read in one statement: for each node whether it holds, and the person's own value."""
    columns, params = [], []
    for each in _walk(node):
        condition, fact = each.condition(now), each.fact(now)
        columns.append(f"({condition.sql}) IS TRUE, {fact.sql}")
        params += [*condition.params, *fact.params]
    sql = f"SELECT {', '.join(columns)} FROM contacts_contact c WHERE c.id = %s"  # noqa: S608
    cursor.execute(sql, [*params, contact.pk])
    row = iter(cursor.fetchone())
    return _answer(node, row)


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from _walk(child)


def _answer(node: Node, row: Iterator[Any]) -> Answer:
    """Takes its two columns off the row, then lets its children take theirs: the order in which they were asked."""
    holds, fact = next(row), next(row)
    children = tuple(_answer(child, row) for child in node.children)
    value = json.loads(fact) if isinstance(fact, str) else fact
    sentence = node.sentence(value, holds, [child.holds for child in children])
    return Answer(node.path, _kind(node), holds, sentence, children)


def _kind(node: Node) -> str:
    if isinstance(node, Group):
        return "any" if node.is_any else "all"
    return "not" if isinstance(node, Not) else "rule"
