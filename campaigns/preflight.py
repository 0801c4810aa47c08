"""What stands in the way of a campaign, and what deserves a second look before it goes out."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from campaigns import audience, carriers, schedule
from campaigns.carriers import Foreseen
from campaigns.models import Approval, Campaign, Variant
from contacts.channels import channels
from templates_app.models import Template, TemplateVersion

_OVERLAP = timedelta(hours=24)
_UNUSUAL = 3  # times the usual audience
_FEW = 500  # an audience below this is never called unusually large


@dataclass(frozen=True)
class Finding:
    level: Literal["block", "warn", "ok"]
    code: str
    message: str


@dataclass(frozen=True)
class Reach:
    """How many people of the audience can get it, and why the others can't: each counted once, first reason first."""

    total: int
    reachable: int
    left_out: dict[str, int]  # by the gate's reason


def check(campaign: Campaign) -> list[Finding]:
    """Every finding, the blocking ones first."""
    return [*blocking(campaign), *_audience_findings(campaign), *_content_findings(campaign), *_overlaps(campaign)]


def blocking(campaign: Campaign) -> list[Finding]:
    """Only what makes sending impossible or unlawful; cheap enough to ask at every launch."""
    return [*_audience_blocks(campaign), *_content_blocks(campaign), *_sender_blocks(campaign)]


def reach(campaign: Campaign) -> Reach:
    """By the very statement that plans it, so that what is foreseen is what happens."""
    found = carriers.foresee(campaign)
    left_out = {one.reason: one.count for one in found if one.reason}
    total = sum(one.count for one in found)
    return Reach(total=total, reachable=total - sum(left_out.values()), left_out=left_out)


def versions(campaign: Campaign) -> list[TemplateVersion | None]:
    """What each variant would send: the pinned version, else the template's published one."""
    variants = campaign.variants.select_related("version__template", "template__current_version__template")
    return [variant.version or variant.template.current_version for variant in variants]


def _audience_blocks(campaign: Campaign) -> list[Finding]:
    if campaign.kind == Campaign.Kind.TRIGGERED:
        return []
    segments = list(campaign.segments.all())
    if not segments:
        return [Finding("block", "no_segment", "Nobody is chosen: pick at least one segment under Who.")]
    failed = [segment for segment in [*segments, *campaign.excluded_segments.all()] if segment.refresh_failed]
    found = [
        Finding("block", "segment_failed", f"The segment “{segment}” could not be refreshed: {segment.refresh_failed}")
        for segment in failed
    ]
    if not failed and not audience.count(campaign):
        found.append(Finding("block", "empty_audience", "Nobody is in the chosen segments at the moment."))
    return found


def _content_blocks(campaign: Campaign) -> list[Finding]:
    variants = list(campaign.variants.select_related("version", "template__current_version"))
    if not variants:
        return [Finding("block", "no_variant", "There is nothing to send: pick a template under What.")]
    return [finding for variant in variants for finding in _content_blocks_of(campaign, variant)]


def _content_blocks_of(campaign: Campaign, variant: Variant) -> list[Finding]:
    version = variant.version or variant.template.current_version
    if version is None:
        message = f"The template “{variant.template}” is not published yet: publish it, then come back."
        return [Finding("block", "unpublished", message)]
    found = _said_at_publish(campaign, version, variant.template, "block")
    if not found and campaign.purpose == Campaign.Purpose.MARKETING and not _has_unsubscribe(version):
        # A template for transactional mail was published without one, and is now used for marketing.
        message = f"“{variant.template}” has no unsubscribe link, which marketing messages must have."
        found = [Finding("block", "no_unsubscribe", message)]
    return found


def _sender_blocks(campaign: Campaign) -> list[Finding]:
    if campaign.sender_id is None:
        return [Finding("block", "no_sender", "Choose who it is from under From.")]
    return []


