"""Whom the calls mean: contacts found and made, traits typed, visitors joined, companies kept, accounts made one."""

from typing import Any

import pytest

from contacts.models import AttributeDefinition, Company, ConsentState, Contact, Identity
from events import names
from events.models import Event
from events.tracking import catalogue, joining
from tests.events.conftest import Sender

pytestmark = pytest.mark.django_db


def person(**values: Any) -> Contact:
    return Contact.objects.create(**values)


def test_traits_become_fields_and_typed_attributes(server: Sender) -> None:
    server.say("identify", userId="u", traits={
        "email": " Ada@Example.com ", "phone": "+49 151 12345678", "name": "Ada King Lovelace", "locale": "en_GB",
        "timezone": "Europe/London", "favouriteColour": "green", "age": 36, "vip": True, "born": "1815-12-10",
        "lastLogin": "2024-05-06T07:08:09Z", "interests": ["bells", "engines"], "address": {"city": "London"},
    })  # fmt: skip
    ada = Contact.objects.get()
    assert (ada.external_id, ada.email, ada.phone, ada.first_name, ada.last_name, ada.locale, ada.time_zone) == (
        "u", "ada@example.com", "+4915112345678", "Ada King", "Lovelace", "en-GB", "Europe/London",
    )  # fmt: skip
    assert ada.attributes == {
        "favourite_colour": "green", "age": 36, "vip": True, "born": "1815-12-10",
        "last_login": "2024-05-06T07:08:09+00:00", "interests": ["bells", "engines"], "address_city": "London",
    }  # fmt: skip
    assert dict(AttributeDefinition.objects.values_list("key", "type")) == {
        "favourite_colour": "text", "age": "number", "vip": "boolean", "born": "date", "last_login": "datetime",
        "interests": "list", "address_city": "text",
    }  # fmt: skip


def test_later_traits_change_what_they_say_and_a_null_removes(server: Sender) -> None:
    server.say("identify", userId="u", traits={"plan": "free", "seats": 3, "firstName": "Ada"})
    server.batch(
        {"type": "identify", "userId": "u", "traits": {"plan": "pro"}},
        {"type": "identify", "userId": "u", "traits": {"seats": None, "firstName": None}},
    )
    ada = Contact.objects.get()
    assert (ada.attributes, ada.first_name) == ({"plan": "pro"}, "Ada")


def test_the_same_traits_again_do_not_write_the_contact(server: Sender) -> None:
    server.say("identify", userId="u", traits={"plan": "free", "email": "a@example.com"})
    before = Contact.objects.get().updated_at
    server.say("identify", userId="u", traits={"plan": "free", "email": "a@example.com"})
    assert Contact.objects.get().updated_at == before


def test_a_trait_that_does_not_fit_costs_only_itself_and_is_said(server: Sender) -> None:
    AttributeDefinition.objects.create(key="age", label="Age", type="number")
    server.say("identify", userId="u", traits={"age": "old", "email": "no address", "plan": "pro", "deep": {"a": {}}})
    assert Contact.objects.get().attributes == {"plan": "pro"}
    why = server.shown()[0]["why"]
    assert "age: This is not a number" in why
    assert "email: This is not an email address" in why
    assert "deep_a: Objects within objects" in why


def test_the_catalogue_grows_up_to_its_limit(server: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "MOST_ATTRIBUTES", 3)
    server.say("identify", userId="u", traits=dict.fromkeys("edcba", 1))
    assert sorted(AttributeDefinition.objects.values_list("key", flat=True)) == ["a", "b", "c"]
    assert Contact.objects.get().attributes == {"a": 1, "b": 1, "c": 1}
    assert "catalogue of attributes is full" in server.shown()[0]["why"]


def test_a_call_grants_no_consent(server: Sender) -> None:
    server.say("identify", userId="u", traits={"email": "a@example.com", "consent": True, "subscribed": True})
    assert not ConsentState.objects.exists()


def test_somebody_known_by_email_gets_their_account(server: Sender) -> None:
    ada = person(email="ada@example.com", first_name="Ada")
    server.say("identify", userId="u", traits={"email": "ADA@example.com", "plan": "pro"})
    ada.refresh_from_db()
    assert (ada.external_id, ada.attributes, Contact.objects.count()) == ("u", {"plan": "pro"}, 1)


def test_an_email_of_somebody_else_is_left_with_them(server: Sender) -> None:
    person(email="ada@example.com", external_id="ada")
    server.say("identify", userId="ben", traits={"email": "ada@example.com", "plan": "pro"})
    ben = Contact.objects.get(external_id="ben")
    assert (ben.email, ben.attributes) == (None, {"plan": "pro"})
    assert "another contact has this address" in server.shown()[0]["why"]


def test_a_newsletter_form_without_an_account_makes_a_contact_by_email(website: Sender) -> None:
    website.say("page", anonymousId="v", name="Home")
    website.say("identify", anonymousId="v", traits={"email": "ada@example.com"})
    ada = Contact.objects.get()
    assert (ada.email, ada.external_id) == ("ada@example.com", None)
    assert Event.objects.get(name="page").contact_id == ada.pk
    website.say("identify", anonymousId="v", userId="u")
    ada.refresh_from_db()
    assert ada.external_id == "u"


