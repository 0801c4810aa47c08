"""The rule tree: checked from JSON, compiled to one SELECT of contact ids. Nothing else evaluates a rule.

A tree is {"all": [...]}, {"any": [...]}, {"not": {...}}, a question {"field", "operator", "value"} or a rule about
events {"event", "operator", ...} (behaviour.py, measures.py). {"all": []} is everyone who was not erased.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.utils import timezone

from core.errors import Refused
from segments import behaviour, fields, values
from segments.conditions import Condition
from segments.fields import Catalogue
from segments.tree import Group, Node, Not, Question

DEPTH_LIMIT = 20
NODE_LIMIT = 500
PROBLEMS_SHOWN = 3
GROUP_HINT = 'A group is {"all": [...]}, {"any": [...]} or {"not": {...}}; a rule has a field or an event.'
EVERYONE: dict[str, Any] = {"all": []}


@dataclass(frozen=True)
class Problem:
    """What is wrong with one node, and where in the tree it stands (a JSON pointer; empty: the tree itself)."""

    path: str
    message: str


class RuleError(Refused):
    """The rules can't be used; `problems` has one entry for each wrong node."""

    def __init__(self, problems: list[Problem]) -> None:
        said = [f"{problem.message} (at {problem.path})" if problem.path else problem.message for problem in problems]
        more = f" And {len(said) - PROBLEMS_SHOWN} more." if len(said) > PROBLEMS_SHOWN else ""
        super().__init__("bad_rules", " ".join(said[:PROBLEMS_SHOWN]) + more)
        self.problems = problems


class Compiled(NamedTuple):
    """SELECT c.id ..., ready to run, to count or to be a subquery."""

    sql: str
    params: tuple[Any, ...]


def loads(text: str) -> Any:
    """Rules from JSON text; RuleError if it isn't JSON or is nested without end."""
    try:
        return json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        raise RuleError([Problem("", f"The rules are nested more than {DEPTH_LIMIT} levels deep.")]) from None
    except ValueError as error:
        raise RuleError([Problem("", f"The rules are not valid JSON: {error}.")]) from None


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")


def parse(raw: Any, catalogue: Catalogue | None = None) -> Node:
    """The checked tree; RuleError with every problem found otherwise. Many trees may share one catalogue."""
    measure(raw, _inside)
    parser = _Parser(catalogue or Catalogue())
    node = parser.node(raw, "")
    if parser.problems or node is None:
        raise RuleError(parser.problems)
    return node


def compile(raw: Any, *, now: datetime | None = None) -> Compiled:
    """The question as `SELECT c.id FROM contacts_contact c WHERE ...`; erased people are in no answer."""
    return select(parse(raw).condition(now or timezone.now()))


def select(condition: Condition) -> Compiled:
    sql = f"SELECT c.id FROM contacts_contact c WHERE c.erased_at IS NULL AND ({condition.sql})"  # noqa: S608
    return Compiled(sql, condition.params)


@dataclass(frozen=True)
class Line:
    """One node in words, and the lines below it."""

    text: str
    children: tuple["Line", ...]


def in_words(node: Node) -> Line:
    return Line(node.asks(), tuple(in_words(child) for child in node.children))


def sources(raw: Any) -> set[str]:
    """The UUIDs of other segments that the rules ask about. Reads any stored tree, even one no longer valid."""
    found, waiting = set(), [raw]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict) and item.get("field") == "segment" and isinstance(item.get("value"), str):
            found.add(item["value"])
        elif isinstance(item, dict):
            waiting.extend(item.get("all") or item.get("any") or [item.get("not")])
    return found


def measure(raw: Any, inside: Callable[[Any], list[Any]]) -> None:
    """Refuse trees too deep or too large before anything recurses into them; `inside` gives what a node holds."""
    count, waiting = 0, [(raw, 1)]
    while waiting:
        item, depth = waiting.pop()
        count += 1
        if depth > DEPTH_LIMIT:
            raise RuleError([Problem("", f"The rules are nested more than {DEPTH_LIMIT} levels deep.")])
        if count > NODE_LIMIT:
            raise RuleError([Problem("", f"A segment has at most {NODE_LIMIT} rules; use tags for long lists.")])
        waiting.extend((child, depth + 1) for child in inside(item))


def _inside(item: Any) -> list[Any]:
    if not isinstance(item, dict):
        return []
    groups = [item[word] for word in ("all", "any") if isinstance(item.get(word), list)]
    return [child for group in groups for child in group] + ([item["not"]] if "not" in item else [])


class _Parser:
    """One walk over the tree that collects problems instead of stopping at the first."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.problems: list[Problem] = []
        self.catalogue = catalogue

    def node(self, raw: Any, path: str) -> Node | None:
        try:
            return self._node(raw, path)
        except ValueError as error:
            self.problems.append(Problem(path, str(error)))
            return None

    def _node(self, raw: Any, path: str) -> Node:
        if not isinstance(raw, dict):
            raise ValueError('A rule is an object such as {"field": "email", "operator": "is_filled"}.')
        if "field" in raw:
            return self._question(raw, path)
        if "event" in raw:
            return behaviour.parse(raw, path)
        if len(raw) == 1 and "not" in raw:
            return Not(path, (self._child(raw["not"], f"{path}/not"),))
        word = next(iter(raw), "")
        if len(raw) != 1 or word not in ("all", "any") or not isinstance(raw[word], list):
            raise ValueError(GROUP_HINT)
        children = tuple(self._child(child, f"{path}/{word}/{index}") for index, child in enumerate(raw[word]))
        return Group(path, word == "any", children)

    def _child(self, raw: Any, path: str) -> Node:
        # a broken child leaves an empty group in its place; the problem noted keeps the tree from being used
        return self.node(raw, path) or Group(path, is_any=True, children=())

    def _question(self, raw: dict[str, Any], path: str) -> Question:
        unknown = raw.keys() - {"field", "operator", "value"}
        if unknown:
            raise ValueError(f"A rule has no {values.quoted(unknown)}.")
        name, how = raw["field"], raw.get("operator")
        field = fields.find(name, self.catalogue) if isinstance(name, str) else None
        if field is None:
            raise ValueError(f"There is no field {values.quoted([name])}. Choose one from the list of fields.")
        operator = field.operator(how) if isinstance(how, str) else None
        if operator is None:
            known = ", ".join(operator.name for operator in field.operators)
            raise ValueError(f"{field.label} can't be compared by {values.quoted([how])}, but by: {known}.")
        return Question(path, field, operator, field.parse(operator, raw.get("value")))


def dumps(raw: Any) -> str:
    """Rules as text for people to read and change."""
    return json.dumps(raw, indent=2, ensure_ascii=False)
