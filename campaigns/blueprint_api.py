"""/api/campaign-templates, and the addresses below /api/campaigns that keep a campaign as one or start from one."""

from typing import Any, ClassVar

import django_filters
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import answers, blueprints, writing
from campaigns.editing import Wording
from campaigns.models import Campaign, CampaignTemplate, KeptVariant, Sender
from campaigns.requests import user_of, valid
from campaigns.serializers import (
    CampaignChangeSerializer,
    CampaignSegmentSerializer,
    CampaignSerializer,
    PersonSerializer,
    PublicId,
    SenderSerializer,
    TopicKey,
)
from contacts.channels import channel_choices
from contacts.models import Topic
from core.api import StrictSerializer
from core.errors import Refused
from segments.models import Segment
from templates_app.models import Template


class KeptVariantSerializer(serializers.ModelSerializer):
    template = serializers.UUIDField(source="template.uuid")
    template_name = serializers.CharField(source="template.name")

    class Meta:
        model = KeptVariant
        fields = ["weight", "template", "template_name"]


class CampaignTemplateSerializer(serializers.ModelSerializer):
    """A campaign's setup, kept to start new ones from."""

    id = serializers.UUIDField(source="uuid")
    sender = SenderSerializer(allow_null=True)
    topic = serializers.SlugField(source="topic.key", allow_null=True, default=None, help_text="Key of its topic.")
    segments = CampaignSegmentSerializer(many=True)
    excluded_segments = CampaignSegmentSerializer(many=True)
    variants = KeptVariantSerializer(many=True)
    created_by = PersonSerializer(allow_null=True)

    class Meta:
        model = CampaignTemplate
        fields = [
            "id", "name", "description", "niche", "category", "purpose", "channel", "topic", "tags", "sender",
            "segments", "excluded_segments", "variants", "tracks_opens", "tracks_clicks", "created_by",
            "created_at", "updated_at",
        ]  # fmt: skip
        read_only_fields = fields


class KeptWordingSerializer(StrictSerializer):
    template = PublicId(queryset=Template.objects.all())
    weight = serializers.IntegerField(min_value=1, max_value=1000, default=1)


class CampaignTemplateWriteSerializer(StrictSerializer):
    """A campaign template as it is written; what is left out has its default."""

    name = serializers.CharField(max_length=160)
    description = serializers.CharField(allow_blank=True, max_length=10_000, default="")
    niche = serializers.CharField(allow_blank=True, max_length=60, default="")
    category = serializers.CharField(allow_blank=True, max_length=60, default="")
    purpose = serializers.ChoiceField(choices=Campaign.Purpose.choices, default=Campaign.Purpose.MARKETING)
    channel = serializers.ChoiceField(choices=channel_choices(), default="email")
    topic = TopicKey(queryset=Topic.objects.all(), allow_null=True, default=None, help_text="Key of a topic.")
    tags = serializers.ListField(child=serializers.CharField(max_length=60), default=list, max_length=50)
    sender = PublicId(queryset=Sender.objects.all(), allow_null=True, default=None)
    segments = PublicId(queryset=Segment.objects.all(), many=True, default=list)
    excluded_segments = PublicId(queryset=Segment.objects.all(), many=True, default=list)
    variants = KeptWordingSerializer(many=True, default=list)
    tracks_opens = serializers.BooleanField(default=True)
    tracks_clicks = serializers.BooleanField(default=True)

    def validate_variants(self, value: list[dict[str, Any]]) -> list[Wording]:
        return [Wording(item["template"], item["weight"]) for item in value]


class KeepSerializer(StrictSerializer):
    name = serializers.CharField(max_length=160, required=False, help_text="Left out: the campaign's name.")
    description = serializers.CharField(required=False, allow_blank=True, max_length=10_000)
    niche = serializers.CharField(required=False, allow_blank=True, max_length=60)
    category = serializers.CharField(required=False, allow_blank=True, max_length=60)


