"""Segments over the API: the whole life of one, and wrong input answered with what is wrong."""

import pytest
from django.core.cache import cache
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from segments import definition
from segments.models import Segment, Standing
from team import apikeys
from team.models import User
from tests.segments.people import did, make_catalogue, names, person, rule, segment

VIP = rule("tag", "has", "vip")

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(editor: User) -> APIClient:
    _, key = apikeys.issue(editor, name="tests", scopes=["segments:read", "segments:write"])
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    return client


@pytest.mark.parametrize("base", ["/api/segments", "/api/notifications/segments", "/api/segments/"])
def test_a_segment_is_made_changed_listed_and_deleted(api: APIClient, base: str) -> None:
    person("Ann", tags=["vip"])
    made = api.post(base, {"name": "VIPs", "rules": VIP})
    assert (made.status_code, made.data["size"]) == (201, 1)
    url = f"{base.rstrip('/')}/{made.data['id']}"
    changed = api.put(url, {"name": "All", "rules": {"not": VIP}})
    assert (changed.status_code, changed.data["name"], changed.data["size"]) == (200, "All", 0)
    assert [row["name"] for row in api.get(base).data["results"]] == ["All"]
    assert api.delete(url).status_code == 204
    assert not Segment.objects.exists()


def test_one_segment_comes_with_its_first_members_and_its_users(api: APIClient) -> None:
    person("Ann", tags=["vip"])
    vips = segment("VIPs", VIP)
    segment("Others", rule("segment", "not_in", str(vips.uuid)))
    data = api.get(f"/api/segments/{vips.uuid}").data
    assert [member["email"] for member in data["members"]] == ["ann@example.com"]
    assert data["used_by"] == ["the segment “Others”"]


def test_one_in_use_answers_409_with_its_users(api: APIClient) -> None:
    vips = segment("VIPs", VIP)
    vips.campaigns.create(name="Spring")
    answer = api.delete(f"/api/segments/{vips.uuid}")
    assert (answer.status_code, answer.json()["code"]) == (409, "in_use")
    assert "Spring" in answer.json()["detail"]


def test_wrong_rules_answer_400_with_each_problem_at_its_place(api: APIClient) -> None:
    answer = api.post("/api/segments", {"name": "x", "rules": {"all": [VIP, rule("user__password__startswith", "x")]}})
    assert answer.status_code == 400
    assert answer["Content-Type"].startswith("application/problem+json")
    assert list(answer.json()["errors"]["rules"]) == ["/all/1"]


def test_unknown_fields_missing_rules_and_taken_names_answer_400(api: APIClient) -> None:
    segment("VIPs", VIP)
    for body, field in [
        ({"name": "x", "rules": VIP, "colour": "red"}, "colour"),
        ({"name": "x"}, "rules"),
        ({"rules": VIP}, "name"),
        ({"name": "VIPs", "rules": VIP}, "name"),
        ({"name": "x", "kind": "static", "rules": VIP}, "rules"),
        ({"name": "x", "kind": "nice", "rules": VIP}, "kind"),
    ]:
        answer = api.post("/api/segments", body)
        assert (answer.status_code, list(answer.json()["errors"])) == (400, [field]), body


def test_a_circle_answers_400(api: APIClient) -> None:
    vips = segment("VIPs", VIP)
    answer = api.put(f"/api/segments/{vips.uuid}", {"name": "VIPs", "rules": rule("segment", "in", str(vips.uuid))})
    assert answer.status_code == 400
    assert "circle" in answer.json()["errors"]["rules"]["/"][0]


@pytest.mark.parametrize("path", ["", "/preview"])
@pytest.mark.parametrize("levels", [30, 300, 10_000])
def test_endless_nesting_answers_400(api: APIClient, path: str, levels: int) -> None:
    body = '{"name": "x", "rules": ' + '{"not":' * levels + "{}" + "}" * levels + "}"
    answer = api.generic("POST", f"/api/segments{path}", body, content_type="application/json")
    assert answer.status_code == 400


def test_preview_answers_with_size_base_sample_and_a_warning(api: APIClient) -> None:
    person("Ann", tags=["vip"])
    person("Bob")
    data = api.post("/api/segments/preview", {"rules": VIP}).data
    assert (data["size"], data["base"], data["percent"], data["warning"]) == (1, 2, 50.0, "")
    assert [contact["first_name"] for contact in data["sample"]] == ["Ann"]
    assert api.post("/api/segments/preview", {"rules": {"all": []}}).data["warning"] == "Everyone fits these rules."
    assert api.post("/api/segments/preview", {"rules": {"any": []}}).data["warning"] == "Nobody fits these rules."


def test_members_come_in_pages(api: APIClient) -> None:
    for number in range(5):
        person(f"P{number}", tags=["vip"])
    vips, seen = segment("VIPs", VIP), []
    url = f"/api/segments/{vips.uuid}/users?limit=2"
    while url:
        page = api.get(url).data
        seen += [row["first_name"] for row in page["results"]]
        url = page["next"]
    assert seen == ["P4", "P3", "P2", "P1", "P0"]