def test_what_a_visitor_did_becomes_theirs_once_they_are_known(website: Sender) -> None:
    website.say("page", anonymousId="v", name="Home")
    website.say("track", anonymousId="v", event="Added")
    website.say("page", anonymousId="other", name="Home")
    assert not Contact.objects.exists()
    website.say("identify", anonymousId="v", userId="u")
    ada = Contact.objects.get()
    assert set(Event.objects.filter(contact_id=ada.pk, anonymous_id="v").values_list("name", flat=True)) == {
        "page", "Added", names.JOINED,
    }  # fmt: skip
    assert Event.objects.get(name=names.JOINED).properties == {"names": ["Added", "page"]}
    assert Event.objects.get(anonymous_id="other").contact_id is None
    website.say("track", anonymousId="v", event="Later")
    assert Event.objects.get(name="Later").contact_id == ada.pk


def test_a_visitor_stays_who_they_were_first(website: Sender) -> None:
    website.say("identify", anonymousId="v", userId="first")
    website.say("identify", anonymousId="v", userId="second")
    website.say("track", anonymousId="v", event="E")
    assert Event.objects.get(name="E").contact_id == Contact.objects.get(external_id="first").pk


@pytest.mark.django_db(transaction=True)
def test_a_history_too_long_for_one_request_is_joined_by_the_log_s_reader(
    website: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joining, "AT_ONCE", 2)
    website.batch(*[{"type": "track", "event": "E", "anonymousId": "v"}] * 5)
    website.say("identify", anonymousId="v", userId="u")
    ada = Contact.objects.get()
    assert Event.objects.filter(name="E", contact_id=ada.pk).count() == 2
    while joining.join_late():
        pass
    assert Event.objects.filter(name="E", contact_id=ada.pk).count() == 5


@pytest.mark.django_db(transaction=True)
def test_an_event_written_while_its_visitor_was_being_joined_is_joined_afterwards(website: Sender) -> None:
    website.say("track", anonymousId="v", event="E")
    ada = person(external_id="u")
    Identity.objects.create(kind="anonymous", value="v", contact=ada)
    assert joining.join_late()
    assert Event.objects.get(name="E").contact_id == ada.pk


def test_an_alias_says_that_a_visitor_is_somebody(server: Sender) -> None:
    server.say("track", anonymousId="v", event="Before")
    server.say("alias", previousId="v", userId="u")
    assert Event.objects.get(name="Before").contact_id == Contact.objects.get(external_id="u").pk


def test_an_alias_of_a_known_person_gives_them_a_new_id_and_the_old_one_still_finds_them(server: Sender) -> None:
    ada = person(external_id="old", email="ada@example.com")
    server.say("alias", previousId="old", userId="new")
    server.say("track", userId="old", event="E")
    ada.refresh_from_db()
    assert (ada.external_id, Contact.objects.count()) == ("new", 1)
    assert Event.objects.get().contact_id == ada.pk


def test_an_alias_of_two_known_people_makes_them_one(server: Sender) -> None:
    old, new = person(external_id="old", email="ada@example.com"), person(external_id="new", first_name="Ada")
    server.say("track", userId="old", event="Before")
    server.say("alias", previousId="old", userId="new")
    old.refresh_from_db()
    new.refresh_from_db()
    assert (old.merged_into, new.email, new.first_name) == (new, "ada@example.com", "Ada")
    server.say("track", userId="old", event="After")
    assert set(Event.objects.filter(name__in=["Before", "After"]).values_list("contact_id", flat=True)) == {new.pk}


def test_a_public_key_replaces_no_address_and_joins_no_two_people(website: Sender) -> None:
    ada = person(external_id="ada", email="ada@example.com", phone="+4915112345678")
    person(external_id="eve")
    website.say("identify", userId="ada", traits={"email": "eve@example.org", "phone": "+4915199999999", "plan": "x"})
    website.say("alias", previousId="ada", userId="eve")
    ada.refresh_from_db()
    assert (ada.email, ada.phone, ada.external_id, ada.merged_into) == (
        "ada@example.com",
        "+4915112345678",
        "ada",
        None,
    )
    assert ada.attributes == {"plan": "x"}
    assert all(line["why"] for line in website.shown())


def test_an_erased_person_is_not_found_again(server: Sender) -> None:
    server.say("identify", userId="u", anonymousId="v", traits={"email": "a@example.com"})
    gone = Contact.objects.get()
    Contact.objects.update(email=None, external_id=None, erased_at="2026-01-01T00:00:00Z")
    server.say("track", userId="u", event="E")
    assert Event.objects.get(name="E").contact_id not in (None, gone.pk)


def test_companies_are_kept_with_their_people_and_later_traits_win(server: Sender) -> None:
    server.say("group", userId="u", groupId="acme", traits={"name": "Acme", "employees": 40, "plan": "pro"})
    server.batch(
        {"type": "group", "userId": "w", "groupId": "acme", "traits": {"employees": 41, "plan": None}},
        {"type": "group", "userId": "u", "groupId": "acme", "traits": {}},
    )
    acme = Company.objects.get()
    assert (acme.name, acme.attributes) == ("Acme", {"employees": 41})
    assert sorted(acme.employments.values_list("contact__external_id", flat=True)) == ["u", "w"]


def test_numbers_are_ids_too(server: Sender) -> None:
    server.batch(*({"type": "track", "event": "E", "userId": user} for user in (7, 7.0, "7")))
    assert Contact.objects.get().external_id == "7"


def test_a_machine_s_visit_is_labelled_by_its_browser(website: Sender) -> None:
    agent = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
    context = {"userAgent": agent, "ip": "203.0.113.7", "page": {"path": "/"}, "timezone": "Europe/Berlin"}
    website.say("page", anonymousId="v", context=context)
    event = Event.objects.get()
    assert (event.label, event.label_reason) == ("scanner", "calls itself a bot")
    assert event.properties == {"context": {"page": {"path": "/"}, "timezone": "Europe/Berlin"}}
