"""What nobody should send, and someone will: it is refused or stored as it is, and the rest of its batch is taken."""

import gzip
import json
from threading import Barrier, Thread

import pytest
from django.db import connection

from contacts.models import AttributeDefinition, Company, Contact
from events.models import Event, Source
from events.tracking import calls, sources
from tests.events.conftest import Sender

pytestmark = pytest.mark.django_db


def track(**more: object) -> dict[str, object]:
    return {"type": "track", "event": "E", "userId": "u"} | more


@pytest.mark.parametrize(
    "name", ["message.clicked", "message.opened", "segment.entered", "log.joined", " log.relabelled"]
)
def test_nobody_outside_writes_carillon_s_own_events(server: Sender, name: str) -> None:
    assert server.batch(track(event=name)) == {"success": True, "refused": 1}
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    "nasty",
    [
        "'; DROP TABLE events_event; --", "%s %(x)s {0}", "\\.", "\\N", "a\tb\nc\rd", '{"a","b"}', '"', "\\",
        "a\u2028b", "🔔 <script>alert(1)</script>",
    ],
)  # fmt: skip
def test_any_text_is_stored_as_it_is(server: Sender, nasty: str) -> None:
    server.batch(
        track(event=nasty, userId=nasty, anonymousId=nasty, properties={nasty: [nasty, {nasty: nasty}]}),
        {"type": "identify", "userId": nasty, "traits": {"quote": nasty, "first_name": nasty}},
        {"type": "group", "userId": nasty, "groupId": nasty, "traits": {"name": nasty, nasty: nasty}},
    )
    event = Event.objects.get(name=nasty.strip())
    assert (event.anonymous_id, event.properties) == (nasty, {nasty: [nasty, {nasty: nasty}]})
    assert Contact.objects.get().external_id == nasty
    assert Company.objects.get().attributes == {nasty: nasty}


@pytest.mark.parametrize(
    "properties",
    [
        '{"x":"\\u0000"}',
        '{"\\u0000":1}',
        '{"x":"\\ud83d"}',
        '{"x":1e400000}',
        '{"x":-1E+400000}',
        '{"x":' + "9" * 9_000 + "}",
    ],
)
def test_properties_that_the_database_cannot_hold_cost_at_most_themselves(server: Sender, properties: str) -> None:
    good = json.dumps(track(event="Good"))
    odd = '{"type":"track","event":"Odd","userId":"u","properties":' + properties + "}"
    answer = server.post("batch", f'{{"batch":[{good},{odd},{good}]}}'.encode())
    assert answer.status_code == 200
    assert Event.objects.filter(name="Good").count() == 2


@pytest.mark.parametrize("depth", [60, 900, 10_000])
def test_what_is_nested_too_deeply_is_refused(server: Sender, depth: int) -> None:
    deep = "[" * depth + "]" * depth
    for field in ("properties", "traits", "context"):
        body = f'{{"userId":"u","event":"E","{field}":{{"x":{deep}}}}}'
        server.post("track", body.encode())
        server.post("identify", body.encode())
    assert not Event.objects.filter(properties__has_key="x").exists()
    assert all(not contact.attributes for contact in Contact.objects.all())


def test_half_an_emoji_becomes_a_question_mark_and_loses_nothing_else(server: Sender) -> None:
    cut = json.dumps(track(event="A", properties={"x": "cut \ud83d"}))
    assert server.post("batch", f'{{"batch":[{cut},{json.dumps(track(event="B"))}]}}'.encode()).status_code == 200
    assert Event.objects.get(name="A").properties == {"x": "cut ?"}
    assert Event.objects.filter(name="B").exists()


def test_a_gzip_bomb_is_opened_no_further_than_the_limit(server: Sender) -> None:
    bomb = gzip.compress(b" " * 200_000_000)
    assert len(bomb) < 500 * 1024
    assert server.post("batch", bomb, **{"Content-Encoding": "gzip"}).status_code == 400


@pytest.mark.parametrize("body", [b"\x1f\x8b", b"plain", gzip.compress(b"{}")[:-4]])
def test_broken_gzip_is_400(server: Sender, body: bytes) -> None:
    assert server.post("batch", body, **{"Content-Encoding": "gzip"}).status_code == 400


