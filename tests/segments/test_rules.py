"""What rules are refused, where the problem is said to be, and that hostile text reaches SQL only as a value."""

import contextlib
import json
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contacts.models import Contact
from segments import rules
from segments.rules import RuleError
from tests.segments.people import CATALOGUE, found, make_catalogue, names, person, rule

pytestmark = pytest.mark.django_db

HOSTILE = [
    "'; DROP TABLE contacts_contact; --", "%s", "%(x)s", "%", "100%", '"', "\\", "$.** ? (@ == 1)", "{}", "a->>'b'",
    "user__password__startswith", "__class__", "email__contains", "pk", "id", "c.email", "attribute:", "attribute:nope",
    "attribute:channel' = 'x' OR '1'='1", "attribute:channel:x", "consent:", "consent:fax", "consent:email'",
    "segment:1", "\ud800", "\x00", "ﬁ", "",
]  # fmt: skip


@pytest.fixture(autouse=True)
def catalogue() -> None:
    make_catalogue()


def problems(raw: Any) -> list[tuple[str, str]]:
    with pytest.raises(RuleError) as caught:
        rules.parse(raw)
    return [(problem.path, problem.message) for problem in caught.value.problems]


@pytest.mark.parametrize("pattern", ["^(a+)+$", "(a|a)*$", "(.*a){20}", "(a*)*b", "^(([a-z])+.)+[A-Z]([a-z])+$"])
def test_a_pattern_that_runs_for_ever_elsewhere_is_bounded(pattern: str) -> None:
    person("Ann", external_id="a" * 200, attributes={"channel": "a" * 5000 + "!"})
    began = time.perf_counter()
    with contextlib.suppress(RuleError):
        found(rule("attribute:channel", "matches", pattern))
        found(rule("external_id", "matches_any_case", pattern))
    assert time.perf_counter() - began < 5


def test_a_random_sample_holds_every_smaller_one_and_another_seed_is_another_order() -> None:
    Contact.objects.bulk_create(Contact(email=f"p{number}@example.com") for number in range(2000))
    ten, twenty = (found(rule("random_sample", "percent", percent)) for percent in (10, 20))
    assert ten < twenty
    assert 130 < len(ten) < 270
    assert found(rule("random_sample", "percent", 10)) == ten
    assert found(rule("random_sample", "between", [10, 20])) == twenty - ten
    other = found(rule("random_sample:'; --", "percent", 10))
    assert 2 < len(ten & other) < 60


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_field_name_is_refused_before_there_is_any_sql(name: str) -> None:
    [(path, message)] = problems(rule(name, "equals", "x"))
    assert path == ""
    assert message.startswith("There is no field")


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("field", ["email", "attribute:history", "tag", "created_at", "consent:email", "has_email"])
def test_a_hostile_operator_is_refused(field: str, name: str) -> None:
    [(_, message)] = problems(rule(field, name, "x"))
    assert "can't be compared by" in message


@pytest.mark.parametrize("value", [text for text in HOSTILE if text and text not in ("\ud800", "\x00")])
def test_a_hostile_value_is_a_value_and_finds_whoever_has_it(value: str) -> None:
    person("Ann", external_id=value, tags=[value[:60]], attributes={"channel": value, "brands": [value]})
    person("Bob", external_id="other", attributes={"channel": "other"})
    for field in ("external_id", "attribute:channel"):
        for operator in ("equals", "contains", "starts_with", "ends_with"):
            assert names(rule(field, operator, value)) == "Ann", (field, operator)
        assert names(rule(field, "one_of", [value])) == "Ann"
    assert names(rule("attribute:brands", "has", value)) == "Ann"
    assert names(rule("tag", "has", value[:60])) == "Ann"
    assert names({"event": value[:120], "operator": "did", "where": [rule_where(value)]}) == ""
    assert Contact.objects.count() == 2


def rule_where(value: str) -> dict[str, Any]:
    return {"property": value, "operator": "equals", "value": value}


