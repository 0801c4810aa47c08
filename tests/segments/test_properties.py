"""Random rules on random people: SQL agrees with a slow evaluator written here, and the explanation with both."""

import hashlib
import math
import re
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contacts.models import Contact
from events.models import Event
from segments import estimate, membership
from segments.explanation import Answer
from segments.rules import parse
from tests.segments.people import found, make_catalogue

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
WORDS = ["Web", "web", "We", "phone", "50%", "a_b", "\\", "'; --", "ü", ""]
NUMBERS = [-1, 0, 0.1, 1, 2.5, 200, 10**12]
DAYS = ["2026-06-01", "2026-06-14", "2026-06-15", "2026-06-16", "1990-02-28", "2000-02-29", "2024-06-16"]
PLACES = [{"lat": 52.52, "lon": 13.405, "country": "DE", "city": "Berlin"}, {"lat": -34, "lon": 151}, {"country": "FR"}]
ANYTHING = st.one_of(
    st.sampled_from(WORDS), st.sampled_from(NUMBERS), st.sampled_from(DAYS), st.booleans(), st.none(),
    st.lists(st.sampled_from(WORDS[:4]), max_size=3),
)  # fmt: skip

TEXT_FIELDS = {
    "attribute:channel": lambda p: _of(str, p["attributes"].get("channel")),
    "first_name": lambda p: p["first_name"],
}
filled_words = st.sampled_from([word for word in WORDS if word])


def _of(kind: Any, value: Any) -> Any:
    """The value if it is of that type; anything else counts as empty."""
    return value if isinstance(value, kind) and not (kind is not bool and isinstance(value, bool)) else None


def _is_date(text: Any) -> bool:
    try:
        return isinstance(text, str) and len(text) == 10 and bool(date.fromisoformat(text))
    except ValueError:
        return False


# --- The slow evaluator --------------------------------------------------------------------------------------------


def holds(rule: dict, person: dict) -> bool:
    if "all" in rule:
        return all(holds(child, person) for child in rule["all"])
    if "any" in rule:
        return any(holds(child, person) for child in rule["any"])
    if "not" in rule:
        return not holds(rule["not"], person)
    if "event" in rule:
        return _did(rule, person)
    operator, value = rule["operator"], rule.get("value")
    if rule["field"] in TEXT_FIELDS:
        return _text(TEXT_FIELDS[rule["field"]](person) or "", operator, value)
    if rule["field"] == "attribute:history":
        return _number(_of((int, float), person["attributes"].get("history")), operator, value)
    if rule["field"] == "attribute:birthday":
        day = person["attributes"].get("birthday")
        return _date(date.fromisoformat(day) if _is_date(day) else None, operator, value)
    if rule["field"] == "random_sample":
        return _sample(person["uuid"], operator, value)
    if rule["field"] == "attribute:app":
        return _version(person["attributes"].get("app"), operator, value)
    if rule["field"] == "attribute:home":
        return _place(_of(dict, person["attributes"].get("home")), operator, value)
    if rule["field"] == "attribute:newbie":
        mine = _of(bool, person["attributes"].get("newbie"))
        return {"is": mine is value, "is_empty": mine is None, "is_filled": mine is not None}[operator]
    mine = person["tags"] if rule["field"] == "tag" else _of(list, person["attributes"].get("brands")) or []
    return _list(mine, operator, value)


def _text(mine: str, operator: str, value: Any) -> bool:
    low, wanted = mine.lower(), value.lower() if isinstance(value, str) else ""
    return {
        "equals": lambda: mine == value, "not_equals": lambda: mine != value,
        "contains": lambda: wanted in low and mine != "", "not_contains": lambda: wanted not in low,
        "starts_with": lambda: low.startswith(wanted), "ends_with": lambda: low.endswith(wanted),
        "is_any_case": lambda: low == wanted != "", "matches": lambda: mine != "" and bool(re.search(value, mine)),
        "not_matches": lambda: not (mine != "" and re.search(value, mine)),
        "matches_any_case": lambda: mine != "" and bool(re.search(value, mine, re.IGNORECASE)),
        "one_of": lambda: mine in value, "none_of": lambda: mine not in value,
        "is_empty": lambda: mine == "", "is_filled": lambda: mine != "",
    }[operator]()  # fmt: skip


