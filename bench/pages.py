"""The console's and the API's list pages over a million rows: p95 of twenty requests each, beside the goal of 300 ms.

Requests go through the whole of Django in this process, as a signed-in marketer, without a network. What is rare
(failed, unknown, one tag, one reason) stands at the far end of each list, where a page has to look longest.
"""

import logging
import math
from collections.abc import Iterator

from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from bench import scratch
from bench.result import Result
from campaigns.models import Campaign, Sender, Variant
from contacts.list_bounds import LOOK_AT
from delivery.models import Run
from events import partitions
from segments.models import Segment
from team.models import User
from team.roles import MARKETER
from templates_app import publishing
from templates_app.models import Template

REQUESTS = 20
GOAL_MS = 300
CAMPAIGNS = 2_000

CONTACTS = """
INSERT INTO contacts_contact (email, external_id, first_name, last_name, locale, tags, attributes)
SELECT 'person' || n || '@example.com', 'p-' || n, 'Given' || n %% 5000, 'Family' || n %% 9000, 'en',
    CASE WHEN n %% 1000 = 7 THEN ARRAY['rare'] WHEN n %% 3 = 0 THEN ARRAY['newsletter'] ELSE '{}' END,
    jsonb_build_object('plan', 'gold', 'city', 'Town ' || n %% 300)
FROM generate_series(1, %s) n
"""
MESSAGES = """
INSERT INTO delivery_message (run_id, contact_id, variant_id, step, channel, state, reason, sent_at)
SELECT %s, contact_id, %s, 0, 'email',
    CASE WHEN n <= 50 THEN 'unknown' WHEN n <= 500 THEN 'failed' WHEN n %% 10 = 0 THEN 'skipped' ELSE 'sent' END,
    CASE WHEN n <= 50 THEN 'lost' WHEN n <= 500 THEN 'refused' WHEN n <= 2000 AND n %% 10 = 0 THEN 'suppressed'
        WHEN n %% 10 = 0 THEN 'no_consent' ELSE '' END,
    now()
FROM (SELECT contact_id, row_number() OVER (ORDER BY contact_id) AS n FROM segments_membership) m
"""
MAILS = """
INSERT INTO delivery_sandboxmail (sender, recipient, subject, raw, message_id)
SELECT 'news@example.com', 'person' || n || '@example.com', 'News for ' || n, convert_to(repeat('text ', 40), 'UTF8'), n
FROM generate_series(1, %s) n
"""
SUPPRESSIONS = """
INSERT INTO contacts_suppression (channel, address, reason)
SELECT 'email', 'person' || n * 7 || '@example.com', 'hard_bounce' FROM generate_series(1, %s) n
"""


def run(scale: float = 1.0) -> list[Result]:
    logging.getLogger("django.request").setLevel(logging.ERROR)
    with scratch.database():
        campaign, segment, marketer = _prepare(int(1_000_000 * scale))
        client = Client()
        client.force_login(marketer)
        return [_measure(client, name, url) for name, url in _pages(campaign, segment)]


