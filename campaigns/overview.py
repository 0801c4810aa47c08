"""What a campaign's page shows: gathered once, so that the page itself only lays it out."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Sum
from django.urls import NoReverseMatch, reverse

from campaigns import actions, approval, carriers, history, lifecycle, members, preflight, previewing
from campaigns.models import Approval, Campaign, Variant
from contacts.models import Contact
from core.errors import Refused
from team.forms import time_zone_choices
from team.models import User

Status = Campaign.Status
BADGES = {
    Status.DRAFT: "muted",
    Status.IN_REVIEW: "warn",
    Status.REJECTED: "bad",
    Status.APPROVED: "info",
    Status.SCHEDULED: "info",
    Status.SENDING: "ok",
    Status.PAUSED: "warn",
    Status.FINISHED: "ok",
    Status.CANCELLED: "muted",
}
ICONS = {
    Status.DRAFT: "edit_note",
    Status.IN_REVIEW: "hourglass_top",
    Status.REJECTED: "undo",
    Status.APPROVED: "verified",
    Status.SCHEDULED: "schedule",
    Status.SENDING: "outgoing_mail",
    Status.PAUSED: "pause_circle",
    Status.FINISHED: "check_circle",
    Status.CANCELLED: "cancel",
}
BEFORE_START = (Status.DRAFT, Status.IN_REVIEW, Status.REJECTED, Status.APPROVED, Status.SCHEDULED)
SLOW_AUDIENCE = 100_000  # above this the checks are loaded after the page: counting a million people takes seconds


@dataclass(frozen=True)
class Failed:
    """A verb that was refused: its dialog opens again with what the person had written."""

    verb: str
    message: str
    given: dict[str, Any]


def of(campaign: Campaign, user: User, failed: Failed | None = None) -> dict[str, Any]:
    """The page's context."""
    buttons = actions.offered(campaign, user)
    variants = list(campaign.variants.select_related("campaign__sender", "template__current_version", "version"))
    latest = campaign.approvals.select_related("requested_by", "decided_by").first()
    return {
        "campaign": campaign,
        "badge": BADGES[Status(campaign.status)],
        "status_icon": ICONS[Status(campaign.status)],
        "first_buttons": [button for button in buttons if button.verb not in _LATER],
        "later_buttons": [button for button in buttons if button.verb in _LATER],
        "buttons": buttons,
        "failed": failed,
        "can_edit": lifecycle.refusal(campaign, "edit", by=user) is None,
        "cannot_decide": _cannot_decide(campaign, user),
        "approval": latest,
        "approval_changes": _approval_changes(campaign, latest),
        "variants": variants,
        "previews": _previews(campaign, variants),
        "segments": campaign.segments.all(),
        "excluded_segments": campaign.excluded_segments.all(),
        "entries": history.of(campaign),
        "threads": campaign.comments.filter(parent=None).select_related("author").prefetch_related("replies__author"),
        "last_change": campaign.status_changes.select_related("by").first(),
        "zones": time_zone_choices(),
        "default_zone": campaign.send_zone or user.time_zone,
        "has_started": campaign.started_at is not None,
        "was_missed": _was_missed(campaign),
        "can_test": _can_test(campaign, user),
        "can_keep": user.has_perm("campaigns.add_campaigntemplate"),
        **_people(campaign, user),
        **_checks(campaign),
        **_links(campaign),
    }


_LATER = ("duplicate", "archive", "delete", "cancel", "withdraw", "complete")


def checks(campaign: Campaign) -> dict[str, Any]:
    findings = preflight.check(campaign)
    return {
        "findings": findings,
        "blocks": [finding for finding in findings if finding.level == "block"],
        "warnings": [finding for finding in findings if finding.level == "warn"],
    }


def _previews(campaign: Campaign, variants: list[Variant]) -> list[dict[str, Any]]:
    """Each variant's lines in an inbox, for the person whom the frame below shows it to."""
    if not variants:
        return []
    person = previewing.somebody(campaign)
    return [{"variant": variant, "person": person, **_lines(variant, person)} for variant in variants]


def _lines(variant: Variant, person: Contact) -> dict[str, Any]:
    try:
        content = previewing.content(variant, person)
    except Refused as refused:
        return {"problem": refused.message}
    return {"subject": content.subject, "preheader": content.preheader}


def _checks(campaign: Campaign) -> dict[str, Any]:
    if campaign.status not in BEFORE_START:
        return {}
    size = campaign.segments.aggregate(total=Sum("size"))["total"] or 0
    return {"loads_checks_later": True} if size > SLOW_AUDIENCE else checks(campaign)


def _cannot_decide(campaign: Campaign, user: User) -> Refused | None:
    """Why someone who may approve campaigns may not decide on this one."""
    if campaign.status != Status.IN_REVIEW or not user.has_perm("campaigns.approve_campaign"):
        return None
    return lifecycle.refusal(campaign, "approve", by=user)


def _approval_changes(campaign: Campaign, latest: Approval | None) -> list[str]:
    if latest is None or latest.decision not in (Approval.Decision.PENDING, Approval.Decision.APPROVED):
        return []
    return approval.changes(latest, campaign) if campaign.status in BEFORE_START else []


def _was_missed(campaign: Campaign) -> bool:
    newest = campaign.status_changes.first()
    return newest is not None and newest.reason == "missed"


def _people(campaign: Campaign, user: User) -> dict[str, Any]:
    """Who works on it; and for those who may choose, everyone with the part they have."""
    people = members.of(campaign)
    if members.may_choose(campaign, by=user) is not None:
        return {"people": people}
    parts = dict.fromkeys(people.editors, "editor") | dict.fromkeys(people.viewers, "viewer")
    parts |= {people.owner: "owner"} if people.owner else {}
    return {"people": people, "choices": [(person, parts.get(person, "")) for person in members.eligible()]}


def _can_test(campaign: Campaign, user: User) -> bool:
    may = user.has_perm("campaigns.change_campaign") and bool(carriers.carriers)
    return may and members.refusal(campaign, "test", by=user) is None


def _links(campaign: Campaign) -> dict[str, str]:
    """Pages of the apps above, where they are there: this app knows their names and nothing else of them."""
    names = {
        "figures_url": "analytics:campaign-figures",
        "recipients_url": "delivery:recipients",
        "why_url": "delivery:why",
    }
    return {key: _address(name, campaign) for key, name in names.items()}


def _address(name: str, campaign: Campaign) -> str:
    try:
        return reverse(name, kwargs={"campaign": campaign.uuid})
    except NoReverseMatch:
        return ""