class FromTemplateSerializer(CampaignChangeSerializer):
    """The id of a campaign template, and what shall differ from it. Without a name the template's is taken."""

    template = PublicId(queryset=CampaignTemplate.objects.all())


class CampaignTemplateFilter(django_filters.FilterSet):  # type: ignore[misc]  # the library has no types
    niche = django_filters.CharFilter(lookup_expr="iexact")
    category = django_filters.CharFilter(lookup_expr="iexact")
    search = django_filters.CharFilter(field_name="name", lookup_expr="icontains", help_text="In the name.")

    class Meta:
        model = CampaignTemplate
        fields: ClassVar[list[str]] = []


class CampaignTemplateAliasViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[CampaignTemplate]):
    """The setups kept for new campaigns; filters niche, category and search."""

    scopes: ClassVar = {"read": "campaigns:read", "write": "campaigns:write"}
    permission_model = "campaigns.campaigntemplate"
    queryset = CampaignTemplate.objects.select_related("sender", "topic", "created_by").prefetch_related(
        "segments", "excluded_segments", "variants__template"
    )
    serializer_class = CampaignTemplateSerializer
    filterset_class = CampaignTemplateFilter

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, Refused) and exc.code == "not_allowed":
            exc = exceptions.PermissionDenied(exc.message)
        return super().handle_exception(exc)


class CampaignTemplateViewSet(CampaignTemplateAliasViewSet):
    """Setups kept for new campaigns: made here, or of a campaign with its save-as-template."""

    lookup_field = "uuid"
    lookup_value_regex = "[0-9a-f-]{36}"
    lookup_url_kwarg = "id"

    @extend_schema(responses=CampaignTemplateSerializer)
    def retrieve(self, request: Request, id: str) -> Response:
        """One campaign template."""
        return Response(CampaignTemplateSerializer(self.get_object()).data)

    @extend_schema(request=CampaignTemplateWriteSerializer, responses={201: CampaignTemplateSerializer})
    def create(self, request: Request) -> Response:
        """A new campaign template."""
        kept = blueprints.create(by=user_of(request), **valid(CampaignTemplateWriteSerializer, request))
        return Response(CampaignTemplateSerializer(kept).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=CampaignTemplateWriteSerializer, responses=CampaignTemplateSerializer)
    def update(self, request: Request, id: str) -> Response:
        """Replace it; campaigns that were started from it stay as they are."""
        kept, body = self.get_object(), valid(CampaignTemplateWriteSerializer, request)
        blueprints.change(kept, by=user_of(request), **body)
        return Response(CampaignTemplateSerializer(self.get_object()).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, id: str) -> Response:
        """Gone for good; campaigns that were started from it stay as they are."""
        blueprints.delete(self.get_object(), by=user_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class FromTemplates(viewsets.GenericViewSet[Campaign]):
    """The part of /api/campaigns that is about campaign templates."""

    @extend_schema(request=KeepSerializer, responses={201: CampaignTemplateSerializer})
    @action(detail=True, methods=["post"], url_path="save-as-template", permission="campaigns.add_campaigntemplate")
    def save_as_template(self, request: Request, id: str) -> Response:
        """Keep its setup to start new campaigns from."""
        kept = blueprints.keep(self.get_object(), by=user_of(request), **valid(KeepSerializer, request))
        return Response(CampaignTemplateSerializer(kept).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=FromTemplateSerializer, responses={201: CampaignSerializer})
    @action(detail=False, methods=["post"], url_path="from-template", permission="campaigns.add_campaign")
    def from_template(self, request: Request) -> Response:
        """A new draft from a campaign template, with what shall differ from it."""
        body = valid(FromTemplateSerializer, request)
        kept = body.pop("template")
        campaign = writing.create(
            {"name": kept.name, **body},
            by=user_of(request),
            key=request.headers.get("Idempotency-Key", "")[:200],
            raw=request.data,
            base=blueprints.values_of(kept),
        )
        return answers.one(campaign, status.HTTP_201_CREATED)
