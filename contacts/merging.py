"""Making two contacts one: what the survivor takes over, and what the other leaves behind as an empty shell.

Nothing is lost: events move to the survivor, ledgers of messages and of consent stay where they were written and are
read together with the survivor's own (`identity.keys`). The shell keeps its row, so that old links lead on.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from contacts import changes, consent, identity
from contacts.attributes import as_text
from contacts.channels import channels
from contacts.erasure import EMPTY
from contacts.holdings import holdings
from contacts.models import Contact, Identity, Merge, NotDuplicate, Suppression
from core.errors import Refused
from team.models import User

FIELDS = ("first_name", "last_name", "email", "phone", "external_id", "locale", "time_zone")
ATTRIBUTE = "attribute:"


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of two people side by side. `name` is a field, or `attribute:` and a key."""

    name: str
    label: str
    survivors: str
    others: str

    @property
    def is_open(self) -> bool:
        """Whether somebody has to choose: both have one, and not the same."""
        return bool(self.survivors and self.others and self.survivors != self.others)

    @property
    def is_taken_over(self) -> bool:
        """Whether the survivor gets it because they have none."""
        return bool(self.others and not self.survivors)


def choices(survivor: Contact, other: Contact) -> list[Choice]:
    """Everything that either of them has, for looking at side by side."""
    pairs = [(name, _label(name), _value(survivor, name), _value(other, name)) for name in _names(survivor, other)]
    said = [pair for pair in pairs if not (_is_empty(pair[2]) and _is_empty(pair[3]))]
    return [Choice(name, label, as_text(mine), as_text(theirs)) for name, label, mine, theirs in said]


@transaction.atomic
def merge(
    other: Contact, *, into: Contact, take: Collection[str] = (), rule: str = "", by: User | None = None
) -> Contact:
    """Make `other` and `into` one contact, and return it as it is then.

    It keeps its own values and gets what it has none of; `take` names those (as in `choices`) that come from `other`
    all the same. Consent goes the stricter way. Doing the same merge twice changes nothing; refused for people who
    were erased or became somebody else.
    """
    survivor, gone = _held(into, other)
    if gone.merged_into_id == survivor.pk:
        return survivor
    _check(survivor, gone, take)
    values = _values(survivor, gone, take)
    names = list(_given_up(survivor, gone, values))
    consent.take_stricter(survivor, gone, takes=take)
    _empty(gone, survivor)
    Contact.objects.filter(pk=survivor.pk).update(**values, updated_at=timezone.now())
    _rename(survivor, gone, names)
    survivor.refresh_from_db()
    _carry_refusals(survivor, names, by)
    for holding in holdings.values():
        holding.merge(gone, survivor)
    _note(survivor, gone, rule, by)
    return survivor


def _held(first: Contact, second: Contact) -> tuple[Contact, Contact]:
    """Both as they are now and until the end; in one order, so that no two merges wait for each other."""
    people = Contact.objects.select_for_update().filter(pk__in=[first.pk, second.pk]).order_by("pk")
    found = {person.pk: person for person in people}
    return found[first.pk], found[second.pk]


def _check(survivor: Contact, gone: Contact, take: Collection[str]) -> None:
    if survivor.pk == gone.pk:
        raise Refused("same_contact", "These are the same contact already. Choose another one to merge.")
    for person in (survivor, gone):
        if person.merged_into is not None:
            raise Refused("merged", f"One of them was merged into {person.merged_into} before: merge with that one.")
        if person.erased_at is not None:
            raise Refused("erased", "An erased person is nobody any more and can't be merged. Choose another contact.")
    unknown = sorted(set(take) - set(_names(survivor, gone)))
    if unknown:
        raise Refused("unknown_field", f"Neither of them has {unknown[0]!r}. Choose among the values that they have.")


def _names(survivor: Contact, other: Contact) -> list[str]:
    return [*FIELDS, *(ATTRIBUTE + key for key in sorted(survivor.attributes.keys() | other.attributes.keys()))]


def _value(contact: Contact, name: str) -> Any:
    if name.startswith(ATTRIBUTE):
        return contact.attributes.get(name.removeprefix(ATTRIBUTE))
    return getattr(contact, name)


def _is_empty(value: Any) -> bool:
    return value is None or value == "" or value == []


def _label(name: str) -> str:
    if name.startswith(ATTRIBUTE):
        return name.removeprefix(ATTRIBUTE)
    return {"external_id": "External id", "locale": "Language"}.get(name, name.replace("_", " ").capitalize())


def _values(survivor: Contact, gone: Contact, take: Collection[str]) -> dict[str, Any]:
    """What the survivor's row says afterwards."""

    def chosen(name: str) -> Any:
        mine, theirs = _value(survivor, name), _value(gone, name)
        return theirs if _is_empty(mine) or (name in take and not _is_empty(theirs)) else mine

    keys = survivor.attributes.keys() | gone.attributes.keys()
    return {name: chosen(name) for name in FIELDS} | {
        "attributes": {key: chosen(ATTRIBUTE + key) for key in keys},
        "tags": sorted({*survivor.tags, *gone.tags}),
        "created_at": min(survivor.created_at, gone.created_at),
    }


def _given_up(survivor: Contact, gone: Contact, values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Addresses and ids of either that are nobody's from now on: (field, value)."""
    for field in identity.FORMER:
        for person in (survivor, gone):
            had = getattr(person, field)
            if had and had != values[field]:
                yield field, had


def _empty(gone: Contact, survivor: Contact) -> None:
    now = timezone.now()
    Contact.objects.filter(pk=gone.pk).update(**EMPTY, erased_at=now, updated_at=now, merged_into=survivor)
    gone.merged.update(merged_into=survivor)  # no chains: an old link is one step from who they are today


def _rename(survivor: Contact, gone: Contact, names: list[tuple[str, str]]) -> None:
    """Files and programs go on to use the old names; they mean the survivor."""
    gone.identities.update(contact=survivor)
    rows = [Identity(kind=identity.FORMER[field], value=value, contact=survivor) for field, value in names]
    Identity.objects.bulk_create(
        rows, update_conflicts=True, update_fields=["contact"], unique_fields=["kind", "value"]
    )


def _carry_refusals(survivor: Contact, names: list[tuple[str, str]], by: User | None) -> None:
    """Who complained at the address that goes is not written to at the one that stays."""
    for key, channel in channels.items():
        addresses = [value for field, value in names if field == channel.address_field]
        entries = Suppression.objects.filter(channel=key, address__in=addresses)
        if any(entry.is_wish for entry in entries):  # a bounce says something about the mailbox alone
            consent.withdraw(survivor, channel=key, source="Merge: a former address is suppressed", by=by)


def _note(survivor: Contact, gone: Contact, rule: str, by: User | None) -> None:
    Merge.objects.create(survivor=survivor, merged=gone, rule=rule, merged_by=by)
    NotDuplicate.objects.filter(Q(first=gone) | Q(second=gone)).delete()
    changes.note([survivor.pk])  # what was the other's counts for them now, in every segment
