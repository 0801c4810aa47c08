"""Contacts that may be one person: rules that find them, what people decided about them, and merging by a rule."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.db.utils import OperationalError
from psycopg.errors import QueryCanceled

from contacts import merging
from contacts.models import BulkMerge, Contact, NotDuplicate
from core.errors import Refused
from core.registry import Registry
from team.models import User

SECONDS = 10
COUNT_UP_TO = 1_000
PART = 100
MOST = 20  # contacts that share something; beyond, it is a switchboard or a placeholder and says nothing


class Rule:
    """One way in which two contacts may be the same person.

    `pairs` is SQL for all of them as (first, second), the lower id first; `others` for the ids of those that the
    contact with the id %(id)s may be. `is_certain` says that they may be merged without anybody looking.
    """

    key: str
    label: str
    explanation: str
    is_certain: bool = False
    pairs: str
    others: str


rules: Registry[Rule] = Registry("rule for duplicates")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two contacts that a rule takes for one; `first` has the lower id."""

    first: Contact
    second: Contact

    @property
    def survivor(self) -> Contact:
        """Who stays when nobody chooses: whom other systems know by an id, else who has been here longer."""
        return self.second if self.second.external_id and not self.first.external_id else self.first

    @property
    def other(self) -> Contact:
        return self.first if self.survivor is self.second else self.second


_SHARED_PHONE = f"""
    FROM (SELECT phone FROM contacts_contact WHERE phone IS NOT NULL GROUP BY phone
          HAVING count(*) BETWEEN 2 AND {MOST}) shared
    JOIN contacts_contact a ON a.phone = shared.phone
    JOIN contacts_contact b ON b.phone = shared.phone AND b.id > a.id
"""  # noqa: S608  a number of ours
_OTHERS_WITH_PHONE = (
    "SELECT b.id FROM contacts_contact a JOIN contacts_contact b ON b.phone = a.phone AND b.id <> a.id"
    " WHERE a.id = %(id)s"
)
_SAME_NAME = (
    "lower(a.first_name) = lower(b.first_name) AND lower(a.last_name) = lower(b.last_name)"
    " AND a.first_name <> '' AND a.last_name <> ''"
)


@rules.register
class PhoneAndName(Rule):
    key = "phone_and_name"
    label = "Same phone and name"
    explanation = "The same phone number, first and last name."
    is_certain = True
    pairs = f"SELECT a.id AS first, b.id AS second {_SHARED_PHONE} WHERE {_SAME_NAME}"  # noqa: S608
    others = f"{_OTHERS_WITH_PHONE} AND {_SAME_NAME}"


@rules.register
class Phone(Rule):
    key = "phone"
    label = "Same phone"
    explanation = (
        f"The same phone number. Families and offices share one, so look at each pair. Numbers of more than {MOST} "
        "contacts are left out."
    )
    pairs = f"SELECT a.id AS first, b.id AS second {_SHARED_PHONE}"  # noqa: S608
    others = _OTHERS_WITH_PHONE


def _spelling(row: str) -> str:
    """The address of `row` is another spelling of its mailbox: as in migration 0014, whose index answers."""
    email = f"{row}.email"
    return (
        f"({email} LIKE '_%%+%%' OR {email} LIKE '%%.%%@gmail.com' OR {email} LIKE '%%@googlemail.com')"
        f" AND {email} NOT LIKE '+%%'"
    )


def _mailbox(row: str) -> str:
    """The mailbox that the address of `row` reaches: without what follows a plus, and at Google without dots."""
    email = f"{row}.email"
    return (
        f"CASE WHEN {email} LIKE '+%%' THEN {email}"
        f" WHEN {email} LIKE '%%@gmail.com' OR {email} LIKE '%%@googlemail.com'"
        f" THEN replace(split_part(split_part({email}, '@', 1), '+', 1), '.', '') || '@gmail.com'"
        f" ELSE split_part(split_part({email}, '@', 1), '+', 1) || '@' || split_part({email}, '@', 2) END"
    )


