"""Whatever happens, and however much time passes: once it is quiet, members are those that a refresh finds."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from contacts import consent
from contacts.models import Contact, Suppression
from events import ingest
from events.models import Event
from segments import aging, matching, membership
from segments.models import Membership, Segment
from tests.segments.people import found, make_catalogue
from tests.segments.people import rule as asks

pytestmark = pytest.mark.django_db(transaction=True)

START = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
EMPTIED = (
    "segments_membership", "segments_transition", "segments_recheck", "segments_sizepoint", "segments_segment",
    "contacts_consentstate", "contacts_suppression", "contacts_change", "segments_standing",
    "events_event", "events_cursor",
)  # fmt: skip
DAYS = ["2026-05-20", "2026-06-10", "2026-06-14", "2026-06-15", "2026-06-16", "2026-07-01"]
LEAVES: list[dict[str, Any]] = [
    asks("tag", "has", "vip"),
    asks("first_name", "starts_with", "a"),
    asks("attribute:history", "at_least", 2),
    asks("attribute:channel", "not_equals", "Web"),
    asks("attribute:birthday", "in_last_days", 5),
    asks("attribute:renewed", "more_than_days_ago", 10),
    asks("attribute:renewed", "in_last_days", 3),
    asks("consent:email", "equals", "granted"),
    asks("suppressed", "is", True),
    asks("has_email", "is", True),
    {"event": "purchase", "operator": "did"},
    {"event": "purchase", "operator": "did_not", "within_days": 7},
    {"event": "purchase", "operator": "at_least", "times": 2, "within_days": 12},
    {"event": "visit", "operator": "exactly", "times": 1, "within_days": 2},
    {"event": "purchase", "operator": "did", "within_days": 9, "before_days": 3},
    {"event": "purchase", "operator": "last_time", "is": "more_than_days_ago", "value": 6},
    {"event": "visit", "operator": "first_time", "is": "in_last_days", "value": 4},
    {"event": "purchase", "operator": "sum", "property": "amount", "is": "at_least", "value": 20, "within_days": 5},
    {"event": "message.opened", "operator": "did_not", "of_last": 2},
    asks("attribute:birthday", "anniversary_in_next_days", 3),
    asks("spent", "at_least", 20),
    asks("engagement_score", "at_least", 5),
    asks("last_purchase", "in_last_days", 4),
]
trees = st.recursive(
    st.sampled_from(LEAVES),
    lambda inner: st.one_of(
        st.builds(lambda part: {"not": part}, inner),
        st.builds(lambda parts: {"all": parts}, st.lists(inner, max_size=3)),
        st.builds(lambda parts: {"any": parts}, st.lists(inner, min_size=1, max_size=3)),
    ),
    max_leaves=5,
)
indexes = st.integers(0, 7)
events = st.sampled_from(["purchase", "visit"])
people = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["Ann", "Bob"]),
        "tags": st.sampled_from([[], ["vip"]]),
        "attributes": st.fixed_dictionaries(
            {"history": st.integers(0, 3), "birthday": st.sampled_from(DAYS), "renewed": st.sampled_from(DAYS)}
        ),
        "did": st.lists(st.tuples(events, st.integers(0, 14)), min_size=1, max_size=4),
    }
)


class Following(RuleBasedStateMachine):
    """A few people and segments, and a clock that only goes forward."""

    @initialize(people=st.lists(people, min_size=5, max_size=5), asked=st.lists(trees, min_size=4, max_size=6))
    def begin(self, people: list[dict[str, Any]], asked: list[Any]) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {', '.join(EMPTIED)}, contacts_contact CASCADE")
        self.now, self.made = START, 0
        for described in people:
            self.someone_comes(**described)
        for number, rules in enumerate(asked):
            self.a_segment_is_made(rules, 0, asks_another=number % 3 == 1, is_refreshed=True)

    def person(self, index: int) -> Contact | None:
        people = list(Contact.objects.order_by("pk"))
        return people[index % len(people)] if people else None

    def segment(self, index: int) -> Segment | None:
        segments = list(Segment.objects.order_by("pk"))
        return segments[index % len(segments)] if segments else None

    @rule(described=people)
    def one_more_comes(self, described: dict[str, Any]) -> None:
        self.someone_comes(**described)

    def someone_comes(self, name: str, tags: list[str], attributes: dict[str, Any], did: list[tuple[str, int]]) -> None:
        self.made += 1
        made = Contact.objects.create(
            first_name=name, email=f"p{self.made}@example.com", tags=tags, attributes=attributes
        )
        for event, days in did:
            self.do(made, event, days)

    def do(self, person: Contact, event: str, days: int) -> None:
        at = self.now - timedelta(days=days)
        ingest.record(event, contact_id=person.pk, occurred_at=at, properties={"amount": 10})

    @rule(index=indexes, key=st.sampled_from(["birthday", "renewed", "channel", "history"]), day=st.sampled_from(DAYS))
    def an_attribute_changes(self, index: int, key: str, day: str) -> None:
        value = {"channel": "Web", "history": 2}.get(key, day)
        if person := self.person(index):
            Contact.objects.filter(pk=person.pk).update(attributes=person.attributes | {key: value})

    @rule(tags=st.sampled_from([[], ["vip"]]))
    def everyone_is_tagged(self, tags: list[str]) -> None:
        Contact.objects.update(tags=tags)

    @rule(index=indexes)
    def someone_goes(self, index: int) -> None:
        if person := self.person(index):
            Contact.objects.filter(pk=person.pk).update(erased_at=self.now)

    @rule(index=indexes, name=events, days=st.integers(-1, 14))
    def something_was_done(self, index: int, name: str, days: int) -> None:
        if person := self.person(index):
            self.do(person, name, days)

    @rule(index=indexes, message=st.integers(1, 4), is_opened=st.booleans())
    def a_message_goes_out(self, index: int, message: int, is_opened: bool) -> None:
        if person := self.person(index):
            for name in ["message.sent", "message.opened"][: 1 + is_opened]:
                ingest.record(name, contact_id=person.pk, occurred_at=self.now, message_id=message)

    @rule(label=st.sampled_from(["human", "scanner"]))
    def events_are_labelled(self, label: str) -> None:
        Event.objects.filter(name="visit").update(label=label)

    @rule(index=indexes, grants=st.booleans())
    def consent_changes(self, index: int, grants: bool) -> None:
        person = self.person(index)
        if person and person.erased_at is None:
            (consent.grant if grants else consent.withdraw)(person, source="test")

    @rule(index=indexes)
    def an_address_is_suppressed(self, index: int) -> None:
        if (person := self.person(index)) and person.email:
            Suppression.objects.get_or_create(address=person.email)

    @rule(rules=trees, index=indexes, asks_another=st.booleans(), is_refreshed=st.booleans())
    def a_segment_is_made(self, rules: Any, index: int, asks_another: bool, is_refreshed: bool) -> None:
        if (other := self.segment(index)) and asks_another:
            rules = {"any": [asks("segment", "not_in", str(other.uuid)), rules]}
        made = Segment.objects.create(name=str(Segment.objects.count()), rules=rules)
        if is_refreshed:
            membership.refresh(made, now=self.now)

    @rule(index=indexes, rules=trees)
    def rules_change(self, index: int, rules: Any) -> None:
        if segment := self.segment(index):
            Segment.objects.filter(pk=segment.pk).update(rules=rules)
            membership.make_stale(segment.pk)

    @rule(index=indexes)
    def one_is_refreshed(self, index: int) -> None:
        if segment := self.segment(index):
            membership.refresh(segment, now=self.now)

    @rule(hours=st.sampled_from([1, 5, 24, 60, 200]))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule()
    def one_batch_is_followed(self) -> None:
        matching.advance(now=self.now)

    @rule()
    def the_time_is_looked_at(self) -> None:
        for segment in Segment.objects.due(self.now):
            aging.look(segment, now=self.now)

    def quiet(self) -> None:
        """Everything that runs by itself, until nothing is left to do."""
        for _ in range(20):
            for segment in Segment.objects.filter(stale_since__isnull=False):
                membership.refresh(segment, now=self.now)
            self.the_time_is_looked_at()
            matching.catch_up(now=self.now)
            if not Segment.objects.filter(stale_since__isnull=False).exists():
                return
        raise AssertionError("it never becomes quiet")

    @rule(hours=st.sampled_from([0, 3, 30, 100]))
    def members_are_those_a_refresh_finds(self, hours: int) -> None:
        self.now += timedelta(hours=hours)
        self.quiet()
        for segment in Segment.objects.all():
            members = set(Membership.objects.filter(segment=segment).values_list("contact_id", flat=True))
            assert members == found(segment.rules, self.now), segment.rules
            assert segment.size == len(members)

    def teardown(self) -> None:
        self.members_are_those_a_refresh_finds(hours=30)


def test_once_quiet_members_are_those_that_a_refresh_finds() -> None:
    make_catalogue()
    run_state_machine_as_test(
        Following,
        settings=settings(
            max_examples=60, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
