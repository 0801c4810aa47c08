"""Members are kept by difference, refreshes do not collide, and the explanation tells the person's own values."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from contacts import erasure
from contacts.models import AttributeDefinition, Contact
from core.errors import Refused
from segments import definition, membership, tasks, uses
from segments.membership import Change
from segments.models import Membership, Segment, SizePoint
from team.models import User
from tests.segments.people import did, make_catalogue, person, rule, segment

VIP = rule("tag", "has", "vip")


def members(of: Segment) -> str:
    return " ".join(of.memberships.order_by("contact__first_name").values_list("contact__first_name", flat=True))


@pytest.mark.django_db
class TestRefresh:
    def test_a_refresh_writes_only_the_difference(self) -> None:
        ann, bob = person("Ann", tags=["vip"]), person("Bob", tags=["vip"])
        vips = segment("VIPs", VIP)
        before = dict(vips.memberships.values_list("contact_id", "entered_at"))
        Contact.objects.filter(pk=bob.pk).update(tags=[])
        person("Cem", tags=["vip"])
        assert membership.refresh(vips) == Change(entered=1, left=1, size=2)
        assert members(vips) == "Ann Cem"
        assert vips.memberships.get(contact=ann).entered_at == before[ann.pk]
        assert vips.size == Segment.objects.get(pk=vips.pk).size == 2

    def test_a_refresh_without_a_change_changes_nothing_and_adds_no_point(self) -> None:
        person("Ann", tags=["vip"])
        vips = segment("VIPs", VIP)
        assert membership.refresh(vips) == Change(0, 0, 1)
        assert vips.size_points.count() == 1

    def test_each_change_of_size_is_a_point_of_the_growth(self) -> None:
        vips = segment("VIPs", VIP)
        person("Ann", tags=["vip"])
        membership.refresh(vips)
        points = list(SizePoint.objects.values_list("size", "entered_count", "left_count"))
        assert points == [(0, 0, 0), (1, 1, 0)]

    def test_erased_people_leave(self, editor: User) -> None:
        ann = person("Ann", tags=["vip"])
        vips = segment("VIPs", {"all": []})
        chosen = definition.create(name="Chosen", kind="static", by=None)
        membership.add(chosen, [ann])
        erasure.erase(ann, by=editor)
        assert membership.refresh(vips).size == 0
        assert membership.refresh(chosen).size == 0

    def test_a_failing_refresh_keeps_the_members_and_says_why(self) -> None:
        make_catalogue()
        person("Ann", attributes={"channel": "Web"})
        web = segment("Web", rule("attribute:channel", "equals", "Web"))
        AttributeDefinition.objects.filter(key="channel").delete()
        with pytest.raises(Refused, match="no field"):
            membership.refresh(web)
        web.refresh_from_db()
        assert "attribute:channel" in web.refresh_failed
        assert members(web) == "Ann"
        make_catalogue()
        membership.refresh(web)
        assert web.refresh_failed == ""

    def test_segments_asked_about_are_refreshed_first(self) -> None:
        vips = segment("VIPs", VIP)
        others = segment("Others", rule("segment", "not_in", str(vips.uuid)))
        person("Ann", tags=["vip"])
        Segment.objects.update(refreshed_at=timezone.now() - timedelta(hours=1))
        membership.refresh(others)
        assert members(vips) == "Ann"
        assert members(others) == ""

    def test_one_that_asks_about_a_failing_segment_fails_with_it_instead_of_using_old_members(self) -> None:
        broken = Segment.objects.create(name="Broken", rules={"field": "nope"})
        asking = Segment.objects.create(name="Asking", rules=rule("segment", "not_in", str(broken.uuid)))
        with pytest.raises(Refused, match="It asks about the segment “Broken”. There is no field"):
            membership.refresh(asking)
        assert not Segment.objects.filter(refresh_failed="").exists()

    def test_two_segments_can_be_refreshed_in_one_transaction(self) -> None:
        person("Ann", tags=["vip"])
        with transaction.atomic():
            assert segment("VIPs", VIP).size == 1
            assert segment("Everyone", {"all": []}).size == 1

    def test_a_question_that_takes_too_long_is_refused_with_a_sentence(self) -> None:
        with pytest.raises(Refused, match="takes longer"), membership.limited(0.05) as cursor:
            cursor.execute("SELECT pg_sleep(1)")
        with connection.cursor() as cursor:
            cursor.execute("SHOW statement_timeout")
            assert cursor.fetchone() == ("0",)


@pytest.mark.django_db(transaction=True)
def test_two_refreshes_at_once_wait_for_each_other_and_agree() -> None:
    for number in range(200):
        person(f"P{number}", tags=["vip"])
    vips = Segment.objects.create(name="VIPs", rules=VIP)
    changes: list[Change] = []

    def work() -> None:
        changes.append(membership.refresh(Segment.objects.get(pk=vips.pk)))
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(change.entered for change in changes) == [0, 0, 0, 200]
    assert Membership.objects.count() == 200


@pytest.mark.django_db
class TestStale:
    def test_those_that_wait_longest_are_refreshed_first_and_fresh_ones_left_alone(self) -> None:
        person("Ann", tags=["vip"])
        fresh, stale = segment("Fresh", VIP), segment("Stale", VIP)
        Segment.objects.filter(pk=fresh.pk).update(stale_since=None)
        never = Segment.objects.create(name="Never", rules=VIP)
        membership.make_stale(stale.pk)
        assert [due.name for due in Segment.objects.stale(patience=tasks.PATIENCE)] == ["Never", "Stale"]
        assert tasks.refresh_due() == 2
        assert members(never) == "Ann"
        assert Segment.objects.get(pk=fresh.pk).refreshed_at == fresh.refreshed_at

    def test_one_that_fails_does_not_keep_the_others_waiting(self) -> None:
        Segment.objects.create(name="Broken", rules={"field": "nope"})
        Segment.objects.create(name="Sound", rules=VIP)
        assert tasks.refresh_due() == 1
        assert not Segment.objects.stale(patience=tasks.PATIENCE).filter(name="Broken").exists()
        assert Segment.objects.get(name="Broken").refresh_failed


@pytest.mark.django_db
class TestExplanation:
    def test_it_tells_the_persons_own_values(self) -> None:
        make_catalogue()
        ann = person("Ann", attributes={"history": 142.44, "channel": "Web"})
        did(ann, "purchase", timezone.now())
        web = segment("Big", {"all": [
            rule("attribute:history", "greater_than", 200), rule("attribute:channel", "equals", "Web"),
            {"not": rule("email", "is_empty")},
            {"event": "purchase", "operator": "at_least", "times": 2, "within_days": 30},
        ]})  # fmt: skip
        explanation = membership.explain(web, ann)
        assert not explanation.fits
        assert not explanation.is_member
        assert explanation.answer
        assert explanation.answer.sentence == "All of these must be so: 2 of 4 are"
        assert [(child.holds, child.sentence) for child in explanation.answer.children] == [
            (False, "history is 142.44, which is not greater than 200"),
            (True, "channel is “Web”"),
            (True, "This must not be so: it is not"),
            (False, "Did “purchase” once in the last 30 days; asked is: at least 2 times"),
        ]

    def test_it_says_when_someone_is_about_to_come_in_or_leave(self) -> None:
        ann = person("Ann")
        vips = segment("VIPs", VIP)
        Contact.objects.filter(pk=ann.pk).update(tags=["vip"])
        assert "come in within moments" in membership.explain(vips, ann).note
        membership.refresh(vips)
        assert membership.explain(vips, ann).note == ""
        Contact.objects.filter(pk=ann.pk).update(tags=[])
        assert "leave within moments" in membership.explain(vips, ann).note


@pytest.mark.django_db
class TestDefinition:
    def test_a_new_segment_has_its_size_and_members_at_once(self, editor: User) -> None:
        person("Ann", tags=["vip"])
        made = definition.create(name="VIPs", rules=VIP, by=editor)
        assert (made.size, members(made), made.created_by) == (1, "Ann", editor)

    def test_large_changes_are_left_to_a_task(self, monkeypatch: pytest.MonkeyPatch) -> None:
        person("Ann", tags=["vip"])
        monkeypatch.setattr(definition, "AT_ONCE", 0)
        made = definition.create(name="VIPs", rules=VIP, by=None)
        assert (made.size, members(made), made.refreshed_at) == (1, "", None)
        tasks.refresh(made.pk)
        assert members(made) == "Ann"

    def test_circles_are_refused_however_long(self) -> None:
        first = segment("First", VIP)
        second = segment("Second", rule("segment", "in", str(first.uuid)))
        third = segment("Third", {"not": rule("segment", "in", str(second.uuid))})
        with pytest.raises(Refused, match="circle"):
            definition.change(first, name="First", rules=rule("segment", "in", str(third.uuid)))
        with pytest.raises(Refused, match="circle"):
            definition.change(first, name="First", rules={"any": [rule("segment", "not_in", str(first.uuid))]})

    def test_one_in_use_is_not_deleted_and_its_users_are_named(self) -> None:
        first = segment("First", VIP)
        second = segment("Second", rule("segment", "in", str(first.uuid)))
        first.campaigns.create(name="Spring")
        with pytest.raises(Refused) as caught:
            definition.delete(first)
        assert "the campaign “Spring”" in caught.value.message
        assert "the segment “Second”" in caught.value.message
        definition.delete(second)
        assert not Segment.objects.filter(name="Second").exists()

    def test_only_a_static_segment_is_filled_by_hand(self) -> None:
        ann = person("Ann")
        with pytest.raises(Refused, match="follows its rules"):
            membership.add(segment("VIPs", VIP), [ann])
        chosen = definition.create(name="Chosen", kind="static", by=None)
        assert membership.add(chosen, [ann, ann]) == Change(1, 0, 1)
        assert membership.add(chosen, [ann]) == Change(0, 0, 1)
        assert membership.remove(chosen, [ann]) == Change(0, 1, 0)


@pytest.mark.django_db
def test_a_new_name_leaves_the_size_alone_that_a_refresh_has_found_meanwhile() -> None:
    vips = segment("VIPs", VIP)
    open_page = Segment.objects.get(pk=vips.pk)
    person("Ann", tags=["vip"])
    membership.refresh(vips)
    definition.change(open_page, name="Best customers", rules=VIP)
    assert Segment.objects.values_list("name", "size").get() == ("Best customers", 1)


@pytest.mark.django_db
class TestSnapshots:
    def test_a_snapshot_keeps_whoever_fitted_when_it_was_taken(self, editor: User) -> None:
        ann = person("Ann", tags=["vip"])
        person("Bob")
        taken = definition.create(name="VIPs today", kind="snapshot", rules=VIP, by=editor)
        assert (taken.size, members(taken)) == (1, "Ann")
        Contact.objects.filter(pk=ann.pk).update(tags=[])
        person("Cem", tags=["vip"])
        assert membership.refresh(taken) == Change(0, 0, 1)
        assert members(taken) == "Ann"
        assert "fitted the rules when this snapshot was taken" in membership.explain(taken, ann).note

    def test_a_snapshot_of_a_segment_no_longer_follows_it(self, editor: User) -> None:
        person("Ann", tags=["vip"])
        vips = segment("VIPs", VIP)
        taken = definition.snapshot(vips, name="VIPs in June", by=editor)
        person("Bob", tags=["vip"])
        membership.refresh(vips)
        membership.refresh(taken)
        assert (members(vips), members(taken)) == ("Ann Bob", "Ann")

    def test_a_snapshot_outlives_the_segment_it_was_taken_of(self, editor: User) -> None:
        ann = person("Ann", tags=["vip"])
        vips = segment("VIPs", VIP)
        taken = definition.snapshot(vips, name="VIPs in June", by=editor)
        assert uses.of(vips).count == 0
        definition.delete(vips)
        assert membership.refresh(taken) == Change(0, 0, 1)
        assert membership.explain(taken, ann).is_member

    def test_people_leave_a_snapshot_by_hand_or_erased_and_nobody_comes_in(self, editor: User) -> None:
        ann, bob, cem = (person(name, tags=["vip"]) for name in ("Ann", "Bob", "Cem"))
        taken = definition.create(name="VIPs today", kind="snapshot", rules=VIP, by=editor)
        membership.remove(taken, [ann])
        erasure.erase(bob, by=editor)
        membership.refresh(taken)
        assert members(taken) == "Cem"
        with pytest.raises(Refused, match="make a static segment"):
            membership.add(taken, [ann])
        assert membership.remove(taken, [cem]).size == 0

    def test_a_snapshot_changes_its_name_and_not_its_rules(self, editor: User) -> None:
        person("Ann", tags=["vip"])
        taken = definition.create(name="VIPs today", kind="snapshot", rules=VIP, by=editor)
        definition.change(taken, name="VIPs in June", rules={"all": []})
        taken.refresh_from_db()
        assert (taken.name, taken.rules, members(taken)) == ("VIPs in June", VIP, "Ann")
