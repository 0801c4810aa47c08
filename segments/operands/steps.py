"""Left sides one step away from the person: inside a subquery over their events, company, totals."""

import operator
from collections.abc import Callable
from typing import Any

from segments.conditions import EVERYONE, NO_FACT, Condition
from segments.operands.columns import NumberColumn

Step = Callable[[Condition], Condition]
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq,
}  # fmt: skip


class Within:
    """Whatever is asked of `inner` is asked inside of `step`, which says for whom there is such a row."""

    def __init__(self, inner: Any, step: Step, fact: Condition = NO_FACT) -> None:
        self.inner, self.step, self.fact = inner, step, fact

    def shown(self) -> Condition:
        return self.fact

    def __getattr__(self, question: str) -> Callable[..., Condition]:
        # the questions of every type of operand: equals, compares, days, has_any, ...
        ask = getattr(self.inner, question)
        return lambda *values, **how: self.step(ask(*values, **how))


class OrZero:
    """A number that is 0 for those who have no row."""

    def __init__(self, inner: NumberColumn, step: Step, fact: Condition = NO_FACT) -> None:
        self.inner, self.step, self.fact = inner, step, fact

    def shown(self) -> Condition:
        return self.fact

    def filled(self) -> Condition:
        return EVERYONE

    def equals(self, value: float) -> Condition:
        return self.compares("=", value)

    def compares(self, sign: str, value: float) -> Condition:
        return self._holds(self.inner.compares(sign, value), at_zero=_COMPARE[sign](0, value))

    def between(self, low: float, high: float) -> Condition:
        return self._holds(self.inner.between(low, high), at_zero=low <= 0 <= high)

    def _holds(self, condition: Condition, *, at_zero: bool) -> Condition:
        if not at_zero:
            return self.step(condition)
        # 0 would do: everyone but those for whom there is a row that says otherwise; NULL is no other word than 0
        return ~self.step(Condition(f"NOT ({condition.sql})", condition.params))