@pytest.mark.parametrize(
    "odd",
    [
        {"userId": ["u"]}, {"userId": {"$ne": None}}, {"userId": True}, {"userId": "x" * 201}, {"userId": "a\0b"},
        {"event": 5}, {"event": ["E"]}, {"properties": [1]}, {"properties": "x"}, {"timestamp": 5}, {"context": [1]},
        {"timestamp": "9999-12-31T23:59:59Z", "sentAt": "0001-01-01T00:00:00Z"}, {"messageId": {}}, {"traits": [1]},
    ],
)  # fmt: skip
def test_values_of_the_wrong_kind_are_refused_by_themselves(server: Sender, odd: dict[str, object]) -> None:
    assert server.batch(track(event="Good"), track(**odd)) == {"success": True, "refused": 1}
    assert Event.objects.get().name == "Good"


@pytest.mark.parametrize("odd", [{"type": "track"}, None, 5, "x", [], [[]]])
def test_things_that_are_no_messages_are_refused_by_themselves(server: Sender, odd: object) -> None:
    assert server.post("batch", {"batch": [track(), odd]}).status_code == 200
    assert Event.objects.count() == 1


def test_traits_reach_no_column_but_those_meant_for_them(server: Sender) -> None:
    server.say("identify", userId="u", traits={
        "id": 999, "uuid": "x", "erased_at": "2020-01-01", "merged_into": 1, "external_id": "other", "tags": ["vip"],
        "is_superuser": True, "attributes": {"a": 1}, "user__password": "x",
    })  # fmt: skip
    contact = Contact.objects.get()
    assert (contact.pk != 999, contact.external_id, contact.erased_at, contact.tags) == (True, "u", None, [])


def test_names_of_traits_are_keys_and_never_anything_else(server: Sender) -> None:
    server.say("identify", userId="u", traits={"a'; DROP TABLE x; --": 1, "日本": 2, "": 3, "A b-C": 4, "x" * 300: 5})
    keys = set(AttributeDefinition.objects.values_list("key", flat=True))
    assert keys == {"a_drop_table_x", "a_b_c", "x" * 60}
    assert "Latin letters" in server.shown()[0]["why"]


def test_an_accident_in_the_database_refuses_one_message_and_takes_the_others(
    server: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever slips through the checks: here they are made blind for what they look for."""
    monkeypatch.setattr(calls, "_UNUSUAL", calls.re.compile(rb"never found in any text \d"))
    odd = b'{"type":"track","event":"Odd","userId":"odd","properties":{"x":"\\u0000"}}'
    good = [json.dumps(track(event=f"Good {number}", userId=f"u{number}")).encode() for number in range(5)]
    answer = server.post("batch", b'{"batch":[' + b",".join([*good[:3], odd, *good[3:]]) + b"]}")
    assert json.loads(answer.content) == {"success": True, "refused": 1}
    assert Event.objects.count() == 5
    assert server.shown("refused")[0]["code"] == "not_storable"
    assert not Contact.objects.filter(external_id="odd").exists()


def test_strictly_such_an_accident_leaves_nothing(server: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "_UNUSUAL", calls.re.compile(rb"never found in any text \d"))
    odd = b'{"type":"track","event":"Odd","userId":"odd","properties":{"x":"\\u0000"}}'
    answer = server.post("batch", b'{"batch":[' + json.dumps(track()).encode() + b"," + odd + b"]}", strict=True)
    assert answer.status_code == 400
    assert not Event.objects.exists()
    assert not Contact.objects.exists()


def test_the_same_message_twice_at_once_is_taken_once(transactional_db: None) -> None:
    """Two connections bring the same batch; the second waits for the first and then knows its messages."""
    source, key = sources.add(name="Twice", kind=Source.Kind.SERVER, by=None)
    body = {"batch": [track(messageId=str(number), userId=f"u{number % 7}") for number in range(50)]}
    barrier, statuses = Barrier(4), []

    def send() -> None:
        sender = Sender(source, key)
        barrier.wait()
        statuses.append(sender.post("batch", body).status_code)
        connection.close()

    threads = [Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 4
    assert Event.objects.count() == 50
    assert Contact.objects.count() == 7