@pytest.mark.parametrize("value", ["\x00", "a\x00b", "\ud800", "", None, 5, [], {}, "x" * 1001])
def test_a_text_that_can_not_be_stored_is_refused_with_a_sentence(value: Any) -> None:
    assert len(problems(rule("email", "equals", value))) == 1


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (rule("attribute:history", "greater_than", "many"), "Give a number."),
        (rule("attribute:history", "greater_than", True), "Give a number."),
        (rule("attribute:history", "greater_than", float("nan")), "too large"),
        (rule("attribute:history", "greater_than", "inf"), "too large"),
        (rule("attribute:history", "equals", 10**40), "too large"),
        (rule("attribute:history", "equals", 10**400), "too large"),
        (rule("attribute:history", "between", [2, 1]), "must not be greater"),
        (rule("attribute:history", "between", [1]), "two numbers"),
        (rule("attribute:birthday", "on", "2026-02-30"), "Give a date"),
        (rule("attribute:birthday", "on", "9999-12-31"), "Give a date"),
        (rule("attribute:birthday", "in_last_days", 0), "whole number"),
        (rule("attribute:birthday", "in_last_days", 1.5), "whole number"),
        (rule("attribute:newbie", "is", "perhaps"), "true or false"),
        (rule("tag", "has_any", []), "at least one"),
        (rule("tag", "has_any", ["x"] * 1001), "At most"),
        (rule("consent:email", "equals", "maybe"), "Choose one of"),
        (rule("email", "matches", "("), "can't be read"),
        (rule("email", "matches", "(a)\\1"), "can't refer back"),
        (rule("email", "matches", "(?=a)"), "can't refer back"),
        (rule("email", "matches", "***=a"), "can't refer back"),
        (rule("email", "matches", "((a{20}){20}){20}"), "multiply to at most"),
        (rule("email", "matches", "x" * 201), "at most 200"),
        (rule("email", "matches", ["a"]), "Give a text"),
        (rule("attribute:app", "at_least", "1'; --"), "Give a version"),
        (rule("attribute:app", "at_least", True), "Give a text"),
        (rule("attribute:app", "between", ["2.10", "2.9"]), "must not be greater"),
        (rule("attribute:app", "equals", "1." * 400), "Give a version"),
        (rule("attribute:home", "within_km", {"lat": 91, "lon": 0, "km": 1}), "from -90 to 90"),
        (rule("attribute:home", "within_km", {"lat": "1 OR 1", "lon": 0, "km": 1}), "Give a number"),
        (rule("attribute:home", "within_km", {"lat": 1, "lon": 0, "km": 1, "sql": 1}), "Give a latitude"),
        (rule("attribute:home", "within_km", [1, 2, 3]), "Give a latitude"),
        (rule("attribute:home", "country", "DE"), "at least one"),
        (rule("random_sample", "percent", 101), "from 0 to 100"),
        (rule("random_sample", "between", [5, 1]), "must not be greater"),
        (rule("random_sample:", "percent", 1), "There is no field"),
        (rule("random_sample:" + "x" * 61, "percent", 1), "There is no field"),
        (rule("random_sample:a\x00", "percent", 1), "There is no field"),
        (rule("attribute:birthday", "after", "2026-06-01T25:00:00"), "Give a date"),
        (rule("attribute:birthday", "after", "9999-06-01T00:00:00"), "Give a date"),
        (rule("attribute:birthday", "after", "0001-01-01T00:00:00+23:59"), "Give a date"),
        (rule("attribute:birthday", "anniversary_in_next_days", 367), "whole number"),
        (rule("attribute:birthday", "in_month", 13), "whole number"),
        (rule("spending_level", "equals", "rich"), "Choose one of"),
        (rule("segment", "in", "00000000-0000-0000-0000-000000000000"), "Choose one of"),
        (rule("email", "is_empty", "x"), "takes no value"),
        (rule("has_email", "is_empty"), "can't be compared"),
        (rule("email", "equals", "x") | {"sql": "1"}, "has no “sql”"),
        ({"event": "purchase", "operator": "often"}, "how often"),
        ({"event": "purchase", "operator": "at_least"}, "Give a number"),
        ({"event": "purchase", "operator": "at_least", "times": 0}, "whole number"),
        ({"event": "purchase", "within_days": 3, "between": ["2026-01-01", "2026-01-02"]}, "not for both"),
        ({"event": "purchase", "where": [{"property": "a", "operator": "has", "value": "x"}]}, "can be compared by"),
        ({"event": "purchase", "where": [{"property": "a", "type": "sql", "value": 1}]}, "as text or as number"),
        ({"event": "purchase", "where": {"a": 1}}, "a list"),
        ({"event": "x" * 121}, "at most 120"),
        ({"event": 5}, "Give a text"),
        ({"all": [], "any": []}, "A group is"),
        ({"all": {}}, "A group is"),
        ({"everyone": []}, "A group is"),
        ({}, "A group is"),
        ([], "A rule is an object"),
        ("1 = 1", "A rule is an object"),
        (None, "A rule is an object"),
        ({"not": None}, "A rule is an object"),
        ({"field": {"a": 1}, "operator": ["x"]}, "There is no field"),
    ],
    ids=str,
)  # fmt: skip
def test_a_wrong_rule_is_refused_with_a_sentence_that_says_why(asked: Any, said: str) -> None:
    [(_, message)] = problems(asked)
    assert said in message