def _prepare(people: int) -> tuple[Campaign, Segment, User]:
    partitions.ensure()
    marketer = User.objects.create_user("bench", is_staff=True)
    marketer.groups.add(Group.objects.get(name=MARKETER))
    scratch.execute(CONTACTS, people)
    scratch.execute(
        "INSERT INTO contacts_consentstate (contact_id, channel, topic, is_granted, since) "
        "SELECT id, 'email', '', id %% 20 <> 0, now() FROM contacts_contact WHERE id %% 100 <> 0"
    )
    scratch.execute(SUPPRESSIONS, people // 5)
    segment = Segment.objects.create(name="Everyone", rules={"all": []}, size=people, refreshed_at=timezone.now())
    scratch.execute(
        "INSERT INTO segments_membership (segment_id, contact_id) SELECT %s, id FROM contacts_contact", segment.pk
    )
    campaign = _campaigns(marketer, segment, people)
    scratch.execute(MAILS, people)
    scratch.execute("VACUUM ANALYZE")
    return campaign, segment, marketer


def _campaigns(author: User, segment: Segment, people: int) -> Campaign:
    template = Template.objects.create(name="Bench", created_by=author)
    publishing.save_draft(template, by=author, subject="News", source='<a href="{{ unsubscribe_url }}">Unsubscribe</a>')
    version = publishing.publish(template, by=author)
    sender = Sender.objects.create(name="Bench", email="bench@example.com", is_default=True)
    campaigns = Campaign.objects.bulk_create(
        Campaign(
            name=f"Campaign {number}", sender=sender, status="finished" if number % 3 else "draft", created_by=author,
            finished_at=timezone.now() if number % 3 else None,
        )
        for number in range(1, CAMPAIGNS + 1)
    )  # fmt: skip
    Variant.objects.bulk_create(Variant(campaign=one, template=template, version=version) for one in campaigns)
    for one in campaigns:
        one.segments.add(segment)
    last = campaigns[0]
    opened = Run.objects.create(
        campaign=last, planned_at=timezone.now(), status="finished", audience_count=people, finished_at=timezone.now()
    )
    scratch.execute(MESSAGES, opened.pk, last.variants.get().pk)
    return last


def _pages(campaign: Campaign, segment: Segment) -> Iterator[tuple[str, str]]:
    contacts, ledger = reverse("admin:contacts_contact_changelist"), reverse("admin:delivery_message_changelist")
    people = reverse("delivery:recipients", args=[campaign.uuid])
    mailbox = reverse("admin:delivery_sandboxmail_changelist")
    yield "home", reverse("admin:index")
    yield "contacts", contacts
    yield "contacts, page 100", f"{contacts}?p=100"
    yield "contacts by email prefix", f"{contacts}?q=person9"
    yield "contacts by email prefix, the oldest", f"{contacts}?q=person1"
    yield "contacts by last name", f"{contacts}?q=Family12"
    yield "contacts by a name of nobody", f"{contacts}?q=nobody-like-this"
    yield "contacts by a common tag", f"{contacts}?tag=newsletter"
    yield "contacts by a rare tag", f"{contacts}?tag=rare"
    for consent in ("granted", "withdrawn", "none"):
        yield f"contacts, consent {consent}", f"{contacts}?consent={consent}"
    yield "contacts, consent none, last page", f"{contacts}?consent=none&p={max(1, min(LOOK_AT, segment.size) // 5000)}"
    yield "contacts, consent none and suppressed", f"{contacts}?consent=none&suppressed=yes"
    yield "contacts, suppressed", f"{contacts}?suppressed=yes"
    yield "contacts, erased", f"{contacts}?erased=yes"
    yield "suppressions", reverse("admin:contacts_suppression_changelist")
    yield "segments", reverse("admin:segments_segment_changelist")
    yield "one segment", reverse("admin:segments_segment_change", args=[segment.pk])
    yield "members of a segment", reverse("admin:segments_segment_members", args=[segment.pk])
    yield "campaigns", reverse("admin:campaigns_campaign_changelist")
    yield "one campaign", reverse("admin:campaigns_campaign_change", args=[campaign.pk])
    yield "ledger", ledger
    yield "ledger, page 100", f"{ledger}?p=100"
    for state in ("sent", "skipped", "failed", "unknown", "cancelled"):
        yield f"ledger, {state}", f"{ledger}?state__exact={state}"
        yield f"recipients, {state}", f"{people}?state={state}"
    yield "recipients", people
    yield "recipients by a common reason", f"{people}?reason=no_consent"
    yield "recipients by a rare reason", f"{people}?reason=suppressed"
    yield "recipients, one person", f"{people}?q=person77@example.com"
    yield "sandbox mailbox", mailbox
    yield "sandbox mailbox by recipient", f"{mailbox}?q=person9"
    yield "API contacts", "/api/contacts"
    yield "API contacts by email", "/api/contacts?email=person77@example.com"
    yield "API contacts by tag", "/api/contacts?tag=rare"
    yield "API recipients", f"/api/campaigns/{campaign.uuid}/recipients"
    yield "API recipients, failed", f"/api/campaigns/{campaign.uuid}/recipients?state=failed"
    yield "API recipients by reason", f"/api/campaigns/{campaign.uuid}/recipients?reason=suppressed"
    yield "API members", f"/api/segments/{segment.uuid}/users"
    yield "API campaigns", "/api/campaigns"


def _measure(client: Client, name: str, url: str) -> Result:
    """One request to load templates and plans, then REQUESTS that count."""
    _get(client, url)
    times = sorted(scratch.timed(lambda: _get(client, url)) * 1000 for _ in range(REQUESTS))
    p95 = times[math.ceil(REQUESTS * 0.95) - 1]
    return Result(
        f"page: {name}", round(p95, 1), GOAL_MS, "ms", round(p95 / GOAL_MS, 2), round(scratch.own_peak_mb()), "<= 1"
    )


def _get(client: Client, url: str) -> None:
    response = client.get(url)
    assert response.status_code == 200, f"{url}: {response.status_code}"