def test_people_are_put_into_and_taken_out_of_a_static_segment_by_hand(api: APIClient) -> None:
    ann, bob = person("Ann"), person("Bob")
    made = api.post("/api/segments", {"name": "Chosen", "kind": "static"}).data
    url = f"/api/segments/{made['id']}/users"
    assert api.post(url, {"contacts": [str(ann.uuid), "BOB@example.com"]}).data == {"entered": 2, "left": 0, "size": 2}
    assert api.delete(f"{url}/{bob.uuid}").status_code == 204
    assert api.delete(f"{url}/{bob.uuid}").status_code == 404
    assert [row["first_name"] for row in api.get(url).data["results"]] == ["Ann"]
    assert api.post(url, {"contacts": ["nobody@example.com"]}).status_code == 400
    vips = segment("VIPs", VIP)
    assert api.post(f"/api/segments/{vips.uuid}/users", {"contacts": [str(ann.uuid)]}).status_code == 409


def test_a_large_segment_answers_at_once_that_its_refresh_is_to_come(
    api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    vips = segment("VIPs", VIP)
    monkeypatch.setattr(definition, "AT_ONCE", 0)
    person("Ann", tags=["vip"])
    answer = api.post(f"/api/segments/{vips.uuid}/refresh")
    assert (answer.status_code, answer.data["id"], answer.data["size"]) == (202, str(vips.uuid), 0)


def test_refresh_explain_compare_and_performance(api: APIClient) -> None:
    ann = person("Ann")
    vips, everyone = segment("VIPs", VIP), segment("Everyone", {"all": []})
    ann.tags = ["vip"]
    ann.save()
    Standing.objects.create(contact=ann, spent=80, purchase_count=2)
    cache.clear()
    assert api.post(f"/api/segments/{vips.uuid}/refresh").data == {"entered": 1, "left": 0, "size": 1}
    told = api.get(f"/api/segments/{vips.uuid}/explain?contact=ann@example.com").data
    assert (told["is_member"], told["answer"]["sentence"]) == (True, "Tags: “vip”; has “vip”")
    assert api.get(f"/api/segments/{vips.uuid}/explain?contact=x").status_code == 400
    compared = api.post("/api/segments/compare", {"segments": [str(vips.uuid), str(everyone.uuid)]}).data
    assert [pair["size"] for pair in compared["overlaps"]] == [1]
    assert [row["spent"] for row in compared["figures"]] == ["80.0000", "80.0000"]
    did(ann, "message.opened", timezone.now())
    performance = api.get(f"/api/segments/{vips.uuid}/performance").data
    assert performance["growth"][-1]["size"] == 1
    assert performance["engagement"]["message.opened"] == {"events": 1, "people": 1}
    assert (performance["revenue"]["people"], performance["revenue"]["spent"]) == (1, "80.0000")
    assert (performance["everyone"]["buyers"], performance["added_up_until"]) == (1, None)


def test_every_field_is_described_with_its_operators(api: APIClient) -> None:
    make_catalogue()
    data = api.get("/api/segments/fields").data
    by_key = {field["key"]: field for field in data["fields"]}
    assert by_key["attribute:history"]["type"] == "number"
    assert {"key": "between", "label": "is between", "input": "numbers"} in by_key["attribute:history"]["operators"]
    assert "at_least" in [verb["key"] for verb in data["behaviour"]["verbs"]]


def test_a_key_that_may_only_read_changes_nothing(editor: User) -> None:
    vips = segment("VIPs", VIP)
    _, key = apikeys.issue(editor, name="reader", scopes=["segments:read"])
    reader = APIClient()
    reader.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    url = f"/api/segments/{vips.uuid}"
    assert reader.get(url).status_code == 200
    assert reader.post("/api/segments/preview", {"rules": VIP}).status_code == 200
    denied = [reader.post("/api/segments", {}), reader.put(url, {}), reader.delete(url), reader.post(f"{url}/refresh"),
              reader.post(f"{url}/users", {})]  # fmt: skip
    assert {answer.status_code for answer in denied} == {403}
    assert names({"all": []}) == ""


def test_a_stranger_and_an_anonymous_see_nothing(stranger: User) -> None:
    client = APIClient()
    assert client.get("/api/segments").status_code in (401, 403)
    client.force_login(stranger)
    assert client.get("/api/segments").status_code == 403


def test_people_put_in_by_hand_are_looked_up_all_at_once(
    api: APIClient, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    chosen = definition.create(name="Chosen", kind="static", by=None)
    everyone = [person(f"P{number}", external_id=f"X{number}") for number in range(60)]
    named = [str(one.uuid) for one in everyone[:20]] + [f" {str(one.email).upper()}" for one in everyone[20:40]]
    with django_assert_max_num_queries(30):
        answer = api.post(
            f"/api/segments/{chosen.uuid}/users", {"contacts": [*named, *(one.external_id for one in everyone[40:])]}
        )
    assert (answer.status_code, answer.data["entered"]) == (200, 60)
    answer = api.post(f"/api/segments/{chosen.uuid}/users", {"contacts": ["nobody@example.com", everyone[0].email]})
    assert (answer.status_code, "nobody@example.com" in answer.content.decode()) == (400, True)