def test_every_wrong_rule_is_named_with_its_place() -> None:
    tree = {"all": [rule("email", "is_filled"), {"any": [rule("nope", "x"), {"not": rule("tag", "has", 5)}]}]}
    assert [path for path, _ in problems(tree)] == ["/all/1/any/0", "/all/1/any/1/not"]


@pytest.mark.parametrize("word", ["all", "any", "not"])
def test_ten_thousand_levels_are_refused_at_once(word: str) -> None:
    tree: Any = rule("email", "is_filled")
    for _ in range(10_000):
        tree = {word: tree if word == "not" else [tree]}
    began = time.perf_counter()
    [(_, message)] = problems(tree)
    assert message == "The rules are nested more than 20 levels deep."
    assert time.perf_counter() - began < 0.5


def test_ten_thousand_levels_of_text_are_refused_too() -> None:
    with pytest.raises(RuleError, match="nested more than 20 levels"):
        rules.loads('{"not":' * 10_000 + "{}" + "}" * 10_000)
    with pytest.raises(RuleError):
        rules.parse({"field": "email", "operator": "equals", "value": json.loads("[" * 900 + "]" * 900)})


def test_twenty_levels_and_five_hundred_rules_are_allowed_and_one_more_is_not() -> None:
    deep: Any = rule("email", "is_filled")
    for _ in range(19):
        deep = {"all": [deep]}
    assert found(deep) == set()
    assert "20 levels" in problems({"all": [deep]})[0][1]
    assert found({"any": [rule("first_name", "equals", "Ann")] * 499}) == set()
    assert "at most 500" in problems({"any": [rule("first_name", "equals", "Ann")] * 500})[0][1]


def test_text_that_is_not_json_is_refused() -> None:
    for text in ("", "{", "NaN", '{"all": [NaN]}', "[" * 100_000):
        with pytest.raises(RuleError):
            rules.loads(text)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(HOSTILE),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.sampled_from(
        ["all", "any", "not", "field", "operator", "value", "event", "times", "within_days", "between", "where"],
    ), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip
plausible = st.fixed_dictionaries({
    "field": st.sampled_from(["email", "tag", "created_at", "segment", *(f"attribute:{key}" for key in CATALOGUE)]),
    "operator": st.sampled_from(["equals", "contains", "between", "has_any", "is", "on", "in_last_days", ">"]),
    "value": anything,
})  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=anything | plausible | st.fixed_dictionaries({"event": anything, "operator": anything, "where": anything}))
def test_whatever_comes_in_is_either_refused_or_runs(raw: Any) -> None:
    with contextlib.suppress(RuleError):
        found(raw)


def test_the_compiled_question_holds_no_value_in_its_text() -> None:
    tree = {
        "all": [rule("attribute:channel", "equals", "SECRET"), {"event": "SECRET", "where": [rule_where("SECRET")]}]
    }
    sql, params = rules.compile(tree)
    assert "SECRET" not in sql
    assert sql.count("%s") == len(params)
    assert sql.startswith("SELECT c.id FROM contacts_contact c WHERE")
