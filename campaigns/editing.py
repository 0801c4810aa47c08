"""Creating and changing a campaign: checked, noted in its history, safe against a colleague's save in between."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from string import ascii_uppercase
from typing import Any

from django.db import transaction

from campaigns import lifecycle, members, schedule
from campaigns.models import Campaign, Edit, Variant
from core.errors import Refused
from team.models import User
from templates_app.models import Template

PLAIN = (
    "name",
    "description",
    "kind",
    "purpose",
    "channel",
    "topic",
    "sender",
    "send_on",
    "send_time",
    "send_zone",
    "tracks_opens",
    "tracks_clicks",
    "tags",
)
RELATED = ("segments", "excluded_segments")
MAX_VARIANTS = len(ascii_uppercase)


@dataclass(frozen=True)
class Wording:
    """One variant as people give it; its key is its place in the list: A, B, C."""

    template: Template
    weight: int = 1

    def __str__(self) -> str:
        return f"{self.template} ({self.weight})"


class Stale(Refused):
    """Someone else saved the campaign after it was opened here; nothing was overwritten."""


def create(*, by: User, **values: Any) -> Campaign:
    """A draft by `by`. `values`: any of PLAIN and RELATED, and `variants` as a list of Wording."""
    if not by.has_perm("campaigns.add_campaign"):
        raise Refused("not_allowed", "Your role does not let you create campaigns.")
    _check(Campaign(), values)
    plain = {field: values[field] for field in PLAIN if field in values}
    with transaction.atomic():
        campaign = Campaign.objects.create(**plain, created_by=by, edited_by=by)
        _relate(campaign, values)
    return campaign


def change(campaign: Campaign, *, by: User, seen: datetime | None = None, **values: Any) -> list[str]:
    """Change what `values` name; the fields that did change, by their labels.

    `seen` is the `updated_at` of what the person was looking at: Stale when somebody saved meanwhile. A change of a
    campaign in review or approved voids that and makes it a draft again.
    """
    with transaction.atomic():
        current = Campaign.objects.select_for_update().get(pk=campaign.pk)
        refused = lifecycle.refusal(current, "edit", by=by)
        if refused:
            raise refused
        if seen is not None and seen != current.updated_at:
            raise _stale(current)
        _check(current, values)
        before = _shown(current, values)
        _write(current, values)
        after = _shown(Campaign.objects.get(pk=current.pk), values)
        changes = [
            {"field": field, "before": before[field], "after": after[field]}
            for field in before
            if before[field] != after[field]
        ]
        if changes:
            Edit.objects.create(campaign=current, by=by, changes=changes)
            lifecycle.edited(current, by=by)
    campaign.refresh_from_db()
    return [change["field"] for change in changes]


def tag(campaign: Campaign, *, by: User, tags: Iterable[str]) -> None:
    """Add labels. They are the team's own notes, so this needs no approval and may be done in any status."""
    if not by.has_perm("campaigns.change_campaign"):
        raise Refused("not_allowed", "Your role does not let you tag campaigns.")
    with transaction.atomic():
        current = Campaign.objects.select_for_update().get(pk=campaign.pk)
        no_part = members.refusal(current, "tag", by=by)
        if no_part:
            raise no_part
        merged = sorted({*current.tags, *tags})
        if merged != sorted(current.tags):
            Campaign.objects.filter(pk=current.pk).update(tags=merged)
            changes = [{"field": "Tags", "before": ", ".join(current.tags), "after": ", ".join(merged)}]
            Edit.objects.create(campaign=current, by=by, changes=changes)
    campaign.refresh_from_db()


def require_fit(channel: str, wordings: list[Wording]) -> None:
    """Refused for more variants than there are letters, or for a template of another channel."""
    if len(wordings) > MAX_VARIANTS:
        raise Refused("too_many_variants", f"A campaign has at most {MAX_VARIANTS} variants.")
    for wording in wordings:
        if wording.template.channel != channel:
            raise Refused("wrong_channel", f"“{wording.template}” is a template for {wording.template.channel}.")


def _check(campaign: Campaign, values: Mapping[str, Any]) -> None:
    require_fit(values.get("channel", campaign.channel), values.get("variants", []))
    when = [values.get(field, getattr(campaign, field)) for field in ("send_on", "send_time", "send_zone")]
    if any(when) and not all(when):
        raise Refused("half_a_time", "A planned start needs a date, a time and a time zone.")
    if all(when) and {"send_on", "send_time", "send_zone"} & values.keys():
        schedule.upcoming(*when)


def _write(campaign: Campaign, values: Mapping[str, Any]) -> None:
    plain = {field: values[field] for field in PLAIN if field in values}
    if plain:
        Campaign.objects.filter(pk=campaign.pk).update(**plain)
    _relate(campaign, values)


def _relate(campaign: Campaign, values: Mapping[str, Any]) -> None:
    for field in RELATED:
        if field in values:
            getattr(campaign, field).set(values[field])
    if "variants" in values:
        _write_variants(campaign, values["variants"])


def _write_variants(campaign: Campaign, wordings: list[Wording]) -> None:
    keys = ascii_uppercase[: len(wordings)]
    campaign.variants.exclude(key__in=list(keys)).delete()
    for key, wording in zip(keys, wordings, strict=True):
        Variant.objects.update_or_create(
            campaign=campaign, key=key, defaults={"template": wording.template, "weight": wording.weight}
        )


def _shown(campaign: Campaign, values: Mapping[str, Any]) -> dict[str, str]:
    """What people would read of each named field, by its label."""
    shown = {_label(field): _text(campaign, field) for field in PLAIN if field in values}
    for field in RELATED:
        if field in values:
            shown[_label(field)] = ", ".join(sorted(str(segment) for segment in getattr(campaign, field).all()))
    if "variants" in values:
        variants = campaign.variants.select_related("template").order_by("key")
        shown["Content"] = ", ".join(f"{variant.key}: {variant.template} ({variant.weight})" for variant in variants)
    return shown


def _text(campaign: Campaign, field: str) -> str:
    value = getattr(campaign, field)
    if isinstance(value, bool):
        return "yes" if value else "no"
    display = getattr(campaign, f"get_{field}_display", None)
    if display is not None:
        return str(display())
    return ", ".join(value) if isinstance(value, list) else str(value if value is not None else "")


def _label(field: str) -> str:
    labels = {"segments": "Segments", "excluded_segments": "Left out", "tracks_opens": "Counts opens"}
    return labels.get(field) or field.replace("_", " ").replace("tracks", "counts").capitalize()


def _stale(campaign: Campaign) -> Stale:
    last = campaign.edits.select_related("by").first()
    change = campaign.status_changes.select_related("by").first()
    newest = max((row for row in (last, change) if row is not None), key=lambda row: row.at, default=None)
    who = newest.by if newest is not None and newest.by else "somebody else"
    return Stale(
        "changed_meanwhile",
        f"{who} changed “{campaign}” while you had it open. Nothing of theirs was overwritten and what you wrote is "
        "still here: open the campaign in a second window, compare, and save again from there.",
    )
