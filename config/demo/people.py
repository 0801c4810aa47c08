"""A few thousand made-up people, what they bought, and what they agreed to. The same ones on every machine."""

import random
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from config.demo import names
from contacts import consent, suppression
from contacts.models import AttributeDefinition, Contact, Suppression, Topic
from events import ingest
from events.ingest import NewEvent

COUNT = 3000
TYPE = AttributeDefinition.Type
CATALOGUE = {
    "plan": ("Plan", TYPE.TEXT, "free, plus or pro"),
    "country": ("Country", TYPE.TEXT, ""),
    "city": ("City", TYPE.TEXT, ""),
    "favourite": ("Favourite category", TYPE.TEXT, "What they buy most often."),
    "interests": ("Interests", TYPE.LIST, "What they ticked in the newsletter form."),
    "orders": ("Orders", TYPE.NUMBER, "How often they have bought."),
    "history": ("Spent so far", TYPE.NUMBER, "In euros, over all orders."),
    "last_order_on": ("Last order", TYPE.DATE, ""),
    "is_member": ("Club member", TYPE.BOOLEAN, ""),
}
WORDING = "Yes, write to me by email about news and offers. I can withdraw this at any time."


def make_catalogue() -> None:
    for key, (label, kind, description) in CATALOGUE.items():
        AttributeDefinition.objects.get_or_create(
            key=key, defaults={"label": label, "type": kind, "description": description}
        )


def make_contacts() -> None:
    chance = random.Random("people")  # noqa: S311  made-up people, the same everywhere
    today = timezone.localdate()
    Contact.objects.bulk_create([_person(number, chance, today) for number in range(1, COUNT + 1)], batch_size=1000)
    with connection.cursor() as cursor:
        # They came over a year and a half, the newest yesterday; bulk_create says now.
        cursor.execute(
            "UPDATE contacts_contact SET created_at = now() - (%s - substr(external_id, 3)::int + 5) * interval '4.4 h'"
            " WHERE external_id LIKE 'D-%%'",
            [COUNT],
        )


def _person(number: int, chance: random.Random, today: date) -> Contact:
    place = chance.choices(names.PLACES, weights=[place.weight for place in names.PLACES])[0]
    first, last = chance.choice(place.first_names), chance.choice(place.last_names)
    has_phone = place.phone is not None and chance.random() < 0.4
    return Contact(
        external_id=f"D-{number:05}",
        email=f"{_plain(first)}.{_plain(last)}.{number}@example.{chance.choice(['com', 'com', 'org', 'net'])}",
        phone=place.phone.format(number % 100) if has_phone and place.phone else None,
        first_name=first,
        last_name=last,
        locale=place.locale,
        time_zone=place.time_zone,
        attributes=_attributes(place, chance, today),
        tags=sorted({tag for tag, share in TAGS.items() if chance.random() < share}),
    )


TAGS = {"newsletter": 0.6, "customer": 0.7, "event-2025": 0.12, "vip": 0.04}


def _attributes(place: names.Place, chance: random.Random, today: date) -> dict[str, Any]:
    orders = min(int(chance.expovariate(0.35)), 24)
    favourite = chance.choice(names.CATEGORIES)
    known: dict[str, Any] = {
        "plan": chance.choice(names.PLANS),
        "country": place.country,
        "city": chance.choice(place.cities),
        "interests": sorted({favourite, *chance.sample(names.CATEGORIES, chance.randint(0, 2))}),
        "orders": orders,
        "is_member": chance.random() < 0.3,
    }
    if orders:
        known["favourite"] = favourite
        known["history"] = round(sum(chance.lognormvariate(3.6, 0.6) for _ in range(orders)), 2)
        known["last_order_on"] = (today - timedelta(days=min(int(chance.expovariate(1 / 90)), 520))).isoformat()
    return known


def _plain(name: str) -> str:
    letters = name.replace("ß", "ss").replace("ö", "oe").replace("ü", "ue").replace("ä", "ae")
    return unicodedata.normalize("NFKD", letters).encode("ascii", "ignore").decode().lower()


TOPICS = [
    ("product-news", "Product news", "channel", "What is new in the shop, about twice a month.",
     "Yes, tell me what is new."),
    ("garden", "Garden letter", "double", "One long read about gardens, on the first of each month.",
     "Yes, send me the garden letter each month. I can stop it at any time."),
    ("workshops", "Workshops near you", "single", "When there is a workshop in your region.",
     "Yes, tell me about workshops near me."),
]  # fmt: skip


