"""Every operator on every kind of value, missing and mistyped ones included."""

from datetime import UTC, datetime, timedelta

import pytest

from contacts import consent, suppression
from contacts.models import Contact
from segments import fields, operators
from tests.segments.people import did, found, make_catalogue, names, person, rule, segment

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def people() -> None:
    make_catalogue()
    person("Ann", last_name="Frost", locale="de", tags=["vip", "shop"], attributes={
        "channel": "Web", "history": 142.44, "newbie": True, "birthday": "1990-05-31",
        "renewed": "2026-06-10T10:00:00+02:00", "brands": ["north", "peak"], "app": "2.10.1",
        "home": {"lat": 52.52, "lon": 13.405, "city": "Berlin", "country": "DE"},
    })  # fmt: skip
    person("Bob", email=None, phone="+4915112345678", tags=["shop"], attributes={
        "channel": "Phone", "history": 329, "newbie": False, "birthday": "2026-06-01", "renewed": "2026-05-01T00:00:00",
        "brands": ["peak"], "app": "v2.9", "home": {"lat": 53.551, "lon": 9.993, "city": "Hamburg", "country": "DE"},
    })  # fmt: skip
    person("Cem", external_id="C%7_", attributes={"channel": "", "history": "200", "newbie": "true", "birthday": "soon",
                                                   "renewed": "now", "brands": "peak", "app": "soon",
                                                   "home": {"lat": "52", "lon": True, "city": 5}})  # fmt: skip
    person("Dee", attributes={"channel": None, "history": None, "brands": [], "app": "2.10.1-rc.1", "home": {
        "country": "FR", "city": "Paris"}})  # fmt: skip
    person("Eve", erased_at=NOW)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (rule("first_name", "equals", "Ann"), "Ann"),
        (rule("first_name", "equals", "ann"), ""),
        (rule("first_name", "not_equals", "Ann"), "Bob Cem Dee"),
        (rule("email", "equals", "ANN@example.com"), "Ann"),
        (rule("email", "one_of", ["Ann@example.com", "dee@example.com"]), "Ann Dee"),
        (rule("email", "none_of", ["ann@example.com"]), "Bob Cem Dee"),
        (rule("email", "contains", "@EXAMPLE"), "Ann Cem Dee"),
        (rule("email", "not_contains", "@example"), "Bob"),
        (rule("email", "starts_with", "ce"), "Cem"),
        (rule("email", "ends_with", ".com"), "Ann Cem Dee"),
        (rule("email", "is_empty"), "Bob"),
        (rule("email", "is_filled"), "Ann Cem Dee"),
        (rule("external_id", "contains", "%7_"), "Cem"),
        (rule("external_id", "contains", "7%"), ""),
        (rule("last_name", "starts_with", "FRO"), "Ann"),
        (rule("phone", "starts_with", "+49"), "Bob"),
        (rule("locale", "is_empty"), "Bob Cem Dee"),
        (rule("attribute:channel", "equals", "Web"), "Ann"),
        (rule("attribute:channel", "not_equals", "Web"), "Bob Cem Dee"),
        (rule("attribute:channel", "contains", "O"), "Bob"),
        (rule("attribute:channel", "one_of", ["Web", "Phone"]), "Ann Bob"),
        (rule("attribute:channel", "one_of", ["Web", *"abcdefghij"]), "Ann"),
        (rule("attribute:channel", "is_filled"), "Ann Bob"),
        (rule("attribute:channel", "is_empty"), "Cem Dee"),
        (rule("attribute:history", "equals", 329), "Bob"),
        (rule("attribute:history", "equals", 329.0), "Bob"),
        (rule("attribute:history", "not_equals", 329), "Ann Cem Dee"),
        (rule("attribute:history", "greater_than", 142.44), "Bob"),
        (rule("attribute:history", ">", "142.43"), "Ann Bob"),
        (rule("attribute:history", "at_least", 142.44), "Ann Bob"),
        (rule("attribute:history", "less_than", 329), "Ann"),
        (rule("attribute:history", "≤", 329), "Ann Bob"),
        (rule("attribute:history", "between", [142.44, 200]), "Ann"),
        (rule("attribute:history", "is_filled"), "Ann Bob"),
        (rule("attribute:history", "is_empty"), "Cem Dee"),
        (rule("attribute:newbie", "is", True), "Ann"),
        (rule("attribute:newbie", "is", False), "Bob"),
        (rule("attribute:newbie", "is_empty"), "Cem Dee"),
        (rule("attribute:birthday", "before", "2026-06-01"), "Ann"),
        (rule("attribute:birthday", "after", "1990-05-31"), "Bob"),
        (rule("attribute:birthday", "on", "1990-05-31"), "Ann"),
        (rule("attribute:birthday", "between", ["1990-01-01", "1990-05-31"]), "Ann"),
        (rule("attribute:birthday", "in_last_days", 14), "Bob"),
        (rule("attribute:birthday", "in_last_days", 13), ""),
        (rule("attribute:birthday", "more_than_days_ago", 14), "Ann"),
        (rule("attribute:birthday", "is_empty"), "Cem Dee"),
        (rule("attribute:renewed", "on", "2026-06-10"), "Ann"),
        (rule("attribute:renewed", "before", "2026-06-10"), "Bob"),
        (rule("attribute:renewed", "after", "2026-06-09"), "Ann"),
        (rule("attribute:renewed", "in_last_days", 6), "Ann"),
        (rule("attribute:renewed", "more_than_days_ago", 6), "Bob"),
        (rule("attribute:renewed", "is_filled"), "Ann Bob"),
        (rule("attribute:brands", "has", "peak"), "Ann Bob"),
        (rule("attribute:brands", "has_not", "peak"), "Cem Dee"),
        (rule("attribute:brands", "has_any", ["north", "south"]), "Ann"),
        (rule("attribute:brands", "has_any", ["north", *"abcdefghij"]), "Ann"),
        (rule("attribute:brands", "has_all", ["north", "peak"]), "Ann"),
        (rule("attribute:brands", "has_none", ["north"]), "Bob Cem Dee"),
        (rule("attribute:brands", "is_empty"), "Cem Dee"),
        (rule("tag", "has", "vip"), "Ann"),
        (rule("tag", "has_not", "vip"), "Bob Cem Dee"),
        (rule("tag", "has_any", ["vip", "shop"]), "Ann Bob"),
        (rule("tag", "has_all", ["vip", "shop"]), "Ann"),
        (rule("tag", "has_none", ["vip"]), "Bob Cem Dee"),
        (rule("tag", "is_empty"), "Cem Dee"),
        (rule("has_email", "is", True), "Ann Cem Dee"),
        (rule("has_phone", "is", False), "Ann Cem Dee"),
        (rule("email", "matches", "^[a-c][a-z]+@"), "Ann Cem"),
        (rule("email", "matches", "^A"), ""),
        (rule("email", "matches_any_case", "^A"), "Ann"),
        (rule("email", "not_matches", "^[a-c]"), "Bob Dee"),
        (rule("attribute:channel", "matches", "^(Web|Phone)$"), "Ann Bob"),
        (rule("attribute:channel", "matches", "^$"), ""),
        (rule("attribute:channel", "is_any_case", "WEB"), "Ann"),
        (rule("first_name", "is_any_case", "a%n"), ""),
        (rule("attribute:history", "not_between", [100, 200]), "Bob Cem Dee"),
        (rule("attribute:birthday", "on_or_before", "1990-05-31"), "Ann"),
        (rule("attribute:birthday", "on_or_after", "1990-06-01"), "Bob"),
        (rule("attribute:birthday", "not_on", "1990-05-31"), "Bob Cem Dee"),
        (rule("attribute:birthday", "before", "2026-06-01T00:00:01Z"), "Ann Bob"),
        (rule("attribute:birthday", "before", "2026-06-01T00:00:00Z"), "Ann"),
        (rule("attribute:birthday", "on_or_after", "2026-06-01T00:00:00Z"), "Bob"),
        (rule("attribute:birthday", "on_or_after", "2026-06-01T00:00:01Z"), ""),
        (rule("attribute:renewed", "on_or_before", "2026-06-10T08:00:00Z"), "Ann Bob"),
        (rule("attribute:renewed", "before", "2026-06-10T08:00:00Z"), "Bob"),
        (rule("attribute:renewed", "after", "2026-06-10T10:00:00+03:00"), "Ann"),
        (rule("attribute:birthday", "years_ago_at_least", 36), "Ann"),
        (rule("attribute:birthday", "years_ago_at_least", 37), ""),
        (rule("attribute:birthday", "years_ago_less_than", 1), "Bob"),
        (rule("attribute:birthday", "anniversary_today"), ""),
        (rule("attribute:birthday", "anniversary_in_last_days", 15), "Ann"),
        (rule("attribute:birthday", "anniversary_in_last_days", 14), ""),
        (rule("attribute:birthday", "anniversary_in_next_days", 351), "Ann Bob"),
        (rule("attribute:birthday", "anniversary_in_next_days", 350), "Ann"),
        (rule("attribute:birthday", "in_month", 5), "Ann"),
        (rule("attribute:renewed", "in_month", 5), "Bob"),
        (rule("attribute:renewed", "more_than_days_ahead", 0), ""),
        (rule("attribute:renewed", "in_next_days", 1), ""),
        (rule("attribute:brands", "has_at_least", 2), "Ann"),
        (rule("attribute:brands", "has_at_most", 0), "Cem Dee"),
        (rule("tag", "has_at_least", 1), "Ann Bob"),
        (rule("attribute:app", "equals", "2.10.1.0"), "Ann"),
        (rule("attribute:app", "at_least", "2.10.1"), "Ann"),
        (rule("attribute:app", "greater_than", "2.9.0"), "Ann Dee"),
        (rule("attribute:app", "less_than", "2.10.1"), "Bob Dee"),
        (rule("attribute:app", "between", ["2.9", "2.10"]), "Bob"),
        (rule("attribute:app", "not_equals", "2.9"), "Ann Cem Dee"),
        (rule("attribute:app", "is_empty"), "Cem"),
        (rule("attribute:home", "within_km", {"lat": 52.4, "lon": 13.06, "km": 30}), "Ann"),
        (rule("attribute:home", "within_km", {"lat": 52.4, "lon": 13.06, "km": 20}), ""),
        (rule("attribute:home", "within_km", {"lat": 53.551, "lon": 9.993, "km": 1}), "Bob"),
        (rule("attribute:home", "not_within_km", {"lat": 53.551, "lon": 9.993, "km": 255}), "Ann Cem Dee"),
        (rule("attribute:home", "within_km", {"lat": 53.551, "lon": 9.993, "km": 257}), "Ann Bob"),
        (rule("attribute:home", "country", ["de"]), "Ann Bob"),
        (rule("attribute:home", "city", ["Paris", "HAMBURG"]), "Bob Dee"),
        (rule("attribute:home", "is_empty"), ""),
        (rule("random_sample", "percent", 100), "Ann Bob Cem Dee"),
        (rule("random_sample", "percent", 0), ""),
        ({"all": []}, "Ann Bob Cem Dee"),
        ({"any": []}, ""),
        ({"not": {"all": []}}, ""),
    ],
    ids=str,
)
def test_an_operator_finds_exactly_whom_it_names(asked: dict, expected: str) -> None:
    assert names(asked, NOW) == expected


