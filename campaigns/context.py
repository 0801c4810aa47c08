"""What the templates of a campaign may know besides the person: its sender, its name, its links."""

from typing import Any

from campaigns.models import Campaign
from templates_app import rendering
from templates_app.rendering import Knowable

# Where nothing is really sent: links that change nothing for anybody.
EXAMPLE_LINKS = {
    "unsubscribe_url": "https://example.com/unsubscribe",
    "preferences_url": "https://example.com/preferences",
}


def shared(campaign: Campaign) -> dict[str, Any]:
    """What all its messages have in common."""
    sender = campaign.sender
    return {
        "sender": {name: getattr(sender, name, "") for name in ("name", "email", "postal_address")},
        "campaign": {"name": campaign.name},
    }


def example(campaign: Campaign, contact: Knowable) -> dict[str, Any]:
    """Everything, for previews and tests."""
    return {**rendering.contact_context(contact), **shared(campaign), **EXAMPLE_LINKS}
