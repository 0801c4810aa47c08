"""Telling the people a campaign concerns what happened to it, as notices that lead to its page."""

from collections.abc import Iterable
from datetime import datetime

from django.urls import reverse

from campaigns.models import Approval, Campaign
from team import notices
from team.models import Notice, User


def asked(request: Approval, approvers: Iterable[User]) -> None:
    text = f"{request.requested_by} asks you to approve “{request.campaign}”."
    for person in approvers:
        notices.tell(text, url=_page(request.campaign), user=person)


def decided(request: Approval, text: str) -> None:
    if request.requested_by:
        notices.tell(text, url=_page(request.campaign), user=request.requested_by)


def stopped(campaign: Campaign, what: str) -> None:
    notices.tell(f"“{campaign}” {what}", level=Notice.Level.ERROR, url=_page(campaign))


def missed(campaign: Campaign, planned_at: datetime) -> None:
    stopped(
        campaign,
        f"was missed: it was to start on {planned_at:%-d %B at %H:%M} UTC and the product was not running. "
        "Nothing was sent; schedule it again.",
    )


def _page(campaign: Campaign) -> str:
    return reverse("admin:campaigns_campaign_change", args=[campaign.pk])
