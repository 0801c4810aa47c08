"""Nobody decides on their own work. Superusers are not exempt."""

from campaigns import approval
from campaigns.models import Campaign
from core.errors import Refused
from team.models import User


def refusal(campaign: Campaign, by: User) -> Refused | None:
    """Why `by` may not decide on the campaign; None if they had no part in it."""
    asked = approval.pending(campaign)
    involved = [
        (campaign.created_by_id, "you created it"),
        (campaign.edited_by_id, "you made the last change"),
        (asked.requested_by_id if asked else None, "you asked for the approval"),
        *_of_content(campaign),
    ]
    for person, why in involved:
        if person == by.pk:
            return Refused("four_eyes", f"Someone else must decide on “{campaign}”: {why}.")
    return None


def _of_content(campaign: Campaign) -> list[tuple[int | None, str]]:
    """What people get is the campaign's content, wherever it is kept: who wrote or published it has done this work."""
    found = list(campaign.variants.values_list("version__author_id", "version__published_by_id"))
    wrote: list[tuple[int | None, str]] = [(author, "you wrote its content") for author, _ in found]
    return wrote + [(publisher, "you published its content") for _, publisher in found]
