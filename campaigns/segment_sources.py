"""What segments may ask of messages: were they of this campaign, or made with this template."""

from uuid import UUID

from campaigns.models import Campaign, Variant
from segments.conditions import Condition
from segments.origins import CHOICES_SHOWN, Origin, Source, sources
from templates_app.models import Template


@sources.register
class OfCampaign(Source):
    key, label = "campaign", "campaign"

    def find(self, uuid: str) -> Origin | None:
        campaign = Campaign.objects.filter(uuid=uuid).first() if _is_uuid(uuid) else None
        if campaign is None:
            return None
        return Origin(self.label, str(campaign), Condition("e.campaign_id = %s", (campaign.pk,)))

    def choices(self) -> list[tuple[str, str]]:
        newest = Campaign.objects.order_by("-pk").only("uuid", "name")[:CHOICES_SHOWN]
        return [(str(campaign.uuid), str(campaign)) for campaign in newest]


@sources.register
class OfTemplate(Source):
    """All variants that were made with any version of the template."""

    key, label = "template", "template"

    def find(self, uuid: str) -> Origin | None:
        template = Template.objects.filter(uuid=uuid).first() if _is_uuid(uuid) else None
        if template is None:
            return None
        variants = list(Variant.objects.filter(template=template).values_list("pk", flat=True))
        return Origin(self.label, str(template), Condition("e.variant_id = ANY(%s)", (variants,)))

    def choices(self) -> list[tuple[str, str]]:
        newest = Template.objects.order_by("-pk").only("uuid", "name")[:CHOICES_SHOWN]
        return [(str(template.uuid), str(template)) for template in newest]


def _is_uuid(text: str) -> bool:
    try:
        return bool(UUID(text))
    except ValueError:
        return False
