"""Segments of the demo: one per kind of question that marketers ask."""

from typing import Any

from django.db import connection

from segments import definition
from segments.models import Segment
from segments.proposals import CHAMPIONS, LAPSING
from team.models import User

REACHABLE, MEMBERS, SPENDERS, LAPSED, REPEAT = (
    "Newsletter readers",
    "Club members in Europe",
    "Spent over 200 €",
    "No order for 90 days",
    "Bought twice in two months",
)
AGREED = {"field": "consent:email", "operator": "equals", "value": "granted"}
EUROPE = ["United Kingdom", "Germany", "France", "Spain"]

RULES: dict[str, tuple[str, Any]] = {
    REACHABLE: (
        "Everyone who asked for the newsletter and agreed to email.",
        {"all": [{"field": "tag", "operator": "has", "value": "newsletter"}, AGREED]},
    ),
    MEMBERS: (
        "Members of the club, wherever in Europe.",
        {
            "all": [
                {"field": "attribute:is_member", "operator": "is", "value": True},
                {"field": "attribute:country", "operator": "one_of", "value": EUROPE},
            ]
        },
    ),
    SPENDERS: (
        "Good customers on a paid plan.",
        {
            "all": [
                {"field": "attribute:history", "operator": "greater_than", "value": 200},
                {"not": {"field": "attribute:plan", "operator": "equals", "value": "free"}},
            ]
        },
    ),
    LAPSED: (
        "They bought once, and not for three months.",
        {
            "all": [
                {"field": "attribute:orders", "operator": "at_least", "value": 1},
                {"field": "attribute:last_order_on", "operator": "more_than_days_ago", "value": 90},
                {"any": [AGREED, {"field": "tag", "operator": "has", "value": "vip"}]},
            ]
        },
    ),
    REPEAT: (
        "At least two purchases of 20 € or more within 60 days.",
        {
            "event": "purchase",
            "operator": "at_least",
            "times": 2,
            "within_days": 60,
            "where": [{"property": "amount", "operator": "at_least", "value": 20}],
        },
    ),
}


def make() -> None:
    marketer = User.objects.get(username="marketer")
    for name, (description, rules) in RULES.items():
        if not Segment.objects.filter(name=name).exists():
            definition.create(name=name, rules=rules, description=description, by=marketer)


def keep_suggestions() -> None:
    """Two of those that the console proposes; the others are there to be saved."""
    marketer = User.objects.get(username="marketer")
    for proposal in (CHAMPIONS, LAPSING):
        if not Segment.objects.filter(name=proposal.name).exists():
            definition.create(
                name=proposal.name, rules=proposal.rules, description=f"{proposal.definition}.", by=marketer
            )


GROWTH_DAYS = 60
# A line as if each had been asked every day: those of today's members who had come by then.
_GROWTH = """
INSERT INTO segments_sizepoint (segment_id, at, size, entered_count, left_count)
SELECT s.id, days.at, count(c.id), count(c.id) FILTER (WHERE c.created_at > days.at - interval '1 day'), 0
FROM segments_segment s
CROSS JOIN (SELECT now() - n * interval '1 day' AS at FROM generate_series(1, %(days)s) n) days
JOIN segments_membership m ON m.segment_id = s.id
LEFT JOIN contacts_contact c ON c.id = m.contact_id AND c.created_at <= days.at
GROUP BY s.id, days.at"""


def make_growth() -> None:
    with connection.cursor() as cursor:
        cursor.execute(_GROWTH, {"days": GROWTH_DAYS})
        cursor.execute("UPDATE segments_segment SET created_at = now() - %s * interval '1 day'", [GROWTH_DAYS])