def _number(mine: Any, operator: str, value: Any) -> bool:
    if operator in ("is_empty", "not_equals", "is_filled"):
        return {"is_empty": mine is None, "is_filled": mine is not None, "not_equals": mine != value}[operator]
    if operator == "not_between":
        return not _number(mine, "between", value)
    return mine is not None and {
        "equals": lambda: mine == value, "less_than": lambda: mine < value, "at_most": lambda: mine <= value,
        "greater_than": lambda: mine > value, "at_least": lambda: mine >= value,
        "between": lambda: value[0] <= mine <= value[1],
    }[operator]()  # fmt: skip


def _date(mine: date | None, operator: str, value: Any) -> bool:
    if mine is None or operator in ("is_empty", "is_filled"):
        return (mine is None) == (operator == "is_empty") if operator in ("is_empty", "is_filled") else False
    today = NOW.date()
    day = date.fromisoformat(value) if isinstance(value, str) else None
    return {
        "before": lambda: mine < day, "after": lambda: mine > day, "on": lambda: mine == day,
        "between": lambda: date.fromisoformat(value[0]) <= mine <= date.fromisoformat(value[1]),
        "in_last_days": lambda: today - timedelta(days=value) <= mine <= today,
        "more_than_days_ago": lambda: mine < today - timedelta(days=value),
        "on_or_before": lambda: mine <= day, "on_or_after": lambda: mine >= day,
        "in_next_days": lambda: today <= mine <= today + timedelta(days=value),
        "more_than_days_ahead": lambda: mine > today + timedelta(days=value),
        "years_ago_at_least": lambda: _kept_in(mine, mine.year + value) <= today,
        "years_ago_less_than": lambda: mine <= today < _kept_in(mine, mine.year + value),
        "anniversary_today": lambda: _anniversary(mine, today, today),
        "anniversary_in_next_days": lambda: _anniversary(mine, today, today + timedelta(days=value)),
        "anniversary_in_last_days": lambda: _anniversary(mine, today - timedelta(days=value), today),
        "in_month": lambda: mine.month == value,
    }[operator]()  # fmt: skip


def _list(mine: list, operator: str, value: Any) -> bool:
    return {
        "has": lambda: value in mine, "has_not": lambda: value not in mine,
        "has_any": lambda: bool(set(mine) & set(value)), "has_none": lambda: not set(mine) & set(value),
        "has_at_least": lambda: len(mine) >= value, "has_at_most": lambda: len(mine) <= value,
        "has_all": lambda: set(value) <= set(mine), "is_empty": lambda: not mine, "is_filled": lambda: bool(mine),
    }[operator]()  # fmt: skip


def _kept_in(day: date, year: int) -> date:
    """When the date is kept in that year."""
    try:
        return day.replace(year=year)
    except ValueError:
        return date(year, 2, 28)


def _anniversary(day: date, first: date, last: date) -> bool:
    days = (first + timedelta(days=step) for step in range((last - first).days + 1))
    return day < first and any(_kept_in(day, one.year) == one for one in days)


def _version(mine: Any, operator: str, value: Any) -> bool:
    is_version = isinstance(mine, str) and re.fullmatch(r"\d+(\.\d+)*(-.*)?", mine)
    parts = _parts(mine) if is_version else None
    if operator == "between":
        return parts is not None and _parts(value[0]) <= parts <= _parts(value[1])
    return _number(parts, operator, _parts(value) if value else None)


def _parts(version: str) -> list[int]:
    numbers, dash, _ = version.partition("-")
    return [*map(int, numbers.split(".")), 0, 0, 0, 0, 0][:6] + [-1 if dash else 0]


