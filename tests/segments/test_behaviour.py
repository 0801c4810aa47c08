"""Rules about events: figures, first and last times, windows, campaigns and templates, the last messages; companies."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from campaigns.models import Campaign, Variant
from contacts import consent
from contacts.models import Company, Contact, Employment, Topic
from events.models import Event
from segments import behaviour, membership, rules
from segments.rules import RuleError
from templates_app.models import Template
from tests.segments.people import did, make_catalogue, names, person, rule

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


@pytest.fixture
def buyers() -> None:
    make_catalogue()
    ann, bob, cem, _dee = (person(name) for name in ("Ann", "Bob", "Cem", "Dee"))
    more = {"paid": True, "version": "2.10", "shipped": "2026-03-01T10:00:00Z", "tags": ["a", "b"]}
    did(ann, "purchase", ago(days=100), amount=50, **more)
    did(ann, "purchase", ago(days=40), amount=70.5)
    did(ann, "purchase", ago(hours=2), amount="9", paid=False)
    did(bob, "purchase", ago(days=5), amount=20, version="2.9")
    did(bob, "purchase", ago(days=5), amount=500, label="scanner")
    did(cem, "purchase", ago(hours=5), amount=-3)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"operator": "sum", "property": "amount", "is": "greater_than", "value": 100}, "Ann"),
        ({"operator": "sum", "property": "amount", "is": "equals", "value": 120.5}, "Ann"),
        ({"operator": "sum", "property": "amount", "is": "at_most", "value": 20}, "Bob Cem Dee"),
        ({"operator": "sum", "property": "amount", "is": "at_most", "value": 20, "within_days": 10}, "Ann Bob Cem Dee"),
        ({"operator": "sum", "property": "amount", "is": "at_least", "value": 0}, "Ann Bob Dee"),
        ({"operator": "sum", "property": "amount", "is": "between", "value": [-5, 0]}, "Cem Dee"),
        ({"operator": "sum", "property": "amount", "is": "not_equals", "value": 0}, "Ann Bob Cem"),
        ({"operator": "average", "property": "amount", "is": "equals", "value": 60.25}, "Ann"),
        ({"operator": "average", "property": "amount", "is": "less_than", "value": 30}, "Bob Cem"),
        ({"operator": "average", "property": "amount", "is": "not_between", "value": [0, 30]}, "Ann Cem Dee"),
        ({"operator": "smallest", "property": "amount", "is": "at_least", "value": 20}, "Ann Bob"),
        ({"operator": "largest", "property": "amount", "is": "at_most", "value": 70.5}, "Ann Bob Cem"),
        ({"operator": "largest", "property": "amount", "is": "is_empty"}, "Dee"),
        ({"operator": "first_time", "is": "in_last_days", "value": 10}, "Bob Cem"),
        ({"operator": "first_time", "is": "more_than_days_ago", "value": 99}, "Ann"),
        ({"operator": "first_time", "is": "is_empty"}, "Dee"),
        ({"operator": "last_time", "is": "more_than_days_ago", "value": 4}, "Bob"),
        ({"operator": "last_time", "is": "on_or_after", "value": "2026-06-15T09:00:00Z"}, "Ann"),
        ({"operator": "last_time", "is": "before", "value": "2026-06-15"}, "Bob"),
        ({"operator": "did", "within_hours": 3}, "Ann"),
        ({"operator": "did_not", "within_hours": 6}, "Bob Dee"),
        ({"operator": "did", "before_days": 30}, "Ann"),
        ({"operator": "did", "before_days": 3, "within_days": 50}, "Ann Bob"),
        ({"operator": "exactly", "times": 1, "before_days": 30, "within_days": 50}, "Ann"),
        ({"where": [{"property": "paid", "value": True}]}, "Ann"),
        ({"where": [{"property": "paid", "operator": "is", "type": "boolean", "value": False}]}, "Ann"),
        ({"where": [{"property": "version", "operator": "less_than", "type": "version", "value": "2.10"}]}, "Bob"),
        ({"where": [{"property": "shipped", "operator": "before", "type": "date", "value": "2026-04-01"}]}, "Ann"),
        ({"where": [{"property": "tags", "operator": "has_all", "type": "list", "value": ["a", "b"]}]}, "Ann"),
        ({"where": [{"property": "version", "operator": "matches", "value": "^2[.]1"}]}, "Ann"),
    ],
    ids=str,
)
def test_a_rule_about_events_finds_exactly_whom_it_names(buyers: None, asked: dict, expected: str) -> None:
    assert names({"event": "purchase"} | asked, NOW) == expected
    for one in Contact.objects.all():
        answer = membership.explain_rules({"event": "purchase"} | asked, one, now=NOW)
        assert answer.holds == (one.first_name in expected.split()), answer.sentence


def test_what_is_said_about_a_figure_has_the_persons_own(buyers: None) -> None:
    asked = {"event": "purchase", "operator": "sum", "property": "amount", "is": "greater_than", "value": 200}
    said = {one.first_name: membership.explain_rules(asked, one, now=NOW).sentence for one in Contact.objects.all()}
    assert said["Ann"] == "Total of amount when someone did “purchase” is 120.5, which is not greater than 200"
    assert said["Dee"].startswith("Total of amount when someone did “purchase” is 0, which")
    node = rules.parse({"event": "purchase", "operator": "at_least", "times": 2, "before_days": 3, "within_days": 50})
    assert node.asks() == "Did “purchase” at least 2 times more than 3 days ago and at most 50 days ago"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"operator": "sum", "is": "greater_than", "value": 1}, "Give a text"),
        ({"operator": "sum", "property": "a", "is": "has", "value": 1}, "by “is”"),
        ({"operator": "sum", "property": "a", "value": 1}, "by “is”"),
        ({"operator": "sum", "property": "a", "is": "greater_than", "value": "x"}, "Give a number"),
        ({"operator": "first_time", "property": "a", "is": "is_filled"}, "has no “property”"),
        ({"operator": "sum", "times": 2, "property": "a", "is": "is_filled"}, "has no “times”"),
        ({"operator": "did", "is": "is_filled"}, "has no “is”"),
        ({"within_hours": 0}, "whole number"),
        ({"within_hours": 5, "within_days": 5}, "not for both"),
        ({"before_days": 5, "within_days": 5}, "fewer days"),
        ({"before_days": 5, "between": ["2026-01-01", "2026-01-02"]}, "not for both"),
        ({"campaign": "00000000-0000-0000-0000-000000000000"}, "no campaign"),
        ({"template": "1 OR 1=1"}, "no template"),
        ({"template": {"a": 1}}, "Give a text"),
        ({"of_last": 5}, "Only events of messages"),
        ({"where": [{"property": "a", "type": "sql", "value": 1}]}, "as text or as number"),
        ({"where": [{"property": "a", "type": "version", "operator": "at_least", "value": "'--"}]}, "Give a version"),
        ({"where": [{"property": "a", "operator": "matches", "value": "(a)\\1"}]}, "can't refer back"),
    ],
    ids=str,
)
def test_a_wrong_rule_about_events_is_refused_with_a_sentence(asked: dict, said: str) -> None:
    with pytest.raises(RuleError, match=r".") as caught:
        rules.parse({"event": "purchase"} | asked)
    assert said in caught.value.problems[0].message


class TestMessages:
    """Ann got five messages and opened the third; Bob got one and opened it twice; Cem got two; Dee none."""

    @pytest.fixture(autouse=True)
    def sent(self) -> None:
        self.template = Template.objects.create(name="Spring letter")
        self.campaigns = [Campaign.objects.create(name=f"Letter {number}") for number in range(5)]
        self.variants = [
            Variant.objects.create(campaign=campaign, template=self.template) for campaign in self.campaigns[:2]
        ]
        ann, bob, cem, _dee = (person(name) for name in ("Ann", "Bob", "Cem", "Dee"))
        for number in range(5):
            self.event(ann, "message.sent", number, 100 + number)
        self.event(ann, "message.opened", 2, 102)
        self.event(ann, "message.opened", 4, 104, label="prefetch")
        self.event(bob, "message.sent", 0, 200)
        self.event(bob, "message.opened", 0, 200)
        self.event(bob, "message.opened", 0, 200)
        self.event(bob, "message.clicked", 0, 200)
        self.event(cem, "message.sent", 0, 300)
        self.event(cem, "message.sent", 1, 301)

    def event(self, contact: Contact, name: str, number: int, message: int, label: str = "human") -> None:
        variant = self.variants[number].pk if number < 2 else None
        Event.objects.create(
            name=name, contact_id=contact.pk, campaign_id=self.campaigns[number].pk, variant_id=variant,
            message_id=message, occurred_at=ago(days=50 - number), label=label,
        )  # fmt: skip

    def ask(self, event: str, **asked: Any) -> str:
        return names({"event": f"message.{event}"} | asked, NOW)

    def test_any_or_none_of_the_last_messages(self) -> None:
        assert self.ask("opened", of_last=2) == "Bob"
        assert self.ask("opened", of_last=3) == "Ann Bob"
        assert self.ask("opened", operator="did_not", of_last=2) == "Ann Cem Dee"
        unmoved = [{"event": "message.opened", "operator": "did_not", "of_last": 2},
                   {"event": "message.sent", "operator": "at_least", "times": 2}]  # fmt: skip
        assert names({"all": unmoved}, NOW) == "Ann Cem"

    def test_among_the_last_messages_those_are_counted_that_were_opened_not_how_often(self) -> None:
        assert self.ask("opened", operator="at_least", times=2) == "Bob"
        assert self.ask("opened", operator="at_least", times=2, of_last=5) == ""
        assert self.ask("opened", operator="exactly", times=1, of_last=5) == "Ann Bob"

    def test_a_campaign_and_a_template_can_be_asked_about(self) -> None:
        first, third = (str(self.campaigns[number].uuid) for number in (0, 2))
        template = str(self.template.uuid)
        assert self.ask("sent", campaign=first) == "Ann Bob Cem"
        assert self.ask("opened", campaign=first) == "Bob"
        assert self.ask("opened", campaign=third) == "Ann"
        assert self.ask("opened", operator="did_not", campaign=first) == "Ann Cem Dee"
        assert self.ask("sent", template=template, operator="at_least", times=2) == "Ann Cem"
        assert self.ask("clicked", template=template) == "Bob"
        assert self.ask("opened", campaign=third, template=template) == ""

    def test_the_form_learns_which_campaigns_and_templates_there_are(self) -> None:
        known = {origin["key"]: origin["choices"] for origin in behaviour.describe()["origins"]}
        assert [choice["label"] for choice in known["template"]] == ["Spring letter"]
        assert len(known["campaign"]) == 5

    def test_what_is_asked_is_said_in_words(self) -> None:
        asked = {
            "event": "message.opened",
            "operator": "did_not",
            "campaign": str(self.campaigns[0].uuid),
            "of_last": 3,
        }
        words = "Opened a message not at all of the campaign “Letter 0” of the last 3 messages"
        assert rules.parse(asked).asks() == words


def test_consent_is_asked_per_channel_and_per_topic() -> None:
    Topic.objects.create(key="news", name="Product news", opt_in="single")
    ann, bob, _cem = (person(name) for name in ("Ann", "Bob", "Cem"))
    consent.grant(ann, channel="email", topic="news", source="a form")
    consent.withdraw(bob, channel="email", topic="news", source="a link")
    consent.grant(bob, channel="email", source="a form")
    assert names(rule("consent:email:news", "equals", "granted")) == "Ann"
    assert names(rule("consent:email:news", "equals", "withdrawn")) == "Bob"
    assert names(rule("consent:email:news", "equals", "never_asked")) == "Cem"
    assert names(rule("consent:email", "equals", "granted")) == "Bob"
    for wrong in ("consent:email:", "consent:email:nope", "consent::news", "consent:email:news:x"):
        with pytest.raises(RuleError, match="no field"):
            rules.parse(rule(wrong, "equals", "granted"))


def test_companies_and_what_is_said_of_them_can_be_asked_about() -> None:
    ann, bob, _cem = (person(name) for name in ("Ann", "Bob", "Cem"))
    big = Company.objects.create(external_id="c1", name="Big", attributes={"plan": "gold", "seats": 200, "eu": True})
    small = Company.objects.create(external_id="c2", name="Small", attributes={"plan": "free", "seats": 3})
    for one, company in ((ann, big), (ann, small), (bob, small)):
        Employment.objects.create(contact=one, company=company)
    assert names(rule("company", "equals", "Big")) == "Ann"
    assert names(rule("company", "contains", "sma")) == "Ann Bob"
    assert names(rule("company", "is_empty")) == "Cem"
    assert names(rule("company_id", "one_of", ["c2", "c3"])) == "Ann Bob"
    assert names(rule("company:plan", "equals", "gold")) == "Ann"
    assert names(rule("company:plan", "not_equals", "gold")) == "Bob Cem"
    assert names(rule("company:seats", "greater_than", 100)) == "Ann"
    assert names(rule("company:eu", "is", True)) == "Ann"
    said = membership.explain_rules(rule("company", "equals", "Big"), ann).sentence
    assert said == "Company is “Big”, “Small”"
    with pytest.raises(RuleError, match="no field"):
        rules.parse(rule("company:size", "equals", 1))
