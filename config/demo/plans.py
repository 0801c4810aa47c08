"""Campaigns at work: a draft, one that waits for approval, one that was sent back, one that will go out."""

from datetime import time, timedelta

from django.utils import timezone

from campaigns import blueprints, collaboration, editing, lifecycle
from campaigns.editing import Wording
from campaigns.models import Campaign, CampaignTemplate, Sender
from config.demo import audiences
from segments.models import Segment
from team.models import User
from templates_app import gallery
from templates_app.models import Template


def make() -> None:
    marketer, approver = User.objects.get(username="marketer"), User.objects.get(username="approver")

    _campaign("Spring preview", marketer, audiences.SPENDERS, ["newsletter"])

    waiting = _campaign(
        "Two subjects for the winter sale", marketer, audiences.REACHABLE, ["product-announcement", "newsletter"]
    )
    lifecycle.submit(waiting, by=marketer, comment="Half get the short one, half the long one.")
    collaboration.comment(waiting, by=approver, body="Is the price in the second story final, @marketer?")

    sent_back = _campaign("We miss you", marketer, audiences.LAPSED, ["win-back"])
    lifecycle.submit(sent_back, by=marketer)
    lifecycle.reject(sent_back, by=approver, comment="Leave out those who bought twice this year, please.")

    planned = _campaign("December newsletter", marketer, audiences.REACHABLE, ["newsletter"])
    lifecycle.submit(planned, by=marketer)
    lifecycle.approve(planned, by=approver, comment="Lovely.")
    day = timezone.localdate() + timedelta(days=9)
    lifecycle.schedule(planned, by=marketer, on=day, time=time(9, 30), zone="Europe/Berlin")


def keep_as_templates() -> None:
    """Two of the campaigns as setups to start from; those that somebody has removed by now are left out."""
    marketer = User.objects.get(username="marketer")
    for name, kept, category in (
        ("December newsletter", "Monthly newsletter", "Newsletter"),
        ("We miss you", "Win back lapsed customers", "Win-back"),
    ):
        campaign = Campaign.objects.present().filter(name=name, tags__contains=["demo"]).first()
        if campaign is not None and not CampaignTemplate.objects.filter(name=kept).exists():
            blueprints.keep(campaign, by=marketer, name=kept, niche="Retail", category=category)


def _campaign(name: str, marketer: User, segment: str, templates: list[str]) -> Campaign:
    wordings = [Wording(Template.objects.get(name=gallery.find(key).name)) for key in templates]
    return editing.create(
        by=marketer,
        name=name,
        sender=Sender.objects.get(email="hello@carillon.example.com"),
        segments=[Segment.objects.get(name=segment)],
        variants=wordings,
        tags=["demo"],
    )