def _place(mine: dict | None, operator: str, value: Any) -> bool:
    mine = mine or {}
    if operator in ("is_empty", "is_filled"):
        return bool(mine) == (operator == "is_filled")
    if operator in ("country", "not_country", "city"):
        said = str(mine.get(operator.removeprefix("not_"), "")).lower() in [word.lower() for word in value]
        return said != operator.startswith("not_")
    if "lat" not in mine:
        return operator == "not_within_km"
    a, b, c, d = map(math.radians, (mine["lat"], mine["lon"], value["lat"], value["lon"]))
    cosine = math.sin(a) * math.sin(c) + math.cos(a) * math.cos(c) * math.cos(b - d)
    return (6371 * math.acos(min(1, cosine)) <= value["km"]) == (operator == "within_km")


def _sample(uuid: Any, operator: str, value: Any) -> bool:
    position = int(hashlib.md5(f":{uuid}".encode(), usedforsecurity=False).hexdigest()[:12], 16) * 100 / 2**48
    if operator == "between":
        return value[0] <= position < value[1]
    return (position < value) == (operator == "percent")


def _did(rule: dict, person: dict) -> bool:
    events = [event for event in person["events"] if _counts(event, rule)]
    if rule["operator"] in FIGURES or rule["operator"] in ("first_time", "last_time"):
        return _figure(rule, events)
    count, times = len(events), rule.get("times", 0)
    return {"did": count > 0, "did_not": count == 0, "at_least": count >= times, "at_most": count <= times,
            "exactly": count == times}[rule["operator"]]  # fmt: skip


def _counts(event: dict, rule: dict) -> bool:
    return (
        event["name"] == rule["event"]
        and ("within_days" not in rule or event["at"] >= NOW - timedelta(days=rule["within_days"]))
        and ("before_days" not in rule or event["at"] < NOW - timedelta(days=rule["before_days"]))
        and ("within_hours" not in rule or event["at"] >= NOW - timedelta(hours=rule["within_hours"]))
        and all(_number(_of((int, float), event["properties"].get(w["property"])), w["operator"], w["value"])
                for w in rule.get("where", []))
    )  # fmt: skip


FIGURES: dict[str, Any] = {"sum": sum, "average": lambda some: sum(some) / len(some), "smallest": min, "largest": max}


def _figure(rule: dict, events: list[dict]) -> bool:
    if rule["operator"] in FIGURES:
        numbers = [_of((int, float), event["properties"].get(rule["property"])) for event in events]
        some = [Fraction(str(number)) for number in numbers if number is not None]
        figure = FIGURES[rule["operator"]](some) if some else 0 if rule["operator"] == "sum" else None
        value = rule.get("value")
        exact = [Fraction(str(one)) for one in value] if isinstance(value, list) else Fraction(str(value or 0))
        return _number(figure, rule["is"], exact)
    moments = [event["at"] for event in events]
    if not moments:
        return rule["is"] == "is_empty"
    moment, value = (min if rule["operator"] == "first_time" else max)(moments), rule.get("value")
    return {
        "is_empty": lambda: False,
        "in_last_days": lambda: NOW - timedelta(days=value) <= moment <= NOW,
        "more_than_days_ago": lambda: moment < NOW - timedelta(days=value),
        "on_or_after": lambda: moment.date() >= date.fromisoformat(value),
    }[rule["is"]]()


# --- Random rules and people ---------------------------------------------------------------------------------------


def _rules_of(fields: list[str], shapes: dict[str, Any]) -> st.SearchStrategy:
    choices = [
        st.builds(lambda f, o, v: {"field": f, "operator": o} | ({} if v is None else {"value": v}),
                  st.sampled_from(fields), st.just(operator), value)
        for operator, value in shapes.items()
    ]  # fmt: skip
    return st.one_of(choices)