def test_consent_tells_given_withdrawn_and_never_asked_apart() -> None:
    ann, bob = Contact.objects.get(first_name="Ann"), Contact.objects.get(first_name="Bob")
    consent.grant(ann, source="test")
    consent.grant(bob, source="test")
    consent.withdraw(bob, source="test")
    assert names(rule("consent:email", "equals", "granted")) == "Ann"
    assert names(rule("consent:email", "equals", "withdrawn")) == "Bob"
    assert names(rule("consent:email", "equals", "never_asked")) == "Cem Dee"
    assert names(rule("consent:email", "not_equals", "granted")) == "Bob Cem Dee"


def test_suppressed_people_are_found_by_their_address() -> None:
    suppression.suppress("dee@example.com", reason="manual")
    assert names(rule("suppressed", "is", True)) == "Dee"
    assert names(rule("suppressed", "is", False)) == "Ann Bob Cem"


def test_created_is_asked_in_whole_days_of_utc() -> None:
    Contact.objects.update(created_at=NOW)
    Contact.objects.filter(first_name="Ann").update(created_at=datetime(2026, 6, 14, 23, 59, 59, 999999, tzinfo=UTC))
    assert names(rule("created_at", "on", "2026-06-15"), NOW) == "Bob Cem Dee"
    assert names(rule("created_at", "before", "2026-06-15"), NOW) == "Ann"
    assert names(rule("created_at", "after", "2026-06-14"), NOW) == "Bob Cem Dee"
    assert names(rule("created_at", "in_last_days", 1), NOW + timedelta(hours=12)) == "Bob Cem Dee"
    assert names(rule("created_at", "more_than_days_ago", 1), NOW + timedelta(hours=12)) == "Ann"


