"""Every change of a campaign's status: who may make it, from where to where, and what must hold.

The only writer of `Campaign.status`. Each move locks the campaign, asks `refusal` (the one place for permissions and
four eyes), moves by compare-and-set and leaves one StatusChange, all in one transaction.
"""

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from django.db import transaction
from django.db.models import prefetch_related_objects
from django.utils import timezone

from campaigns import announcing, approval, four_eyes, members, preflight
from campaigns import schedule as clock
from campaigns.keeping import archive as archive  # what people call a campaign's life is one vocabulary
from campaigns.keeping import delete as delete
from campaigns.keeping import duplicate as duplicate
from campaigns.keeping import restore as restore
from campaigns.models import Approval, Campaign, StatusChange, Variant
from core.errors import Refused
from team.models import User

Status = Campaign.Status
DRAFT, IN_REVIEW, REJECTED, APPROVED = Status.DRAFT, Status.IN_REVIEW, Status.REJECTED, Status.APPROVED
SCHEDULED, SENDING, PAUSED = Status.SCHEDULED, Status.SENDING, Status.PAUSED
FINISHED, CANCELLED = Status.FINISHED, Status.CANCELLED


@dataclass(frozen=True)
class Move:
    """From one of `sources` to `target`, by people who hold `permission`; None: only the product itself."""

    sources: tuple[Campaign.Status, ...]
    target: Campaign.Status
    permission: str | None
    words: str


MOVES = {
    "submit": Move((DRAFT, REJECTED), IN_REVIEW, "submit_campaign", "submit it for approval"),
    "withdraw": Move((IN_REVIEW, APPROVED), DRAFT, "submit_campaign", "take it back to draft"),
    "approve": Move((IN_REVIEW,), APPROVED, "approve_campaign", "approve it"),
    "reject": Move((IN_REVIEW,), REJECTED, "approve_campaign", "reject it"),
    "edit": Move((DRAFT, IN_REVIEW, APPROVED, REJECTED), DRAFT, "change_campaign", "change it"),
    "schedule": Move((APPROVED,), SCHEDULED, "launch_campaign", "schedule it"),
    "unschedule": Move((SCHEDULED,), APPROVED, "launch_campaign", "unschedule it"),
    "launch": Move((APPROVED,), SENDING, "launch_campaign", "launch it"),
    "begin": Move((DRAFT,), SENDING, None, "begin it"),
    "start": Move((SCHEDULED,), SENDING, None, "start it"),
    "miss": Move((SCHEDULED,), APPROVED, None, "mark it missed"),
    "stop": Move((SCHEDULED,), DRAFT, None, "stop it"),
    "pause": Move((SENDING,), PAUSED, "launch_campaign", "pause it"),
    "resume": Move((PAUSED,), SENDING, "launch_campaign", "resume it"),
    "cancel": Move((APPROVED, SCHEDULED, SENDING, PAUSED), CANCELLED, "launch_campaign", "cancel it"),
    "complete": Move((SENDING, PAUSED), FINISHED, "launch_campaign", "complete it"),
    "finish": Move((SENDING,), FINISHED, None, "finish it"),
}


def refusal(campaign: Campaign, verb: str, *, by: User | None) -> Refused | None:
    """Why `by` may not do `verb` to this campaign now, or None. `by=None` is the product itself."""
    move = MOVES[verb]
    if by is not None and not (move.permission and by.has_perm(f"campaigns.{move.permission}")):
        return Refused("not_allowed", f"Your role does not let you {move.words}. Ask a colleague who may.")
    no_part = members.refusal(campaign, verb, by=by) if by is not None else None
    if no_part:
        return no_part
    if campaign.deleted_at or campaign.archived_at:
        return Refused("put_away", f"“{campaign}” is archived or deleted. Restore it first.")
    if campaign.status not in move.sources:
        return Refused("wrong_status", _wrong_status(campaign, move))
    return four_eyes.refusal(campaign, by) if verb in ("approve", "reject") and by is not None else None


def verbs(campaign: Campaign, by: User) -> list[str]:
    """What `by` may do now."""
    prefetch_related_objects([campaign], "members")  # each verb asks who has a part in it
    return [verb for verb in MOVES if refusal(campaign, verb, by=by) is None]


def _wrong_status(campaign: Campaign, move: Move) -> str:
    wanted = " or ".join(source.label.lower() for source in move.sources)
    return f"“{campaign}” is {campaign.get_status_display().lower()}. To {move.words}, its status must be {wanted}."


def submit(campaign: Campaign, *, by: User, comment: str = "") -> None:
    """Ask for approval of exactly what it is now: each variant is pinned to its template's published version."""
    with transaction.atomic():
        current = _locked(campaign, "submit", by)
        _pin(current)
        _require_flight(current)
        approval.void(current)
        asked = approval.request(current, by=by, comment=comment)
        _move(current, "submit", by=by, reason=comment)
        announcing.asked(asked, [person for person in approval.approvers() if not four_eyes.refusal(current, person)])
    campaign.refresh_from_db()


