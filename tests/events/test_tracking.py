"""The tracking API as its clients meet it: what is taken, once, when it happened, and what is answered."""

import gzip
import json
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client, override_settings
from django.utils import timezone

from contacts.models import Contact
from events.models import Event, SeenMessage
from events.tracking import deduplication, live, reading, sources
from tests.conftest import make_user
from tests.events.conftest import Sender

pytestmark = pytest.mark.django_db


def test_an_event_lands_in_the_log_with_its_person_its_source_and_its_properties(server: Sender) -> None:
    properties = {"total": 12.5, "items": [{"sku": "a\tb\\c"}], "note": 'He said "yes"\n'}
    assert server.say("track", userId="u-1", event="Order Completed", properties=properties) == {"success": True}
    event = Event.objects.get()
    assert (event.name, event.properties, event.source_id) == ("Order Completed", properties, server.source.pk)
    assert event.contact_id == Contact.objects.get(external_id="u-1").pk
    assert abs(event.occurred_at - timezone.now()) < timedelta(seconds=20)


def test_a_page_and_a_screen_are_events_that_say_which(server: Sender) -> None:
    server.say("page", anonymousId="v", name="Pricing", category="Docs", properties={"url": "https://example.com/"})
    server.say("screen", anonymousId="v", name="Home")
    page, screen = Event.objects.order_by("id")
    assert (page.name, screen.name) == ("page", "screen")
    assert page.properties == {"url": "https://example.com/", "name": "Pricing", "category": "Docs"}
    assert (page.anonymous_id, page.contact_id, screen.properties) == ("v", None, {"name": "Home"})


def test_a_batch_takes_each_kind_of_message_in_its_order(server: Sender) -> None:
    server.batch(
        {"type": "track", "event": "Seen", "anonymousId": "v"},
        {"type": "identify", "userId": "u", "anonymousId": "v", "traits": {"email": "Ada@Example.com"}},
        {"type": "track", "event": "Bought", "anonymousId": "v"},
        {"type": "group", "userId": "u", "groupId": "g", "traits": {"name": "Acme"}},
    )
    ada = Contact.objects.get()
    assert (ada.email, ada.external_id) == ("ada@example.com", "u")
    assert list(Event.objects.order_by("id").values_list("name", "contact_id")) == [
        ("Seen", ada.pk),
        ("Bought", ada.pk),
    ]
    assert ada.employments.get().company.name == "Acme"


@pytest.mark.parametrize("path", ["batch", "import", "b"])
def test_a_batch_may_come_at_any_of_its_addresses(server: Sender, path: str) -> None:
    assert server.post(path, {"batch": [{"type": "track", "event": "E", "userId": "u"}]}).status_code == 200
    assert Event.objects.count() == 1


def test_the_key_may_stand_in_the_body_as_browsers_send_it(server: Sender) -> None:
    body = json.dumps({"writeKey": server.key, "event": "E", "anonymousId": "v"})
    answer = Client().post("/v1/t", body, content_type="text/plain")
    assert answer.status_code == 200
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert Event.objects.get().source_id == server.source.pk


def test_a_browser_may_ask_first_whether_it_may_send() -> None:
    answer = Client().options("/v1/track", headers={"Origin": "https://example.com"})
    assert answer.status_code == 204
    assert "Authorization" in answer["Access-Control-Allow-Headers"]
    assert not answer.cookies


@pytest.mark.parametrize("key", ["", "wk_guessed", "ключ", "\0"])
def test_without_a_known_key_nothing_is_taken(server: Sender, key: str) -> None:
    server.key = key
    answer = server.post("track", {"event": "E", "userId": "u"})
    assert answer.status_code == 401
    assert not Event.objects.exists()


def test_a_revoked_key_and_a_source_switched_off_take_nothing_more(server: Sender, website: Sender) -> None:
    sources.revoke(server.source.keys.get())
    sources.switch(website.source, on=False)
    for sender in (server, website):
        assert sender.post("track", {"event": "E", "userId": "u"}).status_code == 401


def test_a_second_key_works_beside_the_first(server: Sender) -> None:
    first = server.key
    _, server.key = sources.issue(server.source, by=make_user("dan", None))
    server.say("track", event="E", userId="u")
    server.key = first
    server.say("track", event="E", userId="u")
    assert Event.objects.count() == 2


def test_a_key_is_kept_as_a_hash_alone(server: Sender) -> None:
    assert server.key not in str(server.source.keys.values())


def test_a_message_that_comes_again_is_taken_once(server: Sender) -> None:
    message = {"type": "track", "event": "E", "userId": "u", "messageId": "m-1"}
    server.batch(message, message, message | {"messageId": "m-2"})
    server.batch(message, message | {"messageId": "m-3"})
    assert Event.objects.count() == 3
    assert [line["why"] for line in server.shown()].count("Seen before: taken once.") == 2


def test_messages_without_an_id_are_each_taken(server: Sender) -> None:
    server.batch(*[{"type": "track", "event": "E", "userId": "u"}] * 3)
    assert Event.objects.count() == 3


def test_one_source_cannot_use_up_another_s_message_ids(server: Sender, website: Sender) -> None:
    website.say("track", event="E", userId="u", messageId="m")
    server.say("track", event="E", userId="u", messageId="m")
    assert Event.objects.count() == 2


def test_what_was_seen_long_ago_is_forgotten(server: Sender) -> None:
    server.batch(*({"type": "track", "event": "E", "userId": "u", "messageId": str(n)} for n in range(3)))
    old = SeenMessage.objects.order_by("key")[:2]
    SeenMessage.objects.filter(pk__in=[row.pk for row in old]).update(seen_at=timezone.now() - timedelta(days=15))
    assert deduplication.forget_old() == 2
    assert SeenMessage.objects.count() == 1


