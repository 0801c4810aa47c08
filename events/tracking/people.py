"""Whom the calls of a batch speak of: found, or made, and changed by their traits, all of them in a few statements."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from contacts import merging
from contacts.models import Contact
from core import arrays, prepared
from core.errors import Refused
from events.models import Source
from events.tracking import joining, traits
from events.tracking.calls import Call
from events.tracking.traits import Learned

ADDRESSES = ("email", "phone", "external_id")
_COLUMNS = "contact.id, contact.external_id, contact.email, contact.phone"

# By the name of today, else by a former one; an erased contact has neither.
_KNOWN = f"""
WITH asked AS (SELECT %(users)s::text[] AS users, %(visitors)s::text[] AS visitors, %(emails)s::text[] AS emails)
SELECT 'external', external_id, {_COLUMNS} FROM contacts_contact AS contact
    WHERE external_id = ANY((SELECT users FROM asked)::text[])
UNION ALL SELECT 'email', email, {_COLUMNS} FROM contacts_contact AS contact
    WHERE email = ANY((SELECT emails FROM asked)::text[])
UNION ALL SELECT identity.kind, identity.value, {_COLUMNS}
    FROM contacts_identity AS identity JOIN contacts_contact AS contact ON contact.id = identity.contact_id
    WHERE contact.erased_at IS NULL AND (
        (identity.kind = 'external' AND identity.value = ANY((SELECT users FROM asked)::text[]))
        OR (identity.kind = 'anonymous' AND identity.value = ANY((SELECT visitors FROM asked)::text[]))
        OR (identity.kind = 'email' AND identity.value = ANY((SELECT emails FROM asked)::text[])))"""  # noqa: S608

_ROWS = """jsonb_to_recordset(%s::jsonb) AS said(id bigint, external_id text, email text, phone text, first_name text,
    last_name text, locale text, time_zone text, attributes jsonb, gone text[])"""

# In order, so that two batches with the same people wait for each other, never both for both.
_INSERT = f"""
INSERT INTO contacts_contact
    (external_id, email, phone, first_name, last_name, locale, time_zone, attributes)
SELECT external_id, email, phone, coalesce(first_name, ''), coalesce(last_name, ''), coalesce(locale, ''),
    coalesce(time_zone, ''), attributes - gone
