"""What delivery tells in a timeline: messages, by the ledger, and what people did with them, by the log."""

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from django.db.models.functions import Coalesce
from django.urls import reverse

from campaigns.models import Campaign
from contacts.timeline import Entry, Kind, kinds
from delivery import why
from delivery.models import Message
from events import names
from events.models import Event
from events.timeline_kinds import in_short

_STATE_TONES = {"sent": "ok", "delivered": "ok", "failed": "bad", "skipped": "warn", "unknown": "warn"}
_EVENT_TONES = {names.BOUNCED: "bad", names.COMPLAINED: "bad", names.UNSUBSCRIBED: "warn", names.FAILED: "bad"}


@kinds.register
class Messages(Kind):
    key = "message"
    label = "Messages"
    icon = "mail"
    place = 1
    moment = "told_at"

    def rows(self, people: list[int]) -> QuerySet[Any]:
        found = Message.objects.filter(contact__in=people).select_related("run__campaign", "contact")
        return found.annotate(told_at=Coalesce("sent_at", "state_at"))

    def entry(self, row: Message) -> Entry:
        campaign = row.run.campaign
        title = f"{row.get_channel_display()} {row.get_state_display().lower()}: {campaign}"
        url = f"{reverse('delivery:why', args=[campaign.uuid])}?contact={row.contact.uuid}"
        data = {
            "campaign": str(campaign.uuid), "channel": row.channel, "reason": row.reason,
            "opened_at": row.opened_at, "clicked_at": row.clicked_at,
        }  # fmt: skip
        return self.says(
            row, row.state, title, detail=_detail(row), tone=_STATE_TONES.get(row.state, ""), url=url, data=data
        )


def _detail(row: Message) -> str:
    if row.reason:
        return why.reason_text(row.reason) or why.reason_label(row.reason)
    return "Opened and clicked." if row.clicked_at else "Opened." if row.opened_at else ""


@kinds.register
class Engagement(Kind):
    """Sent and delivered are left to the ledger, which says the same."""

    key = "engagement"
    label = "Opens and clicks"
    icon = "ads_click"
    place = 2
    moment = "occurred_at"
    has_names = True

    def rows(self, people: list[int]) -> QuerySet[Event]:
        told = Event.objects.filter(contact_id__in=people, name__startswith="message.")
        return told.exclude(name__in=[names.MESSAGE_SENT, names.DELIVERED])

    def entries(self, rows: list[Event]) -> Iterable[Entry]:
        campaigns = Campaign.objects.in_bulk({row.campaign_id for row in rows if row.campaign_id})
        return [self._entry(row, campaigns.get(row.campaign_id or 0)) for row in rows]

    def _entry(self, row: Event, campaign: Campaign | None) -> Entry:
        title = names.words(row.name) + (f": {campaign}" if campaign else "")
        machine = "" if row.label == Event.Label.HUMAN else f"{row.get_label_display()}, not a person. "
        data = {"campaign": str(campaign.uuid) if campaign else None, "label": row.label, "properties": row.properties}
        return self.says(
            row, row.name, title, detail=machine + in_short(row.properties), data=data,
            tone="muted" if machine else _EVENT_TONES.get(row.name, "info"),
            url=reverse("admin:campaigns_campaign_change", args=[campaign.pk]) if campaign else "",
        )  # fmt: skip
