"""Segments that are worth having, proposed: the cells of recency by frequency, and others built on purchases.

Each is an ordinary rule tree. The cells cover everyone who ever bought, each person once: their names are those that
the trade uses for the grid of recency and frequency scores, with a monetary score for champions on top.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from segments import membership, rules
from segments.comparison import percent
from segments.fields import rfm
from segments.limits import limited

Scores = tuple[int, int, int]


@dataclass(frozen=True)
class Proposal:
    """A segment that nobody saved yet. `why` says in a sentence what it is good for."""

    key: str
    name: str
    definition: str
    why: str
    rules: dict[str, Any]


@dataclass(frozen=True)
class Cell(Proposal):
    """A part of the grid; `scores` are its recency, frequency and monetary scores."""

    scores: frozenset[Scores]


@dataclass(frozen=True)
class Found:
    """How many people a proposal finds now, and what they spent in total."""

    proposal: Proposal
    people: int
    spent: Decimal
    people_percent: float
    spent_percent: float


def _rule(field: str, operator: str, value: Any) -> dict[str, Any]:
    return {"field": field, "operator": operator, "value": value}


def _score(field: str, low: int, high: int) -> list[dict[str, Any]]:
    """The shortest way to say it."""
    if low == high:
        return [_rule(field, "equals", low)]
    if high == 5:
        return [_rule(field, "at_least", low)]
    return [_rule(field, "at_most", high)] if low == 1 else [_rule(field, "between", [low, high])]


def _cell(key: str, name: str, recency: tuple[int, int], frequency: tuple[int, int], definition: str, why: str) -> Cell:
    scores = frozenset(
        (r, f, m)
        for r in range(recency[0], recency[1] + 1)
        for f in range(frequency[0], frequency[1] + 1)
        for m in range(1, 6)
    )
    tree = {"all": _score("recency_score", *recency) + _score("frequency_score", *frequency)}
    return Cell(key, name, definition, why, tree, scores)


_TOP = frozenset((r, f, m) for r in (4, 5) for f in (4, 5) for m in (4, 5))
_BEST = [_rule("recency_score", "at_least", 4), _rule("monetary_score", "at_least", 4)]

CHAMPIONS = Cell(
    "champions", "Champions", "Recency, frequency and monetary score 4 or 5",
    "They bought lately, often and for a lot. Thank them, show them new things first, ask them for reviews.",
    {"all": [_BEST[0], _rule("frequency_score", "at_least", 4), _BEST[1]]}, _TOP,
)  # fmt: skip
LOYAL = Cell(
    "loyal", "Loyal customers", "Recency score 3 to 5 and frequency score 4 or 5, champions left out",
    "They keep coming back. Offer them more of what they like, and something for being loyal.",
    {
        "all": [
            _rule("recency_score", "at_least", 3), _rule("frequency_score", "at_least", 4), {"not": {"all": _BEST}},
        ]
    },
    frozenset((r, f, m) for r in (3, 4, 5) for f in (4, 5) for m in range(1, 6)) - _TOP,
)  # fmt: skip
CELLS = [
    CHAMPIONS,
    LOYAL,
    _cell("potential", "Potential loyalists", (4, 5), (2, 3), "Recency score 4 or 5 and frequency score 2 or 3",
          "They bought lately and more than once. A membership or a matching product can make a habit of it."),
    _cell("new", "New customers", (5, 5), (1, 1), "Recency score 5 and frequency score 1",
          "Their first purchases are fresh. Help them to get started, and invite them to a second one."),
    _cell("promising", "Promising", (4, 4), (1, 1), "Recency score 4 and frequency score 1",
          "They bought rarely, and not long ago. Stay in their mind before they forget you."),
    _cell("attention", "Need attention", (3, 3), (2, 3), "Recency score 3 and frequency score 2 or 3",
          "Average in how lately and how often. An offer for a limited time brings some of them back."),
    _cell("sleepy", "About to sleep", (3, 3), (1, 1), "Recency score 3 and frequency score 1",
          "They bought rarely, and some time has passed. Remind them what else there is."),
    _cell("at_risk", "At risk", (1, 2), (3, 4), "Recency score 1 or 2 and frequency score 3 or 4",
          "They used to buy, and stopped. Write personally, ask what was wrong, make it easy to come back."),
    _cell("cannot_lose", "Can’t lose them", (1, 2), (5, 5), "Recency score 1 or 2 and frequency score 5",
          "They bought most often of all, and stopped. Worth a call or your best offer."),
    _cell("hibernating", "Hibernating", (2, 2), (1, 2), "Recency score 2 and frequency score 1 or 2",
          "They bought rarely and long ago. Write seldom, with what sells best."),
    _cell("lost", "Lost", (1, 1), (1, 2), "Recency score 1 and frequency score 1 or 2",
          "They bought rarely and longest ago. One last try, then leave them in peace: it helps your delivery, too."),
]  # fmt: skip

LAPSING = Proposal(
    "lapsing", "Lapsing", "At least 3 purchases; two to four times their usual interval has passed since the last",
    "Each person is measured by their own rhythm: these would have bought again by now. The moment to ask why not.",
    {"all": [_rule("purchases", "at_least", 3), _rule("overdue", "between", [2, 4])]},
)  # fmt: skip
OTHERS = [
    LAPSING,
    Proposal(
        "second", "Second purchase to come", "Exactly one purchase, in the last 60 days",
        "Who buys a second time is likely to stay. These are due for the one that decides it.",
        {"all": [_rule("purchases", "equals", 1), _rule("last_purchase", "in_last_days", 60)]},
    ),
    Proposal(
        "big_spenders", "Big spenders", "Monetary score 5",
        "The fifth that spent most, however often they came. Small discounts are lost on them; service is not.",
        {"all": [_rule("monetary_score", "equals", 5)]},
    ),
    Proposal(
        "interested", "Interested, never bought", "No purchase, engagement score at least 2",
        "They open and click, and haven’t bought yet. A first-order offer has its best chance here.",
        {"all": [_rule("purchases", "equals", 0), _rule("engagement_score", "at_least", 2)]},
    ),
]  # fmt: skip
PROPOSALS = {proposal.key: proposal for proposal in [*CELLS, *OTHERS]}

_GRID = f"""
SELECT {rfm.RECENCY}, {rfm.FREQUENCY}, {rfm.MONETARY}, count(*), sum(t.spent)
FROM segments_standing t WHERE t.purchase_count > 0 GROUP BY 1, 2, 3"""  # noqa: S608


def grid() -> dict[Scores, tuple[int, Decimal]]:
    """How many people have which scores and what they spent, in one pass; empty while there are no bounds."""
    with limited(membership.COUNT_SECONDS) as cursor:
        cursor.execute(_GRID)
        return {(r, f, m): (people, spent) for r, f, m, people, spent in cursor.fetchall() if r is not None}


def cells() -> list[Found]:
    """Every cell with its size and revenue; the shares are of all who ever bought."""
    found = grid()
    buyers, total = sum(people for people, _ in found.values()), sum(spent for _, spent in found.values())
    return [_in_cell(cell, found, buyers, Decimal(total)) for cell in CELLS]


def _in_cell(cell: Cell, grid: dict[Scores, tuple[int, Decimal]], buyers: int, total: Decimal) -> Found:
    inside = [grid[scores] for scores in cell.scores & grid.keys()]
    people, spent = sum(count for count, _ in inside), sum((spent for _, spent in inside), Decimal(0))
    return Found(cell, people, spent, percent(people, buyers), percent(spent, total))


def found(proposal: Proposal) -> tuple[int, Decimal]:
    """How many people its rules find now, and what they spent: the rules themselves are asked."""
    question = rules.compile(proposal.rules)
    with limited(membership.COUNT_SECONDS) as cursor:
        cursor.execute(
            f"SELECT count(*), coalesce(sum(t.spent), 0) FROM ({question.sql}) q"  # noqa: S608
            " LEFT JOIN segments_standing t ON t.contact_id = q.id",
            question.params,
        )
        people, spent = cursor.fetchone()
        return people, spent