def _audience_findings(campaign: Campaign) -> list[Finding]:
    if campaign.kind == Campaign.Kind.TRIGGERED or not campaign.segments.exists():
        return []
    foreseen = carriers.foresee(campaign)
    total = sum(one.count for one in foreseen)
    reachable = sum(one.count for one in foreseen if not one.reason)
    found = [
        Finding("warn", one.reason, f"{one.count:,} of {total:,} people {_why(campaign, one)}: they will not get it.")
        for one in foreseen
        if one.reason
    ]
    if total and not reachable:
        found.append(Finding("warn", "nobody_reachable", "As things stand, nobody would get this campaign."))
    elif reachable:
        found.append(Finding("ok", "reachable", f"{reachable:,} of {total:,} people can get it."))
    return [*found, *_unusual_size(campaign, total)]


def _why(campaign: Campaign, foreseen: Foreseen) -> str:
    words = {
        "erased": "were erased and will be left out",
        "no_address": f"have no address for {channels[campaign.channel].label.lower()}",
        "suppressed": "are on the suppression list",
        "no_consent": f"have not given consent{f' to “{campaign.topic}”' if campaign.topic else ''}",
    }
    return words.get(foreseen.reason, f"are left out ({foreseen.label.lower()})")


def _unusual_size(campaign: Campaign, total: int) -> list[Finding]:
    """Against the median of the last twenty approved campaigns."""
    approved = Approval.objects.filter(decision=Approval.Decision.APPROVED, audience_count__gt=0)
    sizes = sorted(approved.exclude(campaign=campaign).values_list("audience_count", flat=True)[:20])
    usual = sizes[len(sizes) // 2] if sizes else 0
    if len(sizes) < 3 or total <= max(_FEW, usual * _UNUSUAL):
        return []
    message = f"{total:,} people are far more than usual: your campaigns mostly go to about {usual:,}."
    return [Finding("warn", "unusually_large", message)]


def _content_findings(campaign: Campaign) -> list[Finding]:
    found = []
    for version in filter(None, versions(campaign)):
        found += _said_at_publish(campaign, version, version.template, "warn")
        if not version.preheader and "no_preheader" not in {finding.code for finding in found}:
            message = f"“{version.template}” has no preheader: inboxes will show the first words of the message."
            found.append(Finding("warn", "no_preheader", message))
    return found


def _overlaps(campaign: Campaign) -> list[Finding]:
    """Other campaigns that reach for the same segments within a day."""
    start = campaign.planned_at or _meant(campaign)
    if start is None:
        return []
    window = (start - _OVERLAP, start + _OVERLAP)
    others = (
        Campaign.objects.present()
        .filter(segments__in=campaign.segments.all(), planned_at__range=window)
        .filter(status__in=[Campaign.Status.SCHEDULED, Campaign.Status.SENDING, Campaign.Status.PAUSED])
        .exclude(pk=campaign.pk)
        .distinct()
    )
    return [
        Finding("warn", "overlap", f"“{other}” goes to some of the same segments within 24 hours.") for other in others
    ]


def _meant(campaign: Campaign) -> datetime | None:
    """The moment that a campaign not yet scheduled is to start at."""
    if campaign.send_on is None or campaign.send_time is None:
        return None
    return schedule.instant(campaign.send_on, campaign.send_time, campaign.send_zone)


def _has_unsubscribe(version: TemplateVersion) -> bool:
    return "unsubscribe_url" in version.source or "unsubscribe_url" in version.compiled_html


def _said_at_publish(
    campaign: Campaign, version: TemplateVersion, template: Template, level: Literal["block", "warn"]
) -> list[Finding]:
    """What linting found when the version was published, as far as it concerns this campaign."""
    excused = () if campaign.purpose == Campaign.Purpose.MARKETING else ("no_unsubscribe", "no_unsubscribe_text")
    return [
        Finding(level, finding["code"], f"“{template}”: {finding['message']}")
        for finding in version.findings
        if finding.get("level") == level and finding.get("code") not in excused
    ]