FROM {_ROWS} ORDER BY external_id COLLATE "C", email COLLATE "C" ON CONFLICT DO NOTHING
RETURNING id, external_id, email"""  # noqa: S608

_CHANGED = "(contact.attributes || said.attributes) - said.gone"
_TEXTS = ("external_id", "email", "phone", "first_name", "last_name", "locale", "time_zone")
_DIFFERS = " OR ".join(f"coalesce(said.{name}, contact.{name}) IS DISTINCT FROM contact.{name}" for name in _TEXTS)
_SET = ", ".join(f"{name} = coalesce(said.{name}, contact.{name})" for name in _TEXTS)

# Most say what is known already: those rows are neither locked nor written.
_HOLD_CHANGED = f"""
SELECT contact.id FROM contacts_contact AS contact JOIN {_ROWS} ON said.id = contact.id
WHERE contact.erased_at IS NULL AND ({_DIFFERS} OR {_CHANGED} <> contact.attributes)
ORDER BY contact.id FOR NO KEY UPDATE OF contact"""  # noqa: S608
_UPDATE = f"""
UPDATE contacts_contact AS contact SET {_SET}, attributes = {_CHANGED}, updated_at = now()
FROM {_ROWS} WHERE contact.id = said.id AND contact.erased_at IS NULL"""  # noqa: S608


class Raced(Exception):  # noqa: N818  # not an error: look again
    """Somebody else made or linked one of these people meanwhile; the caller begins again and will find them."""


@dataclass(slots=True, eq=False)
class Person:
    """Somebody whom the batch speaks of: a contact known, or one to be made. The rest is what to change."""

    id: int | None
    external_id: str | None = None
    email: str | None = None
    phone: str | None = None
    fields: dict[str, str] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)

    @property
    def is_changed(self) -> bool:
        return bool(self.fields or self.attributes)


@dataclass(slots=True)
class People:
    """The people of one batch: `id_of` says whose a call is, `notes` what could not be kept, by id() of the call."""

    source: Source
    users: dict[str, Person] = field(default_factory=dict)
    visitors: dict[str, Person] = field(default_factory=dict)
    emails: dict[str, Person] = field(default_factory=dict)
    everyone: list[Person] = field(default_factory=list)
    linked: dict[str, Person] = field(default_factory=dict)
    former: dict[str, Person] = field(default_factory=dict)
    merges: list[tuple[Person, Person, Call]] = field(default_factory=list)
    notes: dict[int, list[str]] = field(default_factory=dict)

    def id_of(self, call: Call) -> int | None:
        """None for a visitor of whom nobody has said who it is."""
        person = self.users[call.user_id] if call.user_id else self.visitors.get(call.anonymous_id or "")
        return person.id if person else None

    def note(self, call: Call, text: str) -> None:
        self.notes.setdefault(id(call), []).append(text)


def resolve(source: Source, calls: Sequence[Call]) -> People:
    """Find, make and change the people of these calls, in the caller's transaction; raises Raced."""
    people = People(source)
    learned = traits.read_all({id(call): call.traits for call in calls if call.kind == "identify"})
    _load(people, calls, learned)
    for call in calls:
        _hear(people, call, learned.get(id(call)))
    _insert([person for person in people.everyone if person.id is None])
    _update([person for person in people.everyone if person.id is not None and person.is_changed])
    _keep_former(people.former)
    visitors = {visitor: person.id for visitor, person in people.linked.items() if person.id is not None}
    if visitors and not joining.link(visitors):
        raise Raced
    _merge(people)
    return people


def _load(people: People, calls: Sequence[Call], learned: dict[int, Learned]) -> None:
    previous = [call.previous_id for call in calls if call.previous_id]
    asked = {
        "users": arrays.of_texts({call.user_id for call in calls if call.user_id}.union(previous)),
        "visitors": arrays.of_texts({call.anonymous_id for call in calls if call.anonymous_id}.union(previous)),
        "emails": arrays.of_texts({one.fields["email"] for one in learned.values() if "email" in one.fields}),
    }
    with prepared.cursor() as cursor:
        cursor.execute(_KNOWN, asked)
        rows = cursor.fetchall()
    by_id: dict[int, Person] = {}
    found = {"external": people.users, "anonymous": people.visitors, "email": people.emails}
    for kind, value, pk, *addresses in rows:
        person = by_id.get(pk) or by_id.setdefault(pk, Person(pk, *addresses))
        found[kind].setdefault(value, person)
    people.everyone.extend(by_id.values())


def _hear(people: People, call: Call, learned: Learned | None) -> None:
    """What one call, in its turn, says about who is who, and about whom it speaks of."""
    if call.kind == "alias":
        return _alias(people, call)
    person = _person(people, call, learned.fields.get("email") if learned else None)
    if person is not None and call.anonymous_id and call.anonymous_id not in people.visitors:
        people.visitors[call.anonymous_id] = people.linked[call.anonymous_id] = person
    if learned is None:
        return
    if learned.notes:
        people.notes.setdefault(id(call), []).extend(learned.notes)
    if person is not None:
        _learn(people, call, person, learned)
    elif learned.fields or learned.attributes:
        people.note(call, "Traits are kept once the visitor has a userId or an email.")


def _person(people: People, call: Call, email: str | None) -> Person | None:
    if call.user_id is None:
        return people.visitors.get(call.anonymous_id or "") or (_of_email(people, email) if email else None)
    person = people.users.get(call.user_id)
    if person is None:
        # A subscriber whom we know by email alone, or a visitor who gave one, has got a user account.
        person = people.emails.get(email or "") or people.visitors.get(call.anonymous_id or "")
        if person is None or person.external_id is not None:
            person = _new(people)
        person.external_id = person.fields["external_id"] = call.user_id
        people.users[call.user_id] = person
    return person


