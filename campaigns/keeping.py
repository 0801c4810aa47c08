"""Copying a campaign, putting it away and bringing it back: nothing here moves its status (lifecycle.py does)."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from campaigns import members
from campaigns.models import Campaign, Edit, Variant
from core.errors import Refused
from team.models import User

Status = Campaign.Status
AT_REST = (Status.DRAFT, Status.REJECTED, Status.APPROVED, Status.FINISHED, Status.CANCELLED)
# Verb: the permission it needs, and how history names it.
KEEPING = {
    "duplicate": ("add_campaign", "Copied"),
    "archive": ("change_campaign", "Archived"),
    "delete": ("delete_campaign", "Deleted"),
    "restore": ("change_campaign", "Restored"),
}
COPIED = ("description", "kind", "purpose", "channel", "topic", "sender", "tracks_opens", "tracks_clicks", "tags")


def duplicate(campaign: Campaign, *, by: User, name: str = "") -> Campaign:
    """A draft of the same, by `by`: it carries no approval, no time and no history."""
    _require(campaign, "duplicate", by)
    copied = {field: getattr(campaign, field) for field in COPIED}
    name = (name or f"Copy of {campaign.name}")[:160]
    with transaction.atomic():
        copy = Campaign.objects.create(**copied, name=name, created_by=by, edited_by=by)
        copy.segments.set(campaign.segments.all())
        copy.excluded_segments.set(campaign.excluded_segments.all())
        Variant.objects.bulk_create(
            Variant(campaign=copy, key=variant.key, template_id=variant.template_id, weight=variant.weight)
            for variant in campaign.variants.all()
        )
    return copy


def archive(campaign: Campaign, *, by: User) -> None:
    """Out of the way, with all its figures; nothing that is under way can be archived."""
    _keep(campaign, "archive", by, archived_at=timezone.now())


def delete(campaign: Campaign, *, by: User) -> None:
    """Out of sight; `restore` brings it back, because what was sent must stay explainable."""
    _keep(campaign, "delete", by, deleted_at=timezone.now())


def restore(campaign: Campaign, *, by: User) -> None:
    _keep(campaign, "restore", by, deleted_at=None, archived_at=None)


def verbs(campaign: Campaign, by: User) -> list[str]:
    """Which of duplicate, archive, delete and restore `by` may do now."""
    return [verb for verb in KEEPING if refusal(campaign, verb, by=by) is None]


def refusal(campaign: Campaign, verb: str, *, by: User) -> Refused | None:
    """Why `by` may not put this campaign away, bring it back or copy it, or None. None of these moves its status."""
    permission, past = KEEPING[verb]
    if not by.has_perm(f"campaigns.{permission}"):
        return Refused("not_allowed", f"Your role does not let you {verb} campaigns. Ask a colleague who may.")
    if verb == "duplicate":
        return None
    no_part = members.refusal(campaign, verb, by=by)
    if no_part:
        return no_part
    if verb == "restore":
        return (
            None if campaign.deleted_at or campaign.archived_at else Refused("not_away", f"“{campaign}” is not away.")
        )
    if campaign.deleted_at or (verb == "archive" and campaign.archived_at):
        return Refused("put_away", f"“{campaign}” is already {past.lower()} or deleted.")
    if campaign.status not in AT_REST:
        return Refused("under_way", f"“{campaign}” is under way. Take it back, unschedule or cancel it first.")
    return None


def _require(campaign: Campaign, verb: str, by: User) -> None:
    refused = refusal(campaign, verb, by=by)
    if refused:
        raise refused


def _keep(campaign: Campaign, verb: str, by: User, **fields: Any) -> None:
    with transaction.atomic():
        current = Campaign.objects.select_for_update().get(pk=campaign.pk)
        _require(current, verb, by)
        Campaign.objects.filter(pk=campaign.pk).update(updated_at=timezone.now(), **fields)
        changes = [{"field": KEEPING[verb][1], "before": "", "after": ""}]
        Edit.objects.create(campaign=current, by=by, changes=changes)
    campaign.refresh_from_db()
