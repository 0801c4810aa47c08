"""Questions about how lately, how often and how much someone buys beside all others (RFM), and in what rhythm.

A score is a fifth, 1 to 5: one more than the number of bounds (quintiles.py) that the person is above. Bounds are asked
for inside of the question, so that a score always means today's fifths.
"""

from datetime import datetime

from segments.conditions import Condition
from segments.fields.base import Catalogue, Question, questions
from segments.fields.standing import fact, of_person
from segments.operands import Changing, NumberColumn, Within

DAY = 24 * 60 * 60
_INTERVAL = "extract(epoch FROM t.last_purchase_at - t.first_purchase_at) / nullif(t.purchase_count - 1, 0)"


def score(column: str, bounds: str) -> str:
    """SQL for the fifth of a row `t` of totals; NULL for who never bought, and while there are no bounds."""
    bound = f"(SELECT q.{bounds}[{{}}] FROM segments_quintiles q)"  # noqa: S608  our own columns
    above = " + ".join(f"({column} > {bound.format(number)})::int" for number in range(1, 5))
    return f"CASE WHEN t.purchase_count > 0 THEN 1 + {above} END"


RECENCY = score("t.last_purchase_at", "recency")
FREQUENCY = score("t.purchase_count", "frequency")
MONETARY = score("t.spent", "monetary")


class ScoreQuestion(Question):
    group, type = "Purchases compared", "number"
    sql: str

    def operand(self, catalogue: Catalogue) -> Within:
        return Within(NumberColumn(self.sql), of_person, fact(Condition(self.sql)))


@questions.register
class RecencyScore(ScoreQuestion):
    key, label, sql = "recency_score", "Recency score (1 to 5, 5 bought last)", RECENCY


@questions.register
class FrequencyScore(ScoreQuestion):
    key, label, sql = "frequency_score", "Frequency score (1 to 5, 5 buys most often)", FREQUENCY


@questions.register
class MonetaryScore(ScoreQuestion):
    key, label, sql = "monetary_score", "Monetary score (1 to 5, 5 spent most)", MONETARY


@questions.register
class UsualInterval(Question):
    """Between the first purchase and the last one, divided by the gaps between them."""

    key, label, group, type = "usual_interval", "Usual days between purchases", "Purchases compared", "number"

    def operand(self, catalogue: Catalogue) -> Within:
        days = f"round(({_INTERVAL} / {DAY})::numeric, 1)"
        return Within(NumberColumn(days), of_person, fact(Condition(days)))


class Intervals(Changing):
    """Grows as time passes, so that it has a value only at a moment."""

    def at(self, now: datetime) -> Within:
        waited = Condition(
            f"round((extract(epoch FROM %s::timestamptz - t.last_purchase_at) / nullif({_INTERVAL}, 0))::numeric, 2)",
            (now,),
        )
        return Within(NumberColumn(waited.sql, waited.params), of_person, fact(waited))


@questions.register
class Overdue(Question):
    key, label, group, type = "overdue", "Since the last purchase, in usual intervals", "Purchases compared", "number"

    def operand(self, catalogue: Catalogue) -> Intervals:
        return Intervals()
