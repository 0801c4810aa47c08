"""One campaign as an answer of the API, with the ETag that guards it against lost updates."""

from datetime import UTC, datetime, timedelta

from rest_framework import status
from rest_framework.response import Response

from campaigns.models import Campaign
from campaigns.serializers import CampaignSerializer

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def one(campaign: Campaign, code: int = status.HTTP_200_OK) -> Response:
    """The campaign as it is now in the database."""
    rows = Campaign.objects.select_related("sender", "created_by", "edited_by")
    fresh = rows.prefetch_related("variants__template", "variants__version").get(pk=campaign.pk)
    return Response(CampaignSerializer(fresh).data, status=code, headers={"ETag": etag(fresh)})


def etag(campaign: Campaign) -> str:
    """Changes with every save and every move: microseconds since 1970."""
    return f'"{(campaign.updated_at - EPOCH) // timedelta(microseconds=1)}"'
