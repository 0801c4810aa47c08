"""Segments of the demo: one per kind of question that marketers ask."""

from typing import Any

from segments import definition
from segments.models import Segment
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
