"""The nodes of a rule tree that was checked: what each asks as SQL, and what it says about one person."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from segments import conditions
from segments.conditions import NO_FACT, Condition
from segments.fields import Field
from segments.operands import Changing
from segments.operators import Operator
from segments.values import show_number


class Node(Protocol):
    """`path` is the node's place in the tree as a JSON pointer: `/all/0/any/2`."""

    @property
    def path(self) -> str: ...

    @property
    def children(self) -> Sequence["Node"]: ...

    def condition(self, now: datetime) -> Condition: ...

    def fact(self, now: datetime) -> Condition:
        """What is so for the person, as jsonb, for the sentence."""
        ...

    def asks(self) -> str:
        """What is asked, in words."""
        ...

    def sentence(self, fact: Any, holds: bool, held: list[bool]) -> str:
        """Why it holds or doesn't; `held` are the answers of the children."""
        ...


@dataclass(frozen=True)
class Group:
    """All, or any, of its children."""

    path: str
    is_any: bool
    children: tuple[Node, ...]

    def condition(self, now: datetime) -> Condition:
        join = conditions.any_of if self.is_any else conditions.all_of
        return join(child.condition(now) for child in self.children)

    def fact(self, now: datetime) -> Condition:
        return NO_FACT

    def asks(self) -> str:
        if not self.children:
            return "Nobody" if self.is_any else "Everyone"
        return "At least one of these is so" if self.is_any else "All of these are so"

    def sentence(self, fact: Any, holds: bool, held: list[bool]) -> str:
        if not held:
            return "No rule here, so nobody fits" if self.is_any else "No rule here, so everyone fits"
        wanted = "At least one of these must be so" if self.is_any else "All of these must be so"
        count = "none is" if not any(held) else "all are" if all(held) else f"{sum(held)} of {len(held)} are"
        return f"{wanted}: {count}"


@dataclass(frozen=True)
class Not:
    """Everyone whom its child leaves out."""

    path: str
    children: tuple[Node]

    def condition(self, now: datetime) -> Condition:
        return ~self.children[0].condition(now)

    def fact(self, now: datetime) -> Condition:
        return NO_FACT

    def asks(self) -> str:
        return "This is not so"

    def sentence(self, fact: Any, holds: bool, held: list[bool]) -> str:
        return "This must not be so: it is not" if holds else "This must not be so: but it is"


@dataclass(frozen=True)
class Question:
    """A field, an operator and a value."""

    path: str
    field: Field
    operator: Operator
    value: Any
    children: tuple[Node, ...] = dataclasses.field(default=(), init=False)

    def condition(self, now: datetime) -> Condition:
        return self.operator.condition(self._operand(now), self.value, now)

    def fact(self, now: datetime) -> Condition:
        shown: Condition = self._operand(now).shown()
        return shown

    def _operand(self, now: datetime) -> Any:
        operand = self.field.operand
        return operand.at(now) if isinstance(operand, Changing) else operand

    def asks(self) -> str:
        says = self._says(holds=True)
        return _capitalised(says) if self.field.type == "segment" else f"{self.field.label} {says}"

    def sentence(self, fact: Any, holds: bool, held: list[bool]) -> str:
        says, label = self._says(holds), self.field.label
        if self.field.type == "segment":
            return _capitalised(says)
        if self.operator.asks_emptiness and fact in (None, "", []):
            return f"{label} is empty"
        shown = show_fact(fact, dict(self.field.choices))
        if self.field.type in ("boolean", "choice"):
            return f"{label}: {shown}"
        if self.field.type == "list":
            return f"{label}: {shown}; {says}"
        if holds and self.operator.name == "equals":
            return f"{label} is {shown}"
        return f"{label} is {shown}, which {says}"

    def _says(self, holds: bool) -> str:
        return self.operator.says(self.field.show(self.operator, self.value), holds)


def _capitalised(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def show_fact(fact: Any, choices: dict[str, str]) -> str:
    """A person's value as a sentence shows it."""
    if fact is None or fact == "" or fact == []:
        return "empty"
    if isinstance(fact, bool):
        return "yes" if fact else "no"
    if isinstance(fact, list):
        return ", ".join(show_fact(item, choices) for item in fact[:10])
    if isinstance(fact, str):
        return choices.get(fact) or f"“{fact[:200]}”"
    return str(fact)[:200] if isinstance(fact, dict) else show_number(fact)
