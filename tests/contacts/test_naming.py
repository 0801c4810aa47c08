"""One name, one person: by address, id or former name, wherever the product asks for somebody."""

import pytest

from contacts import erasure, merging, naming
from contacts.models import Contact
from team.models import User

pytestmark = pytest.mark.django_db


def test_every_name_of_a_person_finds_them() -> None:
    ann = Contact.objects.create(email="ann@example.com", external_id="A-1")
    names = [str(ann.uuid), "A-1", " Ann@Example.com ", "nobody", "", "x\x00"]
    assert [naming.people(names)[name] for name in names] == [ann, ann, ann, None, None, None]


def test_who_was_merged_is_found_as_who_they_became_by_any_former_name(editor: User) -> None:
    ann = Contact.objects.create(email="ann@example.com", external_id="A-1")
    old = Contact.objects.create(email="ann.old@example.com", external_id="O-1")
    merging.merge(old, into=ann, by=editor)
    for name in (str(old.uuid), "ann.old@example.com", "ANN.old@example.com", "O-1"):
        assert naming.person(name) == ann, name
        assert naming.reachable(name) == ann, name


def test_somebody_erased_is_no_longer_reachable_by_any_name(editor: User) -> None:
    ann = Contact.objects.create(email="ann@example.com")
    erasure.erase(ann, by=editor)
    assert naming.person(str(ann.uuid)) == ann, "so that a page can say what became of them"
    assert naming.reachable(str(ann.uuid)) is None
    assert naming.person("ann@example.com") is None
