"""What an approval is bound to, and whether it still holds.

Bound, because it changes what people get, who gets it or when: the name (templates may print it), kind, purpose,
channel, topic with its way of joining, the sender's identity, each variant's key, weight and published content, the
segments *with their rules* and those of the segments they ask about (one chosen by hand: with its members; only who
is erased may be missing later), the schedule as a wall time and zone, and whether opens and clicks are tracked.

Not bound: description and tags (the team's own notes), and how many people fit the rules at the moment: the
definition is approved, and people come and go. A campaign submitted without a time is approved for "when someone
launches it", so scheduling it later is within the approval; one submitted with a time is approved for that time only.
"""

import hashlib
import json
from typing import Any

from django.db import models
from django.db.models.functions import Cast
from django.utils import timezone

from campaigns import audience
from campaigns.models import Approval, Campaign, Sender, Variant
from contacts.models import Contact, Topic
from core.errors import Refused
from segments import rules
from segments.models import Segment
from team.models import User

Facts = dict[str, Any]

_WORDS = {
    "name": "its name",
    "kind": "its kind",
    "purpose": "its purpose",
    "channel": "its channel",
    "topic": "its topic",
    "sender": "the sender",
    "variants": "the content",
    "segments": "the audience",
    "excluded_segments": "who is left out",
    "schedule": "the time",
    "tracking": "what is tracked",
}


def content_hash(campaign: Campaign) -> str:
    """64 hex digits that change when anything bound changes."""
    return digest(facts(campaign))