def test_membership_of_another_segment_is_asked_as_of_its_last_refresh() -> None:
    vips = segment("VIPs", rule("tag", "has", "vip"))
    assert names(rule("segment", "in", str(vips.uuid))) == "Ann"
    assert names(rule("segment", "not_in", str(vips.uuid))) == "Bob Cem Dee"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"operator": "did"}, "Ann Bob"),
        ({}, "Ann Bob"),
        ({"operator": "did_not"}, "Cem Dee"),
        ({"operator": "at_least", "times": 2}, "Ann"),
        ({"operator": "at_least", "times": 4}, ""),
        ({"operator": "at_most", "times": 1}, "Bob Cem Dee"),
        ({"operator": "at_most", "times": 0}, "Cem Dee"),
        ({"operator": "exactly", "times": 3}, "Ann"),
        ({"operator": "exactly", "times": 0}, "Cem Dee"),
        ({"operator": "at_least", "times": 2, "within_days": 10}, "Ann"),
        ({"operator": "at_least", "times": 3, "within_days": 10}, ""),
        ({"operator": "did", "between": ["2026-05-01", "2026-05-16"]}, "Ann"),
        ({"operator": "did", "between": ["2026-05-01", "2026-05-15"]}, ""),
        ({"where": [{"property": "amount", "operator": ">", "value": 15}]}, "Ann"),
        ({"where": [{"property": "amount", "operator": "between", "value": [5, 15]}]}, "Ann Bob"),
        (
            {"operator": "did_not", "where": [{"property": "amount", "operator": "at_least", "value": 20}]},
            "Bob Cem Dee",
        ),
        ({"where": [{"property": "brand", "operator": "equals", "value": "Peak"}]}, "Bob"),
        ({"where": [{"property": "brand", "operator": "contains", "value": "P"}]}, "Bob"),
        ({"where": [{"property": "brand", "operator": "is_empty"}]}, "Ann"),
        ({"where": [{"property": "amount", "operator": "=", "value": "10", "type": "number"}]}, "Ann Bob"),
    ],
    ids=str,
)
def test_a_rule_about_events_finds_exactly_whom_it_names(asked: dict, expected: str) -> None:
    ann, bob, cem = (Contact.objects.get(first_name=name) for name in ("Ann", "Bob", "Cem"))
    did(ann, "purchase", NOW - timedelta(days=30), amount=10)
    did(ann, "purchase", NOW - timedelta(days=5), amount=20)
    did(ann, "purchase", NOW - timedelta(days=1), amount="100")
    did(bob, "purchase", NOW - timedelta(days=2), amount=10, brand="Peak")
    did(cem, "purchase", NOW - timedelta(days=2), label="scanner", amount=99)
    did(cem, "page viewed", NOW - timedelta(days=2))
    assert names({"event": "purchase"} | asked, NOW) == expected


