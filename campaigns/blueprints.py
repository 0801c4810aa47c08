"""Campaign templates: a campaign's setup, kept to start new ones from. They hold no time, approval or history."""

from typing import Any

from django.db import IntegrityError, transaction

from campaigns import editing
from campaigns.editing import Wording
from campaigns.models import Campaign, CampaignTemplate, KeptVariant
from core.errors import Refused
from team.models import User

# What a campaign and its template have in common; a template has a name, niche and category of its own.
SHARED = ("purpose", "channel", "topic", "sender", "tracks_opens", "tracks_clicks", "tags")
OWN = ("name", "description", "niche", "category")
RELATED = editing.RELATED


def keep(campaign: Campaign, *, by: User, name: str = "", **about: Any) -> CampaignTemplate:
    """A template of the campaign as it is now. `about`: description, niche and category."""
    values = {field: getattr(campaign, field) for field in SHARED}
    values |= {field: list(getattr(campaign, field).all()) for field in RELATED}
    values["variants"] = wordings(campaign)
    values |= {"description": campaign.description} | about
    return create(by=by, **values, name=name or campaign.name)


def create(*, by: User, **values: Any) -> CampaignTemplate:
    """A new template. `values`: any of OWN, SHARED and RELATED, and `variants` as a list of Wording."""
    _require(by, "add")
    kept = CampaignTemplate(created_by=by)
    return _write(kept, values)


def change(kept: CampaignTemplate, *, by: User, **values: Any) -> CampaignTemplate:
    """Change what `values` name; campaigns that were started from it stay as they are."""
    _require(by, "change")
    return _write(kept, values)


def delete(kept: CampaignTemplate, *, by: User) -> None:
    """Gone for good; campaigns that were started from it stay as they are."""
    _require(by, "delete")
    kept.delete()


def values_of(kept: CampaignTemplate) -> dict[str, Any]:
    """What editing.create takes to start a campaign from it, but for the name."""
    values: dict[str, Any] = {field: getattr(kept, field) for field in (*SHARED, "description")}
    values |= {field: list(getattr(kept, field).all()) for field in RELATED}
    return values | {"variants": wordings(kept)}


def wordings(row: Campaign | CampaignTemplate) -> list[Wording]:
    return [Wording(variant.template, variant.weight) for variant in row.variants.select_related("template")]


def _write(kept: CampaignTemplate, values: dict[str, Any]) -> CampaignTemplate:
    for field in (*OWN, *SHARED):
        if field in values:
            setattr(kept, field, values[field])
    editing.require_fit(kept.channel, values.get("variants", []))
    try:
        with transaction.atomic():
            kept.save()
            _relate(kept, values)
    except IntegrityError as error:
        message = f"There is already a campaign template called “{kept.name}”. Choose another name."
        raise Refused("name_taken", message) from error
    return kept


def _relate(kept: CampaignTemplate, values: dict[str, Any]) -> None:
    for field in RELATED:
        if field in values:
            getattr(kept, field).set(values[field])
    if "variants" in values:
        kept.variants.all().delete()
        KeptVariant.objects.bulk_create(
            KeptVariant(kept_in=kept, template=wording.template, weight=wording.weight)
            for wording in values["variants"]
        )


def _require(by: User, what: str) -> None:
    if not by.has_perm(f"campaigns.{what}_campaigntemplate"):
        raise Refused("not_allowed", f"Your role does not let you {what} campaign templates.")