def make_topics() -> None:
    """What one can subscribe to; some have."""
    for position, (key, name, opt_in, description, wording) in enumerate(TOPICS):
        Topic.objects.get_or_create(
            key=key,
            defaults={"name": name, "opt_in": opt_in, "description": description, "wording": wording,
                      "position": position},
        )  # fmt: skip
    chance = random.Random("topics")  # noqa: S311
    people = list(Contact.objects.filter(external_id__startswith="D-").order_by("pk").values_list("pk", flat=True))
    for key, share in (("garden", 900), ("workshops", 350)):
        at = timezone.now() - timedelta(days=chance.randint(20, 60))
        consent.grant_many(chance.sample(people, share), topics=[key], source="Newsletter form", at=at)


def make_consent() -> None:
    """Most agreed, each soon after they came; some took it back; a few addresses must not be written to."""
    chance = random.Random("consent")  # noqa: S311
    people = list(Contact.objects.filter(external_id__startswith="D-").order_by("pk"))
    by_moment: dict[tuple[str, datetime], list[int]] = defaultdict(list)
    for person in people:
        if chance.random() < 0.87:
            # In one statement for everyone who came in a fortnight: the first day of the next one.
            moment = person.created_at + timedelta(days=14 - person.created_at.toordinal() % 14)
            day = moment.replace(hour=9, minute=0, second=0, microsecond=0)
            by_moment[chance.choice(names.SOURCES), min(day, timezone.now())].append(person.pk)
    for (source, moment), ids in by_moment.items():
        consent.grant_many(ids, source=source, wording=WORDING, at=moment)
    for person in chance.sample(people, 45):
        consent.withdraw(person, source="Preferences page", at=timezone.now() - timedelta(days=chance.randint(30, 60)))
    _suppress(chance, [str(person.email) for person in chance.sample(people, 36)])


def _suppress(chance: random.Random, addresses: list[str]) -> None:
    """Some for each reason, over the last year; one that was released, and one whose owner was erased."""
    for number, address in enumerate(addresses):
        reason, detail = REASONS[number % len(REASONS)]
        suppression.suppress(address, reason=reason, detail=detail)
        at = timezone.now() - timedelta(days=chance.randint(1, 360), minutes=chance.randint(0, 1440))
        Suppression.objects.filter(address=address).update(created_at=at)
    back = suppression.suppress(addresses[0], reason=Suppression.Reason.HARD_BOUNCE)
    suppression.release(back, why="They called: the mailbox was closed by mistake and is open again", by=None)
    suppression.suppress("gone.away@example.org", reason=Suppression.Reason.OBJECTION)
    suppression.forget(["gone.away@example.org"])


REASONS = [
    (Suppression.Reason.HARD_BOUNCE, "550 5.1.1 No such user here"),
    (Suppression.Reason.COMPLAINT, "Marked as junk by the recipient"),
    (Suppression.Reason.IMPORTED, "From the list of the former system"),
    (Suppression.Reason.SOFT_BOUNCES, "5 messages in a row came back. The last: 452 4.2.2 Mailbox full"),
    (Suppression.Reason.MANUAL, "Asked on the telephone not to be written to"),
]


def make_purchases() -> None:
    """What they bought in the last year, as the shop would have told us."""
    ingest.record_many(_purchases())


def _purchases() -> Iterator[NewEvent]:
    chance = random.Random("purchases")  # noqa: S311
    now = timezone.now()
    for person in Contact.objects.filter(external_id__startswith="D-", attributes__has_key="last_order_on"):
        last = datetime.fromisoformat(person.attributes["last_order_on"]).replace(tzinfo=now.tzinfo)
        pace = chance.randint(14, 60)  # days between this one's orders, more or less
        for back in range(min(person.attributes["orders"], 12)):
            moment = last - timedelta(days=back * pace + chance.randint(0, 5), minutes=-chance.randint(420, 1320))
            if now - timedelta(days=360) < moment < now:
                amount = round(chance.lognormvariate(3.6, 0.6), 2)
                properties = {"amount": amount, "currency": "EUR", "category": person.attributes["favourite"]}
                yield NewEvent(name="purchase", contact_id=person.pk, occurred_at=moment, properties=properties)