@rules.register
class Mailbox(Rule):
    key = "mailbox"
    label = "Same mailbox"
    explanation = (
        "Two spellings of one mailbox: ada+news@example.com is ada@example.com, and Gmail doesn't look at dots."
    )
    is_certain = True
    pairs = f"""
        SELECT least(a.id, b.id) AS first, greatest(a.id, b.id) AS second
        FROM contacts_contact a JOIN contacts_contact b ON b.email = {_mailbox("a")} AND b.id <> a.id
        WHERE {_spelling("a")}
        UNION ALL
        SELECT a.id, b.id FROM contacts_contact a
        JOIN contacts_contact b ON {_mailbox("b")} = {_mailbox("a")} AND b.id > a.id
        WHERE {_spelling("a")} AND {_spelling("b")}
    """  # noqa: S608
    others = f"""
        SELECT b.id FROM contacts_contact a JOIN contacts_contact b ON b.email = {_mailbox("a")} AND b.id <> a.id
        WHERE a.id = %(id)s
        UNION
        SELECT b.id FROM contacts_contact a
        JOIN contacts_contact b ON {_mailbox("b")} = {_mailbox("a")} AND b.id <> a.id
        WHERE a.id = %(id)s AND {_spelling("b")}
    """  # noqa: S608


@rules.register
class NameInCompany(Rule):
    key = "name_in_company"
    label = "Same name in one company"
    explanation = "The same first and last name in the same company."
    pairs = f"""
        SELECT DISTINCT a.id AS first, b.id AS second
        FROM (SELECT e.company_id, lower(c.first_name) AS given, lower(c.last_name) AS family
              FROM contacts_employment e JOIN contacts_contact c ON c.id = e.contact_id
              WHERE c.first_name <> '' AND c.last_name <> ''
              GROUP BY 1, 2, 3 HAVING count(*) BETWEEN 2 AND {MOST}) shared
        JOIN contacts_employment ea ON ea.company_id = shared.company_id
        JOIN contacts_contact a ON a.id = ea.contact_id
            AND lower(a.first_name) = shared.given AND lower(a.last_name) = shared.family
        JOIN contacts_employment eb ON eb.company_id = shared.company_id AND eb.contact_id > ea.contact_id
        JOIN contacts_contact b ON b.id = eb.contact_id
            AND lower(b.first_name) = shared.given AND lower(b.last_name) = shared.family
    """  # noqa: S608
    others = f"""
        SELECT b.id FROM contacts_contact a
        JOIN contacts_employment ea ON ea.contact_id = a.id
        JOIN contacts_employment eb ON eb.company_id = ea.company_id AND eb.contact_id <> a.id
        JOIN contacts_contact b ON b.id = eb.contact_id
        WHERE a.id = %(id)s AND {_SAME_NAME}
    """  # noqa: S608


_UNDECIDED = """
    SELECT p.first, p.second FROM ({pairs}) p
    WHERE (p.first, p.second) > (%(first)s, %(second)s) AND NOT EXISTS (
        SELECT FROM contacts_notduplicate n WHERE n.first_id = p.first AND n.second_id = p.second)
    ORDER BY p.first, p.second LIMIT %(limit)s
"""
_OTHERS = """
    SELECT DISTINCT o.id FROM ({others}) o(id) WHERE NOT EXISTS (
        SELECT FROM contacts_notduplicate n
        WHERE n.first_id = least(o.id, %(id)s) AND n.second_id = greatest(o.id, %(id)s))
    LIMIT 20
"""


def found(rule: Rule, *, after: tuple[int, int] = (0, 0), limit: int = PART) -> list[Pair]:
    """Pairs about which nobody has decided, in the order of their keys, beginning after a pair of keys."""
    keys = _asked(_UNDECIDED.format(pairs=rule.pairs), {"first": after[0], "second": after[1], "limit": limit})
    people = Contact.objects.in_bulk({key for pair in keys for key in pair})
    return [Pair(people[first], people[second]) for first, second in keys]


def count(rule: Rule) -> int:
    """How many pairs nobody has decided about, counted up to COUNT_UP_TO + 1."""
    return len(_asked(_UNDECIDED.format(pairs=rule.pairs), {"first": 0, "second": 0, "limit": COUNT_UP_TO + 1}))