_several = st.lists(filled_words, min_size=1, max_size=12, unique=True)
_tags = st.lists(st.sampled_from(WORDS[:4]), min_size=1, max_size=3, unique=True)
_number_value = st.sampled_from(NUMBERS)
_pair = st.tuples(_number_value, _number_value).map(sorted)
_days = st.tuples(st.sampled_from(DAYS), st.sampled_from(DAYS)).map(sorted)
_count = st.integers(1, 20)
_version_value = st.sampled_from(["1", "2.9", "2.10", "2.10.0", "2.10-rc.1", "10.0"])
_emptiness = {"is_empty": st.none(), "is_filled": st.none()}
LEAVES = st.one_of(
    _rules_of(
        list(TEXT_FIELDS),
        dict.fromkeys(
            ["equals", "not_equals", "contains", "not_contains", "starts_with", "ends_with", "is_any_case"],
            filled_words,
        )
        | dict.fromkeys(
            ["matches", "not_matches", "matches_any_case"],
            st.sampled_from(["^W", "e", "^(Web|phone)$", "[0-9]%", "a_b|ü", "^.{3,5}$"]),
        )
        | {"one_of": _several, "none_of": _several}
        | _emptiness,
    ),
    _rules_of(
        ["attribute:history"],
        dict.fromkeys(
            ["equals", "not_equals", "less_than", "at_most", "greater_than", "at_least"],
            _number_value,
        )
        | {"between": _pair, "not_between": _pair}
        | _emptiness,
    ),
    _rules_of(
        ["attribute:app"],
        dict.fromkeys(["equals", "not_equals", "less_than", "at_most", "greater_than", "at_least"], _version_value)
        | {"between": st.tuples(_version_value, _version_value).map(lambda pair: sorted(pair, key=_parts))}
        | _emptiness,
    ),
    _rules_of(
        ["attribute:home"],
        dict.fromkeys(
            ["within_km", "not_within_km"],
            st.builds(
                lambda place, km: {"lat": place[0], "lon": place[1], "km": km},
                st.sampled_from([(52.52, 13.405), (-33.87, 151.21), (0.0, 180.0)]),
                st.sampled_from([10, 300, 9000, 20000]),
            ),
        )
        | dict.fromkeys(
            ["country", "not_country", "city"],
            st.lists(st.sampled_from(["de", "DE", "FR", "Berlin"]), min_size=1, max_size=2, unique=True),
        )
        | _emptiness,
    ),
    _rules_of(
        ["random_sample"],
        dict.fromkeys(["percent", "not_percent"], st.integers(0, 100))
        | {"between": st.tuples(st.integers(0, 100), st.integers(0, 100)).map(sorted)},
    ),
    _rules_of(
        ["attribute:birthday"],
        dict.fromkeys(["before", "after", "on", "on_or_before", "on_or_after"], st.sampled_from(DAYS))
        | dict.fromkeys(
            ["in_next_days", "more_than_days_ahead", "anniversary_in_next_days", "anniversary_in_last_days"], _count
        )
        | {
            "anniversary_today": st.none(),
            "in_month": st.integers(1, 12),
            "years_ago_at_least": st.integers(0, 40),
            "years_ago_less_than": st.integers(1, 40),
        }
        | {
            "between": _days,
            "in_last_days": _count,
            "more_than_days_ago": _count,
        }
        | _emptiness,
    ),
    _rules_of(["attribute:newbie"], {"is": st.booleans()} | _emptiness),
    _rules_of(
        ["tag", "attribute:brands"],
        dict.fromkeys(["has", "has_not"], st.sampled_from(WORDS[:4]))
        | dict.fromkeys(["has_at_least", "has_at_most"], st.integers(0, 3))
        | dict.fromkeys(
            ["has_any", "has_all", "has_none"],
            _tags,
        )
        | _emptiness,
    ),
    st.fixed_dictionaries(
        {"event": st.sampled_from(["purchase", "view"]), "operator": st.sampled_from(["did", "did_not"])},
        optional={"within_days": st.integers(5, 20), "before_days": st.integers(1, 4)},
    ),
    st.fixed_dictionaries(
        {
            "event": st.just("purchase"),
            "operator": st.sampled_from(list(FIGURES)),
            "property": st.just("amount"),
            "is": st.sampled_from(["equals", "not_equals", "less_than", "at_most", "greater_than", "at_least"]),
            "value": _number_value,
        },
        optional={"within_hours": st.integers(1, 200)},
    ),
    st.fixed_dictionaries(
        {
            "event": st.just("purchase"),
            "operator": st.sampled_from(list(FIGURES)),
            "property": st.just("amount"),
            "is": st.sampled_from(["between", "not_between"]),
            "value": _pair,
        },
        optional={"before_days": st.integers(1, 9)},
    ),
    st.builds(
        lambda operator, asked: {"event": "purchase", "operator": operator} | asked,
        st.sampled_from(["first_time", "last_time"]),
        st.one_of(
            st.just({"is": "is_empty"}),
            st.builds(
                lambda how, days: {"is": how, "value": days},
                st.sampled_from(["in_last_days", "more_than_days_ago"]),
                _count,
            ),
            st.builds(lambda day: {"is": "on_or_after", "value": day}, st.sampled_from(DAYS)),
        ),
    ),
    st.fixed_dictionaries(
        {
            "event": st.just("purchase"),
            "operator": st.sampled_from(["at_least", "at_most", "exactly"]),
            "times": st.integers(1, 3),
        },
        optional={
            "within_days": _count,
            "where": st.lists(
                st.fixed_dictionaries(
                    {
                        "property": st.just("amount"),
                        "operator": st.sampled_from(["equals", "greater_than", "not_equals"]),
                        "value": _number_value,
                    }
                ),
                max_size=2,
            ),
        },
    ),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda children: {"all": children}, st.lists(inner, max_size=3)),
        st.builds(lambda children: {"any": children}, st.lists(inner, max_size=3)),
        st.builds(lambda child: {"not": child}, inner),
    ),
    max_leaves=6,
)
EVENTS = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["purchase", "view"]),
        "at": st.integers(0, 30).map(lambda days: NOW - timedelta(days=days, hours=1)),
        "properties": st.dictionaries(st.just("amount"), ANYTHING, max_size=1),
    }
)
PEOPLE = st.lists(
    st.fixed_dictionaries(
        {
            "first_name": st.sampled_from(WORDS),
            "tags": st.lists(st.sampled_from(WORDS[:4]), max_size=2, unique=True),
            "uuid": st.uuids(),
            "attributes": st.builds(
                lambda odd, even: odd | even,
                st.dictionaries(
                    st.sampled_from(["channel", "history", "newbie", "birthday", "brands", "app", "home"]), ANYTHING
                ),
                st.fixed_dictionaries(
                    {},
                    optional={
                        "app": st.sampled_from(["2.10", "2.9.1", "2.10-rc.2", "1.0.0"]),
                        "home": st.sampled_from(PLACES),
                        "birthday": st.sampled_from(DAYS),
                        "channel": filled_words,
                    },
                ),
            ),
            "events": st.lists(EVENTS, max_size=3),
        }
    ),
    min_size=1,
    max_size=6,
)


