"""Where a template is used, and what became of each use. Campaigns stand above: reached in reverse.

What became of it is told by whoever counts (analytics registers itself): a pass over the log of fifty campaigns would
take minutes.
"""

from typing import Any

from core.registry import Registry
from events.names import BOUNCED, CLICKED, DELIVERED, MESSAGE_SENT, OPENED, UNSUBSCRIBED
from templates_app.models import Template

MOST = 50
_COUNTED = {
    "sent": MESSAGE_SENT,
    "delivered": DELIVERED,
    "opened": OPENED,
    "clicked": CLICKED,
    "unsubscribed": UNSUBSCRIBED,
    "bounced": BOUNCED,
}


class Tally:
    """Something that has counted what happened."""

    key: str
    label: str

    def of(self, campaigns: list[int]) -> dict[tuple[int, str], int]:
        """Messages, each once, by (variant, name of event); opens and clicks of machines are left out."""
        raise NotImplementedError


tallies: Registry[Tally] = Registry("tally of messages")


def of(template: Template) -> list[dict[str, Any]]:
    """One entry per campaign variant, newest campaign first: who uses it, with which version, and what happened."""
    variants = list(template.variants.select_related("campaign", "version").order_by("-campaign_id", "key")[:MOST])
    counts = _counts([variant.campaign_id for variant in variants if variant.campaign.started_at])
    return [
        {
            "pk": variant.campaign_id,
            "campaign": variant.campaign.uuid,
            "campaign_name": variant.campaign.name,
            "status": variant.campaign.status,
            "status_label": variant.campaign.get_status_display(),
            "variant": variant.key,
            "version": variant.version.number if variant.version else None,
            **_figures(counts, variant.pk),
        }
        for variant in variants
    ]


def _figures(counts: dict[tuple[int, str], int], variant: int) -> dict[str, Any]:
    figures: dict[str, Any] = {word: counts.get((variant, name), 0) for word, name in _COUNTED.items()}
    base = figures["sent"] or figures["delivered"]
    for word in ("opened", "clicked", "unsubscribed"):
        figures[f"{word}_rate"] = round(figures[word] / base, 4) if base else None
    return figures


def _counts(campaigns: list[int]) -> dict[tuple[int, str], int]:
    found: dict[tuple[int, str], int] = {}
    for tally in tallies.values() if campaigns else ():
        found |= tally.of(campaigns)
    return found
