"""The console's pages for segments, with and without JavaScript, and who may see them."""

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from campaigns.models import Campaign
from segments import definition, difference, membership, progress, tasks, uses
from segments.models import Segment
from team.models import User
from tests.segments.people import make_catalogue, person, rule, segment

VIP = rule("tag", "has", "vip")
ADD = "/admin/segments/segment/add/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def console(editor: User, client: Client) -> Client:
    client.force_login(editor)
    return client


def url(page: str, of: Segment) -> str:
    return reverse(f"admin:segments_segment_{page}", args=[of.pk])


def test_a_segment_is_made_with_the_plain_text_box_alone(console: Client) -> None:
    person("Ann", tags=["vip"])
    sent = {"name": "VIPs", "description": "", "kind": "dynamic", "rules": json.dumps(VIP)}
    answer = console.post(ADD, sent, follow=True)
    assert "Saved: 1 people." in answer.content.decode()
    made = Segment.objects.get()
    assert (made.rules, made.size, made.created_by.username) == (VIP, 1, "ada")


def test_the_form_keeps_what_was_typed_and_says_what_is_wrong(console: Client) -> None:
    for rules, said in [
        ("{", "not valid JSON"),
        (json.dumps({"all": [VIP, {"field": "nope", "operator": "is"}]}), "There is no field"),
        ('{"not":' * 10_000 + "{}" + "}" * 10_000, "nested more than 20 levels"),
    ]:
        answer = console.post(ADD, {"name": "Mine", "kind": "dynamic", "rules": rules})
        assert answer.status_code == 422
        page = answer.content.decode()
        assert said in page
        assert 'value="Mine"' in page
    assert not Segment.objects.exists()


def test_problems_reach_the_builder_with_their_place(console: Client) -> None:
    answer = console.post(ADD, {"name": "x", "kind": "dynamic", "rules": '{"all": [{"field": "nope"}]}'})
    assert answer.context["problems"][0]["path"] == "/all/0"


def test_rules_can_be_changed_and_a_circle_is_said(console: Client) -> None:
    vips = segment("VIPs", VIP)
    person("Ann")
    console.post(url("edit", vips), {"name": "Not VIPs", "rules": json.dumps({"not": VIP})})
    vips.refresh_from_db()
    assert (vips.name, vips.size) == ("Not VIPs", 1)
    circle = json.dumps(rule("segment", "in", str(vips.uuid)))
    assert "circle" in console.post(url("edit", vips), {"name": "x", "rules": circle}).content.decode()


@pytest.mark.parametrize("page", ["change", "edit", "members", "explain", "engagement", "delete"])
def test_every_page_opens_also_for_hostile_names_and_values(console: Client, page: str) -> None:
    make_catalogue()
    ann = person("Ann", last_name="<script>alert(1)</script>", attributes={"channel": "</script><b>"})
    odd = segment("<img src=x onerror=alert(1)>", rule("attribute:channel", "equals", "</script><b>"))
    answer = console.get(url(page, odd), {"contact": ann.email})
    assert answer.status_code == 200
    for bad in ("<img src=x", "<script>alert", "</script><b>"):
        assert bad not in answer.content.decode()


def test_members_come_by_key(console: Client) -> None:
    for number in range(60):
        person(f"P{number}")
    everyone = segment("Everyone", {"all": []})
    first = console.get(url("members", everyone))
    second = console.get(url("members", everyone), {"before": first.context["next"]})
    assert [len(page.context["rows"]) for page in (first, second)] == [50, 10]
    assert second.context["next"] is None
    assert console.get(url("members", everyone), {"before": "9" * 30}).status_code == 200


def test_people_are_put_in_and_taken_out_by_hand(console: Client) -> None:
    ann = person("Ann")
    console.post(ADD, {"name": "Chosen", "kind": "static", "rules": ""})
    chosen = Segment.objects.get()
    answer = console.post(url("members", chosen), {"people": "nobody@example.com"})
    assert "Nobody is known as: nobody@example.com" in answer.content.decode()
    console.post(url("members", chosen), {"people": "ANN@example.com"})
    assert chosen.memberships.count() == 1
    console.post(reverse("admin:segments_segment_remove", args=[chosen.pk, ann.pk]))
    assert chosen.memberships.count() == 0


def test_why_someone_is_in_or_out_is_told_for_an_email_address_or_an_id(console: Client) -> None:
    ann = person("Ann", external_id="A-1")
    vips = segment("VIPs", VIP)
    for who in ("ann@example.com", str(ann.uuid), "A-1"):
        assert (
            "Tags: empty; does not have “vip”" in console.get(url("explain", vips), {"contact": who}).content.decode()
        )
    assert "Nobody is known as" in console.get(url("explain", vips), {"contact": "x\x00"}).content.decode()


def test_refresh_needs_a_post_and_says_what_changed(console: Client) -> None:
    vips = segment("VIPs", VIP)
    person("Ann", tags=["vip"])
    assert console.get(url("refresh", vips)).status_code == 405
    assert "1 came in, 0 left, 1 now" in console.post(url("refresh", vips), follow=True).content.decode()


