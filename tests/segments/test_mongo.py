"""Rules in Mongo's style find whom they name, and what can't be understood is refused at its place."""

import contextlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contacts.models import AttributeDefinition, Contact
from segments import mongo, rules
from segments.models import Segment
from segments.rules import RuleError
from team.models import User
from tests.segments.people import did, found, make_catalogue, names, person, rule

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def people() -> None:
    make_catalogue()
    AttributeDefinition.objects.create(key="isActive", label="Active", type="boolean")
    AttributeDefinition.objects.create(key="location", label="Location", type="text")
    ann = person("Ann", tags=["vip"], attributes={
        "isActive": True, "location": "Berlin", "history": 100, "brands": ["north", "peak"], "app": "2.10",
    })  # fmt: skip
    person("Bob", attributes={
        "isActive": True, "location": "berlin", "history": 200, "brands": ["peak"], "app": "2.9",
    })  # fmt: skip
    person("Cem", attributes={"isActive": False, "location": "Bern"})
    Contact.objects.filter(first_name="Ann").update(created_at=datetime(2024, 1, 1, tzinfo=UTC))
    Contact.objects.filter(first_name="Bob").update(created_at=datetime(2023, 12, 31, 23, tzinfo=UTC))
    did(ann, "purchase", NOW, amount=5)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"AND": [{"isActive": True}, {"location": {"$regex": "^Ber"}}, {"createdAt": {"$gte": "2024-01-01"}}]}, "Ann"),
        ({"isActive": True}, "Ann Bob"),
        ({"isActive": {"$ne": True}}, "Cem"),
        ({"isActive": True, "location": "Berlin"}, "Ann"),
        ({"location": {"$regex": "^berlin$", "$options": "i"}}, "Ann Bob"),
        ({"location": {"$in": ["Bern", "Berlin"]}}, "Ann Cem"),
        ({"location": {"$nin": ["Bern", "Berlin"]}}, "Bob"),
        ({"history": {"$gt": 100, "$lte": 200}}, "Bob"),
        ({"history": {"$in": [100, 200.0]}}, "Ann Bob"),
        ({"history": {"$exists": False}}, "Cem"),
        ({"history": None}, "Cem"),
        ({"history": {"$not": {"$gt": 100}}}, "Ann Cem"),
        ({"attributes.history": 100}, "Ann"),
        ({"firstName": "Ann"}, "Ann"),
        ({"first_name": {"$ne": "Ann"}}, "Bob Cem"),
        ({"tags": "vip"}, "Ann"),
        ({"brands": {"$all": ["north", "peak"]}}, "Ann"),
        ({"brands": ["peak"]}, "Ann Bob"),
        ({"brands": {"$in": ["north"]}}, "Ann"),
        ({"app": {"$gte": "2.10"}}, "Ann"),
        ({"createdAt": {"$lt": "2023-12-31T23:00:01Z"}}, "Bob"),
        ({"createdAt": {"$gt": "2024-01-01T00:00:00.000Z"}}, "Cem"),
        ({"$or": [{"location": "Bern"}, {"tags": "vip"}]}, "Ann Cem"),
        ({"$nor": [{"location": "Bern"}, {"tags": "vip"}]}, "Bob"),
        ({"NOT": {"isActive": True}}, "Cem"),
        ({"AND": [{"isActive": True}, {"event": "purchase", "operator": "did"}]}, "Ann"),
        ({"AND": [{"OR": [{"isActive": False}, rule("tag", "has", "vip")]}, {"location": {"$ne": "x"}}]}, "Ann Cem"),
    ],
    ids=json.dumps,
)  # fmt: skip
def test_a_query_in_mongos_style_finds_exactly_whom_it_names(query: dict, expected: str) -> None:
    assert names(mongo.translated(query)) == expected


def test_rules_of_our_own_form_come_back_as_they_are() -> None:
    for tree in ({"all": []}, rule("email", "is_filled"), {"event": "x"}, {"not": {}}, None, [], "x", {}):
        assert mongo.translated(tree) is tree


@pytest.mark.parametrize(
    ("query", "path", "said"),
    [
        ({"nobody": 1}, "/nobody", "There is no field"),
        ({"AND": [{"isActive": True}, {"password": "x"}]}, "/AND/1/password", "There is no field"),
        ({"$where": "sleep(1000)"}, "/$where", "There is no “$where”"),
        ({"location": {"$function": {"body": "x"}}}, "/location/$function", "can't be compared by"),
        ({"location": {"$gt": 5}}, "/location/$gt", "can't be compared by"),
        ({"location": {"$regex": "x", "$options": "gs"}}, "/location/$regex", "only option"),
        ({"AND": {}}, "/AND", "A group is a list"),
        ({"AND": [5]}, "/AND/0", "A query is an object"),
        ({"NOT": []}, "/NOT", "A query is an object"),
    ],
    ids=str,
)
def test_what_can_not_be_understood_is_refused_at_its_place(query: dict, path: str, said: str) -> None:
    with pytest.raises(RuleError) as caught:
        mongo.translated(query)
    [problem] = caught.value.problems
    assert problem.path == path
    assert said in problem.message


def test_nesting_without_end_is_refused_before_anything_goes_into_it() -> None:
    query: Any = {"isActive": True}
    for _ in range(10_000):
        query = {"AND": [query]}
    with pytest.raises(RuleError, match="nested more than"):
        mongo.translated(query)
    with pytest.raises(RuleError, match="at most 500"):
        mongo.translated({"location": {"$in": ["x"] * 10_000}})


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.text() | st.sampled_from([
            "AND", "$or", "$not", "NOT", "$nor", "$eq", "$ne", "$in", "$nin", "$regex", "$options", "$gte", "$exists",
            "isActive", "location", "createdAt", "brands", "home", "event", "field", "tags", "randomSample",
        ]), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=anything)
def test_whatever_comes_in_is_either_refused_or_runs(raw: Any) -> None:
    with contextlib.suppress(RuleError):
        tree = mongo.translated(raw)
        rules.parse(tree)
        found(tree)


def test_the_console_and_the_api_take_it_and_keep_our_tree(editor: User, client: Client) -> None:
    query = {"AND": [{"isActive": True}, {"location": {"$regex": "^Ber"}}]}
    tree = {"all": [rule("attribute:isActive", "is", True), rule("attribute:location", "matches", "^Ber")]}
    client.force_login(editor)
    form = {"name": "By form", "description": "", "kind": "dynamic", "rules": json.dumps(query)}
    assert client.post("/admin/segments/segment/add/", form).status_code == 302
    assert Segment.objects.get(name="By form").rules == tree
    body = {"name": "By API", "rules": query}
    answer = client.post("/api/segments", body, content_type="application/json")
    assert (answer.status_code, answer.json()["rules"], answer.json()["size"]) == (201, tree, 1)
    answer = client.post("/api/segments/preview", {"rules": {"nobody": 1}}, content_type="application/json")
    assert answer.status_code == 400
    assert "/nobody" in json.dumps(answer.json())