EXAMPLES = {
    "text": "Web", "texts": ["Web", "peak"], "number": 20, "numbers": [10, 30], "none": None, "date": "2026-06-01",
    "version": "2.0", "circle": {"lat": 52.52, "lon": 13.405, "km": 50}, "pattern": "^W",
}  # fmt: skip


def test_a_negative_operator_is_the_complement_of_its_positive_one_for_every_field() -> None:
    segment("VIPs", rule("tag", "has", "vip"))
    everyone, checked = found({"all": []}), 0
    for field in fields.everything(fields.Catalogue()):
        for negative in field.operators:
            if not isinstance(negative, operators.Complement):
                continue
            positive = "is_filled" if negative.asks_emptiness else negative.of().name
            value = field.choices[0][0] if negative.takes.input == "choice" else EXAMPLES[negative.takes.input]
            no = found(rule(field.name, negative.name, value))
            yes = found(rule(field.name, positive, value)) if field.operator(positive) else everyone - no
            assert (yes | no, yes & no) == (everyone, set()), (field.name, negative.name)
            checked += 1
    assert checked > 60


def test_every_operator_is_offered_by_some_field() -> None:
    offered = {operator.key for field in fields.everything(fields.Catalogue()) for operator in field.operators}
    assert offered == set(operators.operators)