def _of_email(people: People, email: str) -> Person:
    if email not in people.emails:
        people.emails[email] = _new(people)
    return people.emails[email]


def _new(people: People) -> Person:
    people.everyone.append(Person(None))
    return people.everyone[-1]


def _learn(people: People, call: Call, person: Person, learned: Learned) -> None:
    for name, value in learned.fields.items():
        if name == "email" and people.emails.get(value) not in (None, person):
            people.note(call, "email: another contact has this address. If both are one person, merge them.")
        elif name == "email" and value in people.emails and person.email not in (None, value):
            pass  # a former address of theirs: it finds them, and doesn't rename them
        elif name in ADDRESSES and _may_not_replace(people.source, getattr(person, name), value):
            people.note(call, f"{name}: a key that anyone can read doesn't replace an address.")
        else:
            person.fields[name] = value
            if name in ADDRESSES:
                setattr(person, name, value)
            if name == "email":
                people.emails[value] = person
    person.attributes.update(learned.attributes)


def _may_not_replace(source: Source, known: str | None, said: str) -> bool:
    return source.is_public and known is not None and known != said


def _alias(people: People, call: Call) -> None:
    """`previousId` was the same person: a visitor, or somebody known by another userId until now."""
    previous, user = call.previous_id or "", call.user_id or ""
    before, now = people.users.get(previous), people.users.get(user)
    if before is None:
        person = _person(people, call, None)
        if person is not None and people.visitors.setdefault(previous, person) is not person:
            people.note(call, "previousId: this visitor is somebody else already.")
        elif person is not None:
            people.linked.setdefault(previous, person)
    elif people.source.is_public:
        _person(people, call, None)
        people.note(call, "Two known people aren't joined by a key that anyone can read. Merge them by hand.")
    elif now is None:
        people.former[previous] = people.users[user] = before
        before.external_id = before.fields["external_id"] = user
    elif now is not before:
        people.merges.append((before, now, call))


def _row(person: Person) -> dict[str, Any]:
    kept = {key: value for key, value in person.attributes.items() if value is not None}
    gone = [key for key, value in person.attributes.items() if value is None]
    return person.fields | {"id": person.id, "attributes": kept, "gone": gone}


def _as_json(people: Iterable[Person]) -> str:
    return json.dumps([_row(person) for person in people])


def _insert(people: list[Person]) -> None:
    if not people:
        return
    with prepared.cursor() as cursor:
        cursor.execute(_INSERT, [_as_json(people)])
        made = {(external_id, email): pk for pk, external_id, email in cursor.fetchall()}
    for person in people:
        person.id = made.get((person.external_id, person.email))
    if len(made) < len(people):
        raise Raced


def _update(people: list[Person]) -> None:
    if not people:
        return
    with prepared.cursor() as cursor:
        cursor.execute(_HOLD_CHANGED, [_as_json(people)])
        changed = {pk for (pk,) in cursor.fetchall()}
        if changed:
            cursor.execute(_UPDATE, [_as_json(person for person in people if person.id in changed)])


def _keep_former(former: dict[str, Person]) -> None:
    """The userIds that people had before an alias still find them."""
    if former:
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO contacts_identity (kind, value, contact_id) VALUES ('external', %s, %s)"
                " ON CONFLICT DO NOTHING",
                [(value, person.id) for value, person in sorted(former.items())],
            )


def _merge(people: People) -> None:
    for before, now, call in people.merges:
        try:
            contacts = Contact.objects.in_bulk([before.id, now.id])
            merging.merge(contacts[before.id or 0], into=contacts[now.id or 0], rule="alias")
            before.id = now.id
        except Refused as refused:
            people.note(call, refused.message)