def test_a_large_segment_is_refreshed_by_a_task_and_its_page_says_how_far_it_is(
    console: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    vips = segment("VIPs", VIP)
    ann = person("Ann", tags=["vip"])
    monkeypatch.setattr(definition, "AT_ONCE", 0)
    page = console.post(url("refresh", vips), follow=True).content.decode()
    assert "are being worked out" in page
    assert "about to be brought up to date" in page
    assert not vips.memberships.exists(), "the request did not do it"
    assert vips in Segment.objects.stale(patience=timedelta(0)), "so a tick finds it, whatever became of the message"

    count = progress.Count(vips.pk)
    assert "The rules are being asked" in console.get(url("refreshing", vips)).content.decode()
    count.expect(4)
    count.add(1)
    assert "1 of 4 who come in" in console.get(url("refreshing", vips)).content.decode()
    tasks.refresh(vips.pk)
    assert "up to date: 1 people" in console.get(url("refreshing", vips)).content.decode()
    assert [member.contact for member in vips.memberships.all()] == [ann]


def test_a_refresh_tells_how_many_are_written_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    everyone = Segment.objects.create(name="Everyone", rules={"all": []})
    for name in ("Ann", "Bob", "Cem"):
        person(name)
    monkeypatch.setattr(difference.pieces, "__defaults__", (1,))
    told: list[tuple[int, int | None]] = []
    monkeypatch.setattr(progress.Count, "_tell", lambda count: told.append((count.now.done, count.now.total)))
    membership.refresh(everyone)
    assert told == [(0, None), (0, 3), (1, 3), (2, 3), (3, 3)]


def test_the_page_of_one_that_follows_says_so(console: Client) -> None:
    vips = segment("VIPs", VIP)
    membership.refresh(vips)  # in a test's transaction only the second one lets it follow
    page = console.get(url("change", vips)).content.decode()
    assert "follows changes and events within seconds" in page
    assert "minutes" not in page


def test_one_in_use_is_kept_and_a_free_one_deleted_after_asking(console: Client) -> None:
    vips = segment("VIPs", VIP)
    campaign = vips.campaigns.create(name="Spring")
    assert "the campaign “Spring” " in console.post(url("delete", vips), follow=True).content.decode().replace(
        "”.", "” "
    )
    campaign.delete()
    assert Segment.objects.exists()
    console.post(url("delete", vips))
    assert not Segment.objects.exists()


def test_a_segment_of_very_many_campaigns_names_some_and_counts_all(
    console: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    vips, other = segment("VIPs", VIP), segment("Others", rule("tag", "has", "other"))
    campaigns = Campaign.objects.bulk_create(Campaign(name=f"Letter {number}") for number in range(70))
    vips.campaigns.set(campaigns[:-1])
    Campaign.objects.filter(pk=campaigns[0].pk).update(deleted_at=timezone.now())
    other.excluded_campaigns.add(campaigns[-1])
    used = uses.of(vips)
    assert (used.count, len(used.first), used.first[0]) == (68, 50, "the campaign “Letter 68”")
    page = console.get(url("change", vips)).content.decode()
    assert "and 18 more" in page
    assert page.count("The campaign “Letter") == 50
    with django_assert_max_num_queries(20):
        listed = console.get(reverse("admin:segments_segment_changelist")).content.decode()
    assert "68 places" in listed
    assert "1 place<" in listed


def test_the_live_size_answers_with_people_or_with_what_is_wrong(console: Client) -> None:
    person("Ann", tags=["vip"])
    ask = reverse("admin:segments_segment_preview")
    found = console.post(ask, json.dumps(VIP), content_type="application/json").json()
    assert (found["size"], found["base"], found["sample"][0]["name"]) == (1, 1, "Ann")
    for body in ("{", json.dumps({"field": "nope"}), "[" * 100_000, b"\xff\xfe"):
        wrong = console.post(ask, body, content_type="application/json")
        assert wrong.status_code == 400
        assert wrong.json()["problems"]


def test_suggestions_are_values_that_people_have(console: Client) -> None:
    make_catalogue()
    person("Ann", attributes={"channel": "Web", "brands": ["north"]})
    person("Bob", attributes={"channel": "Web", "brands": ["peak", "north"]})
    person("Cem", attributes={"channel": "Phone", "brands": "broken"})
    ask = reverse("admin:segments_segment_suggest")
    assert console.get(ask, {"field": "attribute:channel"}).json()["values"] == ["Web", "Phone"]
    assert console.get(ask, {"field": "attribute:channel", "q": "pH"}).json()["values"] == ["Phone"]
    assert console.get(ask, {"field": "attribute:brands"}).json()["values"] == ["north", "peak"]
    for field in ("attribute:history", "nope", "user__password", "created_at", "x\x00"):
        assert console.get(ask, {"field": field, "q": "\x00'"}).json()["values"] == []


def test_an_approver_sees_but_changes_nothing_and_a_stranger_sees_nothing(
    client: Client, approver: User, stranger: User
) -> None:
    vips = segment("VIPs", VIP)
    client.force_login(approver)
    assert client.get(url("change", vips)).status_code == 200
    assert client.get(url("members", vips)).status_code == 200
    for path in (url("refresh", vips), url("edit", vips), url("delete", vips), ADD):
        assert client.post(path, {}).status_code == 403
    client.force_login(stranger)
    for page in ("change", "members", "explain", "engagement"):
        assert client.get(url(page, vips)).status_code == 403
    assert client.post(reverse("admin:segments_segment_preview"), "{}", content_type="text/json").status_code == 403


def test_adding_people_to_a_segment_that_follows_rules_is_refused_with_a_sentence(console: Client) -> None:
    vips, ann = segment("VIPs", VIP), person("Ann")
    answer = console.post(url("members", vips), {"people": ann.email}, follow=True)
    assert "follows its rules" in answer.content.decode()
    assert not vips.memberships.exists()
