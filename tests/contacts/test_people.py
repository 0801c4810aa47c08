"""People changed at the same time from several sides, and values that are awkward to carry."""

import threading
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from contacts import attributes, erasure, people
from contacts.models import AttributeDefinition, Contact
from core.errors import Refused
from team.models import User
from tests.contacts.files import checked

in_committed_rows = pytest.mark.django_db(transaction=True)


@in_committed_rows
def test_a_change_that_waited_for_an_erasure_brings_nobody_back() -> None:
    ada = Contact.objects.create(email="ada@example.com", first_name="Ada")
    refused: list[str] = []

    def change() -> None:
        try:
            people.change(ada, {"first_name": "Augusta"})  # read before the erasure, as a request has done
        except Refused as error:
            refused.append(error.code)
        connection.close()

    with transaction.atomic():
        erasure.erase(Contact.objects.get(pk=ada.pk), by=None)
        other = threading.Thread(target=change)
        other.start()
    other.join(5)
    ada.refresh_from_db()
    assert (refused, ada.email, ada.first_name, ada.erased_at is not None) == (["erased"], None, "", True)


@pytest.mark.django_db
def test_attributes_that_two_programs_set_are_both_kept() -> None:
    first = Contact.objects.create(email="ada@example.com")
    second = Contact.objects.get(pk=first.pk)
    people.change(first, {"attributes": {"plan": "pro"}})
    people.change(second, {"attributes": {"score": 7}})
    assert Contact.objects.get().attributes == {"plan": "pro", "score": 7}


@pytest.mark.django_db
def test_the_last_address_cannot_be_taken_away() -> None:
    ada = Contact.objects.create(email="ada@example.com", phone="+4915112345678")
    people.change(ada, {"email": None})
    with pytest.raises(Refused, match="Leave one of them"):
        people.change(ada, {"phone": None})
    assert Contact.objects.get().phone == "+4915112345678"


@pytest.mark.django_db
def test_saving_a_page_leaves_values_alone_that_nobody_touched(editor: User, client: Client) -> None:
    for key, kind in (("rate", "number"), ("likes", "list")):
        AttributeDefinition.objects.create(key=key, label=key, type=kind)
    values: dict[str, Any] = {"rate": 0.00001, "likes": ["salt, pepper", "tea"]}
    ada = Contact.objects.create(email="ada@example.com", attributes=values, tags=["a;b"])
    client.force_login(editor)
    form = client.get(f"/admin/contacts/contact/{ada.pk}/change/").context["adminform"].form
    shown = {name: form[name].value() or "" for name in form.fields}
    answer = client.post(f"/admin/contacts/contact/{ada.pk}/change/", shown | {"first_name": "Ada"})
    assert answer.status_code == 302, answer.content
    ada.refresh_from_db()
    assert (ada.first_name, ada.attributes, ada.tags) == ("Ada", values, ["a;b"])


@pytest.mark.parametrize("number", [0.00001, 1e20, -2.5, 7, 1e-12])
def test_small_and_large_numbers_are_read_as_they_are_shown(number: float) -> None:
    assert attributes.coerce_json("number", number) == number
    assert attributes.coerce("number", attributes.as_text(number)) == number


@pytest.mark.django_db
def test_an_exported_phone_number_is_read_back(editor: User, client: Client) -> None:
    Contact.objects.create(email="a@example.com", phone="+4915112345678")
    client.force_login(editor)
    content = b"".join(client.get("/admin/contacts/contact/export.csv").streaming_content)
    job = checked(content, mapping={"email": "email", "phone": "phone"})
    assert (job.unchanged_count, job.error_count) == (1, 0)
