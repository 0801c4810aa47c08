"""Questions about what someone's events add up to (standing.py keeps that): spending, engagement, subscription."""

from datetime import datetime
from typing import Any

from segments import standing
from segments.conditions import Condition
from segments.fields.base import Catalogue, Question, questions
from segments.models import SpendingLevel
from segments.operands import Changing, InstantColumn, NumberColumn, OrZero, TextColumn, Within

NONE = "none"


def of_person(condition: Condition) -> Condition:
    """Is there a row of totals for the person `c` for which this is true?"""
    sql = f"EXISTS (SELECT 1 FROM segments_standing t WHERE t.contact_id = c.id AND ({condition.sql}))"  # noqa: S608
    return Condition(sql, condition.params, is_certain=True)


def fact(figure: Condition) -> Condition:
    sql = f"(SELECT to_jsonb({figure.sql}) FROM segments_standing t WHERE t.contact_id = c.id)"  # noqa: S608
    return Condition(sql, figure.params)


class FigureQuestion(Question):
    """A number that is 0 for those who did nothing yet."""

    group, type, can_be_empty = "Standing", "number", False
    column: str

    def operand(self, catalogue: Catalogue) -> Any:
        figure = Condition(f"coalesce({self.column}, 0)")
        return OrZero(NumberColumn(self.column), of_person, fact(figure))


@questions.register
class Spent(FigureQuestion):
    key, label, column = "spent", "Spent in total", "t.spent"


@questions.register
class Purchases(FigureQuestion):
    key, label, column = "purchases", "Number of purchases", "t.purchase_count"


@questions.register
class AveragePurchase(Question):
    key, label, group, type = "average_purchase", "Average purchase", "Standing", "number"

    def operand(self, catalogue: Catalogue) -> Within:
        column = NumberColumn("t.spent / nullif(t.purchase_count, 0)")
        return Within(column, of_person, fact(Condition(column.sql)))


class MomentQuestion(Question):
    group, type = "Standing", "date"
    column: str

    def operand(self, catalogue: Catalogue) -> Within:
        return Within(InstantColumn(self.column), of_person, fact(Condition(self.column)))


@questions.register
class FirstPurchase(MomentQuestion):
    key, label, column = "first_purchase", "First purchase", "t.first_purchase_at"


@questions.register
class LastPurchase(MomentQuestion):
    key, label, column = "last_purchase", "Last purchase", "t.last_purchase_at"


@questions.register
class LastActive(MomentQuestion):
    key, label, column = "last_active", "Last opened, clicked or bought", "t.last_active_at"


@questions.register
class SubscribedSince(MomentQuestion):
    key, label, column = "subscription_since", "Subscription as it is since", "t.tier_since"


@questions.register
class SubscriptionTier(Question):
    key, label, group = "subscription_tier", "Subscription tier", "Standing"

    def operand(self, catalogue: Catalogue) -> Within:
        return Within(TextColumn("t.tier"), of_person, fact(Condition("t.tier")))


class Score(Changing):
    """Acts weigh less as they grow old, so that the score has a value only at a moment."""

    def at(self, now: datetime) -> OrZero:
        # no power of two below the smallest double; who never did anything has no heat, and a score of 0
        score = Condition("round(power(2, greatest(-900, t.heat - %s))::numeric, 1)", (standing.age(now),))
        shown = Condition(f"coalesce({score.sql}, 0)", score.params)
        return OrZero(NumberColumn(score.sql, score.params), of_person, fact(shown))


@questions.register
class EngagementScore(Question):
    key, label, group, type, can_be_empty = "engagement_score", "Engagement score", "Standing", "number", False

    def operand(self, catalogue: Catalogue) -> Score:
        return Score()


class LevelOperand:
    """Between a level's amount and the next one's; “none” is below them all."""

    def __init__(self, levels: list[SpendingLevel]) -> None:
        self.levels = levels

    def equals(self, value: str) -> Condition:
        if value == NONE:
            return ~self._from(0)
        index = [level.key for level in self.levels].index(value)
        return self._from(index) & ~self._from(index + 1)

    def _from(self, index: int) -> Condition:
        if index >= len(self.levels):
            return Condition("FALSE", is_certain=True)
        return of_person(Condition("t.spent >= %s", (self.levels[index].at_least,)))

    def shown(self) -> Condition:
        cases = "".join(" WHEN t.spent >= %s THEN %s" for _ in self.levels) or " WHEN FALSE THEN ''"
        params = tuple(part for level in reversed(self.levels) for part in (level.at_least, level.key))
        level = fact(Condition(f"(CASE{cases} ELSE '{NONE}' END)::text", params))
        return Condition(f"coalesce({level.sql}, to_jsonb('{NONE}'::text))", level.params)


@questions.register
class Spending(Question):
    key, label, group, type, can_be_empty = "spending_level", "Spending level", "Standing", "choice", False

    def operand(self, catalogue: Catalogue) -> LevelOperand:
        return LevelOperand(catalogue.levels)

    def choices(self, catalogue: Catalogue) -> tuple[tuple[str, str], ...]:
        return ((NONE, "none"), *((level.key, level.label) for level in catalogue.levels))
