"""Members follow changes and events by themselves, in whatever way those came about."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from contacts import consent, erasure, merging
from contacts.models import AttributeDefinition, Change, Contact, Suppression
from events import ingest, labels
from events.models import Event
from events.tracking import joining
from segments import aging, definition, matching, membership
from segments.dependencies import UNNOTED
from segments.models import Recheck, Segment, SizePoint, Transition
from team.models import User
from tests.segments.people import did, make_catalogue, person, rule, segment
from tests.segments.test_membership import members

pytestmark = pytest.mark.django_db(transaction=True)

VIP = rule("tag", "has", "vip")
NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
BOUGHT = {"event": "purchase", "operator": "did", "within_days": 30}


def after(change: Callable[[], object], of: Segment) -> str:
    """The members once what `change` did has been followed."""
    change()
    matching.catch_up()
    return members(of)


@contextmanager
def in_another_connection() -> Iterator[BaseDatabaseWrapper]:
    other = connection.copy()
    try:
        yield other
    finally:
        other.close()


def transitions() -> list[tuple[str, str]]:
    rows = Event.objects.filter(name__startswith="segment.").order_by("id").values_list("name", "contact_id")
    names = dict(Contact.objects.values_list("pk", "first_name"))
    return [(name.removeprefix("segment."), names[contact or 0]) for name, contact in rows]


class TestFollowing:
    def test_a_change_by_any_hand_is_followed(self) -> None:
        vips, ann = segment("VIPs", VIP), person("Ann")
        everyone = Contact.objects.all()
        assert after(lambda: everyone.update(tags=["vip"]), vips) == "Ann"
        assert after(lambda: everyone.update(tags=[]), vips) == ""
        assert after(lambda: person("Bob", tags=["vip"]), vips) == "Bob"
        assert after(lambda: Contact.objects.bulk_create([Contact(first_name="Cem", tags=["vip"])]), vips) == "Bob Cem"
        with connection.cursor() as cursor:
            cursor.execute("UPDATE contacts_contact SET tags = '{vip}' WHERE id = %s", [ann.pk])
        matching.catch_up()
        assert members(vips) == "Ann Bob Cem"

    def test_an_event_is_followed_and_a_scanners_is_not(self) -> None:
        ann, buyers = person("Ann"), segment("Buyers", {"event": "purchase"})
        assert after(lambda: ingest.record("purchase", contact_id=ann.pk, label="scanner"), buyers) == ""
        assert after(lambda: ingest.record("purchase", contact_id=ann.pk), buyers) == "Ann"

    def test_events_that_get_another_label_or_owner_are_followed(self) -> None:
        ann, bob = person("Ann"), person("Bob")
        ingest.record("message.opened", contact_id=ann.pk, campaign_id=1)
        openers = segment("Openers", {"event": "message.opened"})
        assert members(openers) == "Ann"
        Event.objects.update(contact_id=bob.pk)
        assert after(lambda: None, openers) == "Bob"
        assert after(lambda: labels.relabel(list(Event.objects.all()), label="scanner", reason="test"), openers) == ""

    def test_consent_suppression_and_erasure_are_followed(self, editor: User) -> None:
        ann = person("Ann")
        agreed = segment("Agreed", rule("consent:email", "equals", "granted"))
        barred = segment("Barred", rule("suppressed", "is", True))
        assert after(lambda: consent.grant(ann, source="form"), agreed) == "Ann"
        assert after(lambda: consent.withdraw(ann, source="form"), agreed) == ""
        held = Suppression.objects.create(address=ann.email)
        assert after(lambda: None, barred) == "Ann"
        assert after(held.delete, barred) == ""
        everyone = segment("Everyone", {"all": []})
        assert after(lambda: erasure.erase(ann, by=editor), everyone) == ""

    def test_sizes_follow_erasures_and_merges(self, editor: User) -> None:
        ann, bob, cem = person("Ann"), person("Bob"), person("Cem")
        everyone, chosen = segment("Everyone", {"all": []}), definition.create(name="Chosen", kind="static", by=None)
        asking = segment("Asking", rule("segment", "in", str(chosen.uuid)))
        membership.add(chosen, [bob])
        matching.catch_up()
        merging.merge(bob, into=cem, by=editor)
        assert after(lambda: erasure.erase(ann, by=editor), asking) == "Cem"
        sizes = {each.name: each.size for each in Segment.objects.all()}
        assert sizes == {"Everyone": 1, "Chosen": 1, "Asking": 1}
        assert everyone.memberships.count() == 1

    def test_what_a_visitor_did_counts_as_soon_as_they_are_known(self) -> None:
        ann = person("Ann")
        buyers, rich = segment("Buyers", {"event": "purchase"}), segment("Rich", rule("spent", "at_least", 50))
        ingest.record_many([{"name": "purchase", "anonymous_id": "v", "properties": {"amount": 50}}])
        assert after(lambda: None, buyers) == ""
        assert after(lambda: joining.link({"v": ann.pk}), buyers) == "Ann"
        assert members(rich) == "Ann"
        assert {(way, name) for way, name in transitions()} == {("entered", "Ann")}

    def test_what_either_did_counts_for_who_is_left_of_a_merge(self, editor: User) -> None:
        ann, bob = person("Ann"), person("Bob")
        buyers, rich = segment("Buyers", {"event": "purchase"}), segment("Rich", rule("spent", "at_least", 50))
        for one in (ann, bob):
            ingest.record("purchase", contact_id=one.pk, properties={"amount": 30})
        assert after(lambda: None, buyers) == "Ann Bob"
        assert members(rich) == ""
        assert after(lambda: merging.merge(bob, into=ann, by=editor), buyers) == "Ann"
        assert members(rich) == "Ann"

    def test_a_chain_of_segments_is_followed_to_its_end(self) -> None:
        vips = segment("VIPs", VIP)
        others = segment("Others", rule("segment", "not_in", str(vips.uuid)))
        last = segment("Last", {"not": rule("segment", "in", str(others.uuid))})
        ann = person("Ann")
        assert after(lambda: None, others) == "Ann"
        assert after(lambda: Contact.objects.filter(pk=ann.pk).update(tags=["vip"]), others) == ""
        assert members(last) == "Ann"

    def test_adding_to_a_static_segment_moves_those_that_ask_about_it(self) -> None:
        ann = person("Ann")
        chosen = definition.create(name="Chosen", kind="static", by=None)
        asking = segment("Asking", rule("segment", "in", str(chosen.uuid)))
        assert after(lambda: membership.add(chosen, [ann]), asking) == "Ann"
        assert after(lambda: membership.remove(chosen, [ann]), asking) == ""

    def test_only_the_segments_concerned_are_asked(self) -> None:
        make_catalogue()
        matching.catch_up()
        ann = person("Ann", attributes={"channel": "Web", "history": 1})
        segment("Web", rule("attribute:channel", "equals", "Web"))
        segment("Buyers", {"event": "purchase"})
        matching.catch_up()
        Contact.objects.filter(pk=ann.pk).update(attributes={"channel": "Web", "history": 2})
        assert list(Change.objects.values_list("keys", flat=True)) == [["attribute:history"]]
        Segment.objects.update(rules={"field": "broken"})  # would make it stale, if it were asked
        matching.catch_up()
        assert not Segment.objects.exclude(stale_since=None).exists()

    def test_a_save_without_a_change_is_no_news(self) -> None:
        ann = person("Ann")
        matching.catch_up()
        ann.save()
        assert not Change.objects.exists()

    def test_a_new_type_of_an_attribute_makes_those_stale_that_ask_about_it(self) -> None:
        make_catalogue()
        web, vips = segment("Web", rule("attribute:channel", "equals", "Web")), segment("VIPs", VIP)
        AttributeDefinition.objects.filter(key="channel").update(type="number")
        matching.catch_up()
        assert set(Segment.objects.exclude(stale_since=None)) == {web}
        assert vips.stale_since is not None  # as it was made; the row was refreshed since

    def test_a_broken_segment_stops_nobody_else(self) -> None:
        make_catalogue()
        broken, vips = segment("Broken", VIP), segment("VIPs", VIP)
        Segment.objects.filter(pk=broken.pk).update(rules={"field": "nope"})
        assert after(lambda: person("Ann", tags=["vip"]), vips) == "Ann"
        broken.refresh_from_db()
        assert broken.stale_since
        assert "no field" in broken.refresh_failed

    def test_people_of_a_segment_being_refreshed_wait_for_its_end(self) -> None:
        vips, web = segment("VIPs", VIP), segment("Everyone", {"all": []})
        with in_another_connection() as other, other.cursor() as cursor:
            cursor.execute(f"SELECT pg_advisory_lock({membership.LOCK_KEY})", [vips.pk])
            assert after(lambda: person("Ann", tags=["vip"]), vips) == ""
            assert members(web) == "Ann"
            assert list(Recheck.objects.values_list("segment_id", flat=True)) == [vips.pk]
        assert after(lambda: None, vips) == "Ann"
        assert not Recheck.objects.exists()


class TestTransitions:
    def test_entering_and_leaving_are_events_in_order(self) -> None:
        vips = segment("VIPs", VIP)
        ann = person("Ann", tags=["vip"])
        matching.catch_up()
        Contact.objects.filter(pk=ann.pk).update(tags=[])
        matching.catch_up()
        assert transitions() == [("entered", "Ann"), ("left", "Ann")]
        assert Event.objects.first().properties == {"segment": str(vips.uuid)}  # type: ignore[union-attr]

    def test_the_first_members_are_no_news_and_those_of_new_rules_are(self) -> None:
        person("Ann", tags=["vip"])
        person("Bob")
        vips = segment("VIPs", VIP)
        matching.catch_up()
        assert transitions() == []
        definition.change(vips, name="VIPs", rules={"not": VIP})
        matching.catch_up()
        assert sorted(transitions()) == [("entered", "Bob"), ("left", "Ann")]

    def test_the_size_and_its_course_go_along(self) -> None:
        vips = segment("VIPs", VIP)
        after(lambda: person("Ann", tags=["vip"]), vips)
        after(lambda: person("Bob", tags=["vip"]), vips)
        vips.refresh_from_db()
        assert vips.size == 2
        assert list(SizePoint.objects.values_list("size", "entered_count", "left_count")) == [(2, 2, 0)]

    def test_nothing_is_said_any_more_about_who_was_erased(self, editor: User) -> None:
        vips, ann = segment("VIPs", VIP), person("Ann", tags=["vip"])
        Transition.objects.create(segment=vips, is_entry=True, contact_ids=[ann.pk])
        erasure.erase(ann, by=editor)
        matching.catch_up()
        assert transitions() == []


class TestTime:
    def test_who_no_longer_fits_leaves_when_it_falls_due(self) -> None:
        ann = person("Ann")
        did(ann, "purchase", NOW - timedelta(days=29))
        buyers = Segment.objects.create(name="Buyers", rules=BOUGHT)
        membership.refresh(buyers, now=NOW)
        buyers.refresh_from_db()
        assert members(buyers) == "Ann"
        assert buyers.due_at
        for hours, expected in ((23, "Ann"), (25, "")):
            aging.look(Segment.objects.get(pk=buyers.pk), now=NOW + timedelta(hours=hours))
            matching.catch_up(now=NOW + timedelta(hours=hours))
            assert members(buyers) == expected

    def test_a_rule_without_time_is_never_due(self) -> None:
        assert Segment.objects.get(pk=segment("VIPs", VIP).pk).due_at is None

    def test_rules_about_what_nobody_notes_are_worked_out_afresh_from_time_to_time(self) -> None:
        everyone = segment("Everyone", {"all": []})
        Segment.objects.update(depends_on=[UNNOTED], stale_since=None)
        aging.look(Segment.objects.get(), now=membership.clock() + membership.UNNOTED_AGE)
        everyone.refresh_from_db()
        assert everyone.stale_since

    def test_a_look_at_the_same_time_by_two_is_taken_once(self) -> None:
        ann = person("Ann")
        did(ann, "purchase", NOW - timedelta(days=30))
        Segment.objects.create(name="Buyers", rules=BOUGHT)
        membership.refresh(Segment.objects.get(), now=NOW - timedelta(hours=1))
        first, second = Segment.objects.get(), Segment.objects.get()
        for each in (first, second):
            aging.look(each, now=NOW + timedelta(hours=1))
        assert Recheck.objects.count() == 1


def test_it_is_quiet_only_when_there_is_nothing_new() -> None:
    ann = person("Ann")
    assert not matching.is_quiet()
    matching.catch_up()
    assert matching.is_quiet()
    ingest.record("visit", contact_id=ann.pk)
    assert not matching.is_quiet()


def test_a_batch_that_is_undone_comes_again() -> None:
    vips = segment("VIPs", VIP)
    person("Ann", tags=["vip"])
    with transaction.atomic():
        matching.catch_up()
        assert members(vips) == "Ann"
        transaction.set_rollback(True)
    assert members(vips) == ""
    matching.catch_up()
    assert members(vips) == "Ann"