def withdraw(campaign: Campaign, *, by: User, comment: str = "") -> None:
    with transaction.atomic():
        current = _locked(campaign, "withdraw", by)
        _open_again(current)
        _move(current, "withdraw", by=by, reason=comment)
    campaign.refresh_from_db()


def approve(campaign: Campaign, *, by: User, comment: str = "", seen: str = "") -> None:
    """Release it. `seen` is the hash of what the approver looked at, when they looked at a page that may be old."""
    with transaction.atomic():
        current = _locked(campaign, "approve", by)
        asked = _asked(current, seen)
        approval.require_unchanged(asked, current)
        approval.decide(asked, Approval.Decision.APPROVED, by=by, comment=comment)
        _move(current, "approve", by=by, reason=comment)
        announcing.decided(asked, f"{by} approved “{current}”.")
    campaign.refresh_from_db()


def reject(campaign: Campaign, *, by: User, comment: str, seen: str = "") -> None:
    if not comment.strip():
        raise Refused("comment_needed", "Say what should change: a rejection needs a comment.")
    with transaction.atomic():
        current = _locked(campaign, "reject", by)
        asked = _asked(current, seen)
        approval.decide(asked, Approval.Decision.REJECTED, by=by, comment=comment)
        _unpin(current)
        _move(current, "reject", by=by, reason=comment)
        announcing.decided(asked, f"{by} rejected “{current}”: {comment}")
    campaign.refresh_from_db()


def edited(campaign: Campaign, *, by: User) -> None:
    """After a change: note who made it, and void the approval of what is no longer what was approved.

    Call it in the transaction of the change, which holds the campaign's lock.
    """
    Campaign.objects.filter(pk=campaign.pk).update(edited_by=by, updated_at=timezone.now())
    if campaign.status != DRAFT:
        _open_again(campaign)
        _move(campaign, "edit", by=by, reason="Changed: an approval is needed again.")
    campaign.refresh_from_db()


def schedule(campaign: Campaign, *, by: User, on: date, time: time, zone: str) -> None:
    """Start it at that wall time in that zone; Refused for the past, or for a time other than the approved one."""
    with transaction.atomic():
        current = _locked(campaign, "schedule", by)
        planned_at = clock.upcoming(on, time, zone)
        current.send_on, current.send_time, current.send_zone = on, time, zone
        _require_approved(current)
        reason = f"For {on:%-d %B %Y} at {time:%H:%M} ({zone})"
        when = {"send_on": on, "send_time": time, "send_zone": zone, "planned_at": planned_at}
        _move(current, "schedule", by=by, reason=reason, **when)
    campaign.refresh_from_db()


def unschedule(campaign: Campaign, *, by: User, reason: str = "") -> None:
    with transaction.atomic():
        current = _locked(campaign, "unschedule", by)
        _move(current, "unschedule", by=by, reason=reason, **_no_time(current))
    campaign.refresh_from_db()


def launch(campaign: Campaign, *, by: User) -> None:
    """Start now what was approved; delivery's sweep finds it."""
    with transaction.atomic():
        current = _locked(campaign, "launch", by)
        current.send_on = current.send_time = None  # "now" is a time of its own: it differs from an approved one
        _require_approved(current)
        _require_flight(current)
        now = timezone.now()
        _move(current, "launch", by=by, planned_at=now, started_at=now)
    campaign.refresh_from_db()


def begin(campaign: Campaign) -> None:
    """Start what came with the product, such as its confirmation mails: nobody of the team wrote it, so nobody
    approves it. A copy that somebody changes goes the way of every campaign.
    """
    with transaction.atomic():
        current = _locked(campaign, "begin", None)
        if current.created_by_id or current.edited_by_id or current.purpose != Campaign.Purpose.TRANSACTIONAL:
            raise Refused("not_approved", f"“{current}” has no approval that holds. Ask for approval first.")
        _pin(current)
        _require_flight(current)
        now = timezone.now()
        _move(current, "begin", by=None, reason="It came with Carillon.", planned_at=now, started_at=now)
    campaign.refresh_from_db()


def pause(campaign: Campaign, *, by: User | None, reason: str = "") -> None:
    """Hold it; `by=None` when the product stops by itself, which the team is told."""
    with transaction.atomic():
        current = _locked(campaign, "pause", by)
        _move(current, "pause", by=by, reason=reason)
        if by is None:
            announcing.stopped(current, f"paused itself: {reason}")
    campaign.refresh_from_db()


def resume(campaign: Campaign, *, by: User) -> None:
    with transaction.atomic():
        current = _locked(campaign, "resume", by)
        _move(current, "resume", by=by)
    campaign.refresh_from_db()


def cancel(campaign: Campaign, *, by: User, reason: str = "") -> None:
    """Send nothing more of it, for good."""
    with transaction.atomic():
        current = _locked(campaign, "cancel", by)
        approval.void(current)
        _move(current, "cancel", by=by, reason=reason, finished_at=timezone.now())
    campaign.refresh_from_db()


