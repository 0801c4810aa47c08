"""A website and a shop that report by the tracking API what people do, and the companies that some of them work for."""

import json
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from config.demo import names
from contacts.models import Contact
from events.models import Source
from events.tracking import calls, intake, sources
from events.tracking.reading import Request
from team.models import User

WEBSITE, SHOP = "Website", "Shop server"
VISITORS, KNOWN, COMPANIES = 400, 650, 60
DAYS = 45
PAGES = {"/": "Home", "/club": "The club", "/workshops": "Workshops", "/help/returns": "Returns"}
AGENTS = [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Safari/605.1.15",
]
TRADES = ["Bakery", "Bookshop", "Gardens", "Joinery", "Music School", "Outfitters", "Print Works", "Tea House"]
INDUSTRIES = ["Education", "Food", "Manufacturing", "Retail"]


def make_sources() -> None:
    """Their keys were shown to nobody: whoever wants to send something makes a new one."""
    marketer = User.objects.get(username="admin")
    sources.add(name=WEBSITE, kind=Source.Kind.WEBSITE, description="Part of the demo data.", by=marketer)
    sources.add(name=SHOP, kind=Source.Kind.SERVER, description="Part of the demo data.", by=marketer)


def make_visits() -> None:
    """As clients would have sent it, checked and taken by the functions that take their batches."""
    chance = random.Random("visits")  # noqa: S311
    people = list(Contact.objects.filter(external_id__startswith="D-").order_by("pk"))
    visitors = chance.sample(people, KNOWN)
    _send(WEBSITE, [message for number in range(VISITORS) for message in _visits(f"visitor-{number:04}", None, chance)])
    _send(WEBSITE, [message for one in visitors for message in _visits(f"browser-{one.external_id}", one, chance)])
    _send(SHOP, list(_companies(chance.sample(people, COMPANIES * 3), chance)))


def _send(source: str, messages: list[dict[str, Any]]) -> None:
    request = Request(Source.objects.get(name=source), None, [json.dumps(one).encode() for one in messages], None, None)
    now = timezone.now()
    intake.take(request.source, [calls.check(raw, request, now) for raw in request.messages])


def _visits(visitor: str, person: Contact | None, chance: random.Random) -> Iterator[dict[str, Any]]:
    """One to four visits; somebody known signs in on the last one, and the earlier ones become theirs."""
    agent = chance.choice(AGENTS)
    starts = sorted(timezone.now() - timedelta(days=chance.uniform(0.1, DAYS)) for _ in range(chance.randint(1, 4)))
    for start in starts:
        said = {"anonymousId": visitor, "context": {"userAgent": agent}}
        if person and start == starts[-1]:
            yield said | {"type": "identify", "userId": person.external_id, "timestamp": start.isoformat()}
        yield from _visit(said, start, chance)


def _visit(said: dict[str, Any], start: datetime, chance: random.Random) -> Iterator[dict[str, Any]]:
    def at(seconds: int) -> str:
        return (start + timedelta(seconds=seconds)).isoformat()

    for number, path in enumerate(chance.sample(list(PAGES), chance.randint(1, 3))):
        properties = {"path": path, "title": PAGES[path], "url": f"https://shop.example.com{path}"}
        yield said | {"type": "page", "name": PAGES[path], "properties": properties, "timestamp": at(20 * number)}
    product = {"category": chance.choice(names.CATEGORIES), "price": round(chance.lognormvariate(3, 0.5), 2)}
    if chance.random() < 0.6:
        yield said | {"type": "track", "event": "Product Viewed", "properties": product, "timestamp": at(90)}
    if chance.random() < 0.25:
        yield said | {"type": "track", "event": "Product Added", "properties": product, "timestamp": at(150)}
    if chance.random() < 0.1:
        searched = {"query": chance.choice(names.CATEGORIES).lower()}
        yield said | {"type": "track", "event": "Products Searched", "properties": searched, "timestamp": at(60)}


def _companies(people: list[Contact], chance: random.Random) -> Iterator[dict[str, Any]]:
    for number, person in enumerate(people):
        which = number % COMPANIES
        traits = {
            "name": f"Example {TRADES[which % len(TRADES)]} {which + 1}",
            "industry": INDUSTRIES[which % len(INDUSTRIES)],
            "employees": 3 + which * which,
            "plan": names.PLANS[which % len(names.PLANS)],
        }
        yield {"type": "group", "userId": person.external_id, "groupId": f"company-{which + 1:03}", "traits": traits}