def of(contact: Contact) -> list[tuple[Contact, Rule]]:
    """Who else this contact may be, and by which rule; each of them once."""
    seen: dict[int, Rule] = {}
    for rule in rules.values():
        for (key,) in _asked(_OTHERS.format(others=rule.others), {"id": contact.pk}):
            seen.setdefault(key, rule)
    people = Contact.objects.in_bulk(seen)
    return [(people[key], rule) for key, rule in seen.items()]


def _asked(sql: str, values: dict[str, Any]) -> list[tuple[int, ...]]:
    """Rows of a question about everybody, given up after SECONDS."""
    with transaction.atomic(), connection.cursor() as cursor:
        try:
            with transaction.atomic():  # which takes the limit back with it when the question was given up
                cursor.execute("SELECT set_config('statement_timeout', %s, true)", [f"{SECONDS}s"])
                cursor.execute(sql, values)
                rows = list(cursor.fetchall())
                cursor.execute("SET LOCAL statement_timeout TO DEFAULT")
        except OperationalError as error:
            if not isinstance(error.__cause__, QueryCanceled):
                raise
            raise Refused("too_slow", "Looking for these takes too long just now. Try again in a minute.") from error
    return rows


def keep_apart(one: Contact, other: Contact, *, by: User | None) -> None:
    """Somebody looked: these are two people. No rule finds them again."""
    if one.pk == other.pk:
        raise Refused("same_contact", "This is one contact. Choose two.")
    first, second = sorted((one.pk, other.pk))
    NotDuplicate.objects.get_or_create(first_id=first, second_id=second, defaults={"decided_by": by})


def merge_all(rule: Rule, *, by: User) -> BulkMerge:
    """Ask that all pairs of a rule be merged, by `work`; refused for rules that need somebody who looks."""
    if not rule.is_certain:
        raise Refused("not_certain", f"“{rule.label}” may be two people: look at each pair, and merge those you know.")
    try:
        with transaction.atomic():
            return BulkMerge.objects.create(rule=rule.key, asked_by=by)
    except IntegrityError as error:
        raise Refused("under_way", "This rule's pairs are being merged already.") from error


def work(asked: BulkMerge, *, seconds: float) -> bool:
    """Merge pairs for some seconds; whether there are more."""
    rule, until = rules[asked.rule], time.monotonic() + seconds
    while time.monotonic() < until:
        pairs = found(rule, after=(asked.after_first, asked.after_second))
        if not pairs:
            BulkMerge.objects.filter(pk=asked.pk, finished_at=None).update(finished_at=Now())
            return False
        for pair in _until(pairs, until):
            _deal_with(asked, pair)
            asked.refresh_from_db()
    return True


def _until(pairs: list[Pair], moment: float) -> Iterator[Pair]:
    for pair in pairs:
        if time.monotonic() >= moment:
            return
        yield pair


def _deal_with(asked: BulkMerge, pair: Pair) -> None:
    """Merge one pair and note it, both or neither: what a killed worker leaves is gone on with.

    Two workers with the same request: the one that moves its row on first does this pair, the other nothing.
    """
    here = BulkMerge.objects.filter(pk=asked.pk, after_first=asked.after_first, after_second=asked.after_second)
    with transaction.atomic():
        if here.update(after_first=pair.first.pk, after_second=pair.second.pk):
            is_merged = _merged(asked, pair)
            BulkMerge.objects.filter(pk=asked.pk).update(
                merged_count=F("merged_count") + int(is_merged), left_count=F("left_count") + int(not is_merged)
            )


def _merged(asked: BulkMerge, pair: Pair) -> bool:
    """Two ids of other systems are left to a person: there they are two."""
    if pair.first.external_id and pair.second.external_id:
        return False
    try:
        with transaction.atomic():
            merging.merge(pair.other, into=pair.survivor, rule=asked.rule, by=asked.asked_by)
    except Refused:
        return False  # they were erased or merged since the page was read; the next look doesn't find them
    return True