def complete(campaign: Campaign, *, by: User) -> None:
    """End a campaign that would go on for ever; a broadcast ends by itself."""
    if campaign.kind != Campaign.Kind.TRIGGERED:
        raise Refused("ends_by_itself", "A broadcast finishes by itself once everyone is settled. Cancel it to stop.")
    with transaction.atomic():
        current = _locked(campaign, "complete", by)
        _move(current, "complete", by=by, finished_at=timezone.now())
    campaign.refresh_from_db()


def finish(campaign: Campaign) -> bool:
    """Everyone is settled. False when it is not sending any more, because someone paused or cancelled it."""
    with transaction.atomic():
        current = Campaign.objects.select_for_update().get(pk=campaign.pk)
        if current.status != SENDING:
            return False
        _move(current, "finish", by=None, finished_at=timezone.now())
    campaign.refresh_from_db()
    return True


def start_due() -> int:
    """Start every scheduled campaign whose moment has come; how many. Safe to run twice at once: each starts once."""
    due = Campaign.objects.due().filter(archived_at=None).order_by("planned_at").values_list("pk", flat=True)
    return sum(_start(pk) for pk in due)


def _start(pk: int) -> bool:
    with transaction.atomic():
        # 1. Whoever holds the row is starting it; whoever comes after finds it no longer due.
        current = Campaign.objects.due().select_for_update(skip_locked=True).filter(pk=pk).first()
        if current is None or current.planned_at is None:
            return False
        # 2. Too late is not late: what was meant for the morning is not sent in the evening.
        if clock.is_missed(current.planned_at):
            return _miss(current, current.planned_at)
        # 3. What starts is what was approved, even if a segment's rules changed while it waited.
        try:
            _require_approved(current)
        except Refused as refused:
            return _stop(current, refused.message)
        _move(current, "start", by=None, started_at=timezone.now())
        return True


def _miss(campaign: Campaign, planned_at: datetime) -> bool:
    _move(campaign, "miss", by=None, reason="missed", **_no_time(campaign))
    announcing.missed(campaign, planned_at)
    return False


def _stop(campaign: Campaign, why: str) -> bool:
    _open_again(campaign)
    _move(campaign, "stop", by=None, reason=why, planned_at=None)
    announcing.stopped(campaign, f"did not start. {why}")
    return False


def _locked(campaign: Campaign, verb: str, by: User | None) -> Campaign:
    """The campaign as it is now, held until the transaction ends; Refused when `by` may not do `verb` to it."""
    current = Campaign.objects.select_for_update().get(pk=campaign.pk)
    refused = refusal(current, verb, by=by)
    if refused:
        raise refused
    return current


def _move(campaign: Campaign, verb: str, *, by: User | None, reason: str = "", **fields: Any) -> None:
    move = MOVES[verb]
    rows = Campaign.objects.filter(pk=campaign.pk, status=campaign.status, status__in=move.sources)
    if not rows.update(status=move.target, updated_at=timezone.now(), **fields):
        raise Refused("moved_on", f"Someone else changed “{campaign}” at the same moment. Look again.")
    StatusChange.objects.create(
        campaign=campaign, from_status=campaign.status, to_status=move.target, by=by, reason=reason
    )


def _pin(campaign: Campaign) -> None:
    for variant in campaign.variants.select_related("template"):
        Variant.objects.filter(pk=variant.pk).update(version=variant.template.current_version_id)


def _open_again(campaign: Campaign) -> None:
    approval.void(campaign)
    _unpin(campaign)


def _unpin(campaign: Campaign) -> None:
    """What is to be worked on again follows its templates."""
    campaign.variants.update(version=None)


def _no_time(campaign: Campaign) -> dict[str, Any]:
    """Take the start back; the wall time stays only where it is part of what was approved."""
    granted = approval.granted(campaign)
    if granted and granted.bound.get("schedule"):
        return {"planned_at": None}
    return {"planned_at": None, "send_on": None, "send_time": None, "send_zone": ""}


def _require_flight(campaign: Campaign) -> None:
    blocks = preflight.blocking(campaign)
    if blocks:
        raise Refused("preflight", " ".join(block.message for block in blocks))


def _require_approved(campaign: Campaign) -> None:
    granted = approval.granted(campaign)
    if granted is None:
        raise Refused("not_approved", f"“{campaign}” has no approval that holds. Ask for approval first.")
    approval.require_unchanged(granted, campaign)


def _asked(campaign: Campaign, seen: str) -> Approval:
    asked = approval.pending(campaign)
    if asked is None:
        raise Refused("not_asked", f"Nobody asks for approval of “{campaign}” at the moment.")
    if seen and seen != asked.content_hash:
        raise Refused("changed_since_seen", f"“{campaign}” changed since you opened this page. Look at it again first.")
    return asked