@pytest.mark.django_db
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(people=PEOPLE, rules=TREES)
def test_sql_agrees_with_a_slow_evaluator_and_the_explanation_with_both(people: list[dict], rules: dict) -> None:
    make_catalogue()
    Contact.objects.all().delete()
    rows = Contact.objects.bulk_create(
        [Contact(**{key: person[key] for key in ("uuid", "first_name", "tags", "attributes")}) for person in people]
    )
    Event.objects.bulk_create(
        Event(name=event["name"], occurred_at=event["at"], contact_id=row.pk, properties=event["properties"])
        for row, person in zip(rows, people, strict=True)
        for event in person["events"]
    )
    expected = {row.pk for row, person in zip(rows, people, strict=True) if holds(rules, person)}
    assert found(rules, NOW) == expected
    assert found({"not": rules}, NOW) == {row.pk for row in rows} - expected
    with connection.cursor() as cursor:  # so few people are all drawn, so what is told from a sample is the count
        told = estimate.of(cursor, parse(rules), NOW, base=len(rows), some=9)
    assert (told.size, told.some) == (len(expected), sorted(expected))
    for row, person in zip(rows, people, strict=True):
        _agrees(membership.explain_rules(rules, row, now=NOW), rules, person)


def _agrees(answer: Answer, rule: dict, person: dict) -> None:
    """Every node of the explanation says what the slow evaluator says of that node."""
    assert answer.holds == holds(rule, person), (answer, rule)
    below = rule.get("all") or rule.get("any") or ([rule["not"]] if "not" in rule else [])
    for child, child_rule in zip(answer.children, below, strict=True):
        _agrees(child, child_rule, person)