def test_a_client_s_wrong_clock_is_corrected_by_what_it_showed_when_sending(server: Sender) -> None:
    now = timezone.now()
    fast = now + timedelta(hours=3)
    server.batch(
        {"type": "track", "event": "E", "userId": "u", "timestamp": (fast - timedelta(minutes=5)).isoformat()},
        sentAt=fast.isoformat(),
    )
    assert abs(Event.objects.get().occurred_at - (now - timedelta(minutes=5))) < timedelta(seconds=20)


def test_times_of_a_clock_that_is_right_stay_exactly_as_they_are(server: Sender) -> None:
    server.say("track", event="E", userId="u", timestamp="1997-06-18", sentAt=timezone.now().isoformat())
    assert Event.objects.get().occurred_at == datetime(1997, 6, 18, tzinfo=UTC)


def test_nothing_happens_in_the_future(server: Sender) -> None:
    server.say("track", event="E", userId="u", timestamp="2999-01-01T00:00:00Z")
    assert Event.objects.get().occurred_at <= timezone.now()


def test_a_gzipped_batch_is_read(server: Sender) -> None:
    body = gzip.compress(json.dumps({"batch": [{"type": "track", "event": "E", "userId": "u"}]}).encode())
    assert server.post("batch", body, **{"Content-Encoding": "gzip"}).status_code == 200
    assert Event.objects.count() == 1


def test_of_a_batch_the_good_ones_are_taken_and_the_others_shown_with_the_reason(server: Sender) -> None:
    answer = server.batch(
        {"type": "track", "event": "Good", "userId": "u"},
        {"type": "track", "userId": "u"},
        {"type": "track", "event": "Nobody's"},
        {"type": "dance", "userId": "u"},
        {"type": "track", "event": "x" * 121, "userId": "u"},
        {"type": "track", "event": "Late", "userId": "u", "timestamp": "yesterday"},
        {"type": "track", "event": "Fat", "userId": "u", "properties": {"x": "x" * 33_000}},
    )  # fmt: skip
    assert answer == {"success": True, "refused": 6}
    assert Event.objects.get().name == "Good"
    assert [line["code"] for line in reversed(server.shown("refused"))] == [
        "no_event", "nobody", "unknown_type", "bad_event", "bad_time", "too_large",
    ]  # fmt: skip


def test_strict_mode_takes_all_of_a_batch_or_nothing(server: Sender) -> None:
    good, bad = {"type": "track", "event": "E", "userId": "u", "messageId": "m"}, {"type": "track", "userId": "u"}
    answer = server.post("batch", {"batch": [good, bad]}, strict=True)
    assert answer.status_code == 400
    assert json.loads(answer.content)["errors"] == [
        {"index": 1, "code": "no_event", "message": "A track message needs an `event`, its name."}
    ]
    assert not Event.objects.exists()
    assert server.post("batch", {"batch": [good]}, strict=True).status_code == 200
    assert Event.objects.count() == 1


def test_a_large_message_and_a_large_batch_are_turned_away_in_either_mode(server: Sender) -> None:
    fat = {"event": "E", "userId": "u", "properties": {"x": "x" * reading.MESSAGE_BYTES}}
    assert server.post("track", fat).status_code == 400
    many = {"batch": [{"type": "track", "event": "E", "userId": "u", "properties": {"x": "x" * 20_000}}] * 26}
    assert server.post("batch", many).status_code == 400
    assert json.loads(server.post("batch", many).content)["code"] == "too_large"
    assert server.post("batch", {"batch": [{}] * 2_501}).status_code == 400
    assert not Event.objects.exists()


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"batch": 5}', b"{}", b"\xff\xfe", b'{"batch": [NaN]}'])
def test_what_is_no_json_is_400(server: Sender, body: bytes) -> None:
    answer = server.post("batch", body)
    assert (answer.status_code, json.loads(answer.content)["success"]) == (400, False)


def test_only_posts_are_answered(server: Sender) -> None:
    assert Client().get("/v1/track").status_code == 405


@override_settings(TRACKING_RATE_PER_MINUTE=3)
def test_too_many_requests_are_told_to_wait(server: Sender) -> None:
    statuses = [server.post("track", {"event": "E", "userId": "u"}).status_code for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    assert 0 < int(server.post("track", {"event": "E", "userId": "u"})["Retry-After"]) <= 60


@override_settings(TRACKING_RATE_PER_VISITOR=2)
def test_one_visitor_cannot_use_up_what_a_website_may_send(website: Sender) -> None:
    greedy = [website.post("track", {"event": "E", "anonymousId": "v"}).status_code for _ in range(3)]
    website.client = Client(REMOTE_ADDR="203.0.113.9")
    assert (greedy, website.post("track", {"event": "E", "anonymousId": "w"}).status_code) == ([200, 200, 429], 200)


@override_settings(REDIS_URL="unix:///nowhere/redis.sock")
def test_without_redis_events_are_taken_all_the_same(server: Sender) -> None:
    server.say("track", event="E", userId="u")
    assert Event.objects.count() == 1


def test_what_came_in_is_counted_by_outcome(server: Sender) -> None:
    server.batch({"type": "track", "event": "E", "userId": "u", "messageId": "m"}, {"type": "track", "userId": "u"})
    server.batch({"type": "track", "event": "E", "userId": "u", "messageId": "m"})
    assert live.counts(server.source.pk, days=1)[0][1] == {"taken": 1, "duplicate": 1, "refused": 1}
