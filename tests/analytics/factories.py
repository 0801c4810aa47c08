"""A small ledger, counted by hand: who got what and how they answered."""

from datetime import UTC, datetime, timedelta

from campaigns.models import Campaign, Variant
from contacts.models import Contact
from delivery import ledger
from delivery.models import Message, Run
from events import ingest, names
from templates_app.models import Link, Template, TemplateVersion

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def make_campaign(
    name: str = "Spring", *, variants: int = 1, status: str = Campaign.Status.FINISHED
) -> tuple[Campaign, Run]:
    template, _ = Template.objects.get_or_create(name="Offer")
    version, is_new = TemplateVersion.objects.get_or_create(template=template, number=1, defaults={"subject": "Hello"})
    if is_new:
        for position, url in enumerate(["https://example.com/a", "https://example.com/b"]):
            Link.objects.create(version=version, position=position, url=url, text=f"Link {position}")
    campaign = Campaign.objects.create(name=name, status=status, finished_at=NOON)
    for key in "ABCD"[:variants]:
        Variant.objects.create(campaign=campaign, key=key, template=template, version=version)
    is_over = status == Campaign.Status.FINISHED
    run = Run.objects.create(
        campaign=campaign, planned_at=NOON, opened_at=NOON,
        status=Run.Status.FINISHED if is_over else Run.Status.SENDING,
    )  # fmt: skip
    return campaign, run


def add_messages(run: Run, count: int, state: str, reason: str = "", *, variant: int = 0) -> list[Message]:
    """Ledger rows with new contacts; sent ones get their event."""
    own = list(run.campaign.variants.all())[variant]
    start = Contact.objects.count()
    contacts = Contact.objects.bulk_create(
        [Contact(email=f"someone{start + number}@example.com") for number in range(count)]
    )
    rows = Message.objects.bulk_create(
        [Message(run=run, contact=who, variant=own, channel="email", state=state, reason=reason) for who in contacts]
    )
    if state in ("sent", "delivered"):
        for row in rows:
            happen(names.MESSAGE_SENT, row)
    Run.objects.filter(pk=run.pk, status=Run.Status.FINISHED).update(final_counts=ledger.counts(run.pk))
    return rows


def happen(name: str, message: Message, *, label: str = "human", minutes: int = 0, link: Link | None = None) -> None:
    ingest.record(
        name, contact_id=message.contact_id, campaign_id=message.run.campaign_id, variant_id=message.variant_id,
        message_id=message.pk, label=label, occurred_at=NOON + timedelta(minutes=minutes),
        properties={"link": link.pk} if link else {},
    )  # fmt: skip