def digest(bound: Facts) -> str:
    # Canonical: sorted keys, no spaces, ASCII only, so that equal facts give equal bytes.
    return hashlib.sha256(json.dumps(bound, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def facts(campaign: Campaign) -> Facts:
    """Everything an approval is bound to, as plain JSON."""
    variants = campaign.variants.select_related("template", "version").order_by("key")
    return {
        "name": campaign.name,
        "kind": campaign.kind,
        "purpose": campaign.purpose,
        "channel": campaign.channel,
        "sender": _sender(campaign),
        "variants": [_variant(variant) for variant in variants],
        "segments": [_segment(segment) for segment in campaign.segments.order_by("uuid")],
        "excluded_segments": [_segment(segment) for segment in campaign.excluded_segments.order_by("uuid")],
        "schedule": _schedule(campaign),
        "tracking": {"opens": campaign.tracks_opens, "clicks": campaign.tracks_clicks},
        **_topic(campaign),
    }


def request(campaign: Campaign, *, by: User, comment: str) -> Approval:
    bound = facts(campaign)
    return Approval.objects.create(
        campaign=campaign,
        bound=bound,
        content_hash=digest(bound),
        audience_count=audience.count(campaign),
        requested_by=by,
        request_comment=comment,
    )


def pending(campaign: Campaign) -> Approval | None:
    return campaign.approvals.filter(decision=Approval.Decision.PENDING).first()


def granted(campaign: Campaign) -> Approval | None:
    return campaign.approvals.filter(decision=Approval.Decision.APPROVED).first()


def approvers() -> models.QuerySet[User]:
    """Everyone whose role may approve; whether they may decide on a given campaign is lifecycle's to say."""
    people = User.objects.with_perm("campaigns.approve_campaign", backend="team.auth.EmailOrUsername")
    return people.filter(is_staff=True)


def decide(approval: Approval, decision: Approval.Decision, *, by: User, comment: str) -> None:
    Approval.objects.filter(pk=approval.pk, decision=Approval.Decision.PENDING).update(
        decision=decision, decided_by=by, decided_at=timezone.now(), decision_comment=comment
    )


def void(campaign: Campaign) -> None:
    """No request waits and no approval holds any more."""
    open_ = [Approval.Decision.PENDING, Approval.Decision.APPROVED]
    campaign.approvals.filter(decision__in=open_).update(decision=Approval.Decision.VOID)


def changes(approval: Approval, campaign: Campaign) -> list[str]:
    """What of `campaign` is no longer as `approval` has it, in words; empty while it holds."""
    now = facts(campaign)
    if approval.bound.get("schedule") is None and approval.bound:
        now["schedule"] = None  # approved for whenever it is launched: any time is within it
    if digest(now) == approval.content_hash:
        return []
    return [words for key, words in _WORDS.items() if now.get(key) != approval.bound.get(key)] or ["the campaign"]


def leave_out(contact: Contact) -> None:
    """Bind what was approved to the members without somebody who is being erased; call it while they are still in.

    Whoever decided did not decide on those whom the law takes out. An approval that had lapsed stays so: its members
    are others already.
    """
    kept = Segment.objects.filter(memberships__contact=contact).exclude(kind=Segment.Kind.DYNAMIC)
    for segment in kept:
        for approval in _binding(segment):
            before, after = audience.fingerprint(segment), audience.fingerprint(segment, without=contact)
            bound = json.loads(json.dumps(approval.bound).replace(before, after))
            Approval.objects.filter(pk=approval.pk).update(bound=bound, content_hash=digest(bound))


def _binding(segment: Segment) -> models.QuerySet[Approval]:
    """Requests and approvals that still count and name the segment, or one whose rules ask about it."""
    open_ = [Approval.Decision.PENDING, Approval.Decision.APPROVED]
    over = [Campaign.Status.FINISHED, Campaign.Status.CANCELLED]
    found = Approval.objects.filter(decision__in=open_).exclude(campaign__status__in=over)
    return found.annotate(text=Cast("bound", models.TextField())).filter(text__contains=str(segment.uuid))


def require_unchanged(approval: Approval, campaign: Campaign) -> None:
    changed = changes(approval, campaign)
    if changed:
        raise Refused(
            "content_changed",
            f"Not what was approved: {' and '.join(changed)} changed since approval was asked for on "
            f"{approval.requested_at:%-d %B at %H:%M} UTC. Take the campaign back to draft and ask for approval again.",
        )


def _sender(campaign: Campaign) -> Facts | None:
    if campaign.sender_id is None:
        return None
    sender = Sender.objects.get(pk=campaign.sender_id)  # read now: the one in memory may be old
    return {
        "name": sender.name,
        "email": sender.email,
        "reply_to": sender.reply_to,
        "postal_address": sender.postal_address,
    }


def _topic(campaign: Campaign) -> Facts:
    """Nothing for a campaign without one: approvals given before there were topics hold."""
    if campaign.topic_id is None:
        return {}
    topic = Topic.objects.get(pk=campaign.topic_id)  # read now: the one in memory may be old
    return {"topic": {"key": topic.key, "opt_in": topic.opt_in}}


def _variant(variant: Variant) -> Facts:
    version = variant.version
    return {
        "key": variant.key,
        "weight": variant.weight,
        "template": str(variant.template.uuid),
        "version": str(version.uuid) if version else None,
        "content": version.content_hash if version else None,
    }


def _segment(segment: Segment) -> Facts:
    """A question by its rules; one that keeps its members by who they are, because there they are the definition."""
    return {"id": str(segment.uuid), **_definition(segment), "asks": _asked_by(segment)}


def _definition(segment: Segment) -> Facts:
    if not segment.follows_rules:
        return {"members": audience.fingerprint(segment)}
    return {"rules": segment.rules}


def _asked_by(segment: Segment) -> dict[str, Facts]:
    """The definitions of all segments that its rules ask about, near and far: they decide who is in it too."""
    known: dict[str, Facts] = {}
    waiting = rules.sources(segment.rules) if segment.follows_rules else set()
    while waiting:
        asked = list(Segment.objects.filter(uuid__in=waiting))
        known |= {str(other.uuid): _definition(other) for other in asked}
        waiting = {source for other in asked for source in rules.sources(other.rules)} - known.keys()
    return known


def _schedule(campaign: Campaign) -> Facts | None:
    if campaign.send_on is None or campaign.send_time is None:
        return None
    return {"on": campaign.send_on.isoformat(), "time": campaign.send_time.isoformat(), "zone": campaign.send_zone}
