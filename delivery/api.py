"""What the API tells of delivery, at the addresses of the objects it is about: recipients, why, events."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.urls import re_path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from campaigns.models import Campaign
from campaigns.requests import need_contacts
from contacts import naming
from core.api import CursorPages, StrictSerializer
from core.errors import Refused
from delivery import trying, why
from delivery.models import Message
from events.models import Event
from templates_app import publishing
from templates_app.models import Template, TemplateVersion


class RecipientSerializer(serializers.ModelSerializer):
    """One row of the ledger."""

    contact = serializers.UUIDField(source="contact.uuid")
    email = serializers.CharField(source="contact.email", allow_null=True)
    variant = serializers.CharField(source="variant.key")
    explanation = serializers.SerializerMethodField()

    class Meta:
        model = Message
        fields = [
            "id", "contact", "email", "variant", "channel", "state", "reason", "explanation", "detail", "attempt",
            "sent_at", "opened_at", "clicked_at",
        ]  # fmt: skip

    def get_explanation(self, message: Message) -> str:
        return why.reason_text(message.reason)


class EventSerializer(serializers.ModelSerializer):
    """One row of the event log."""

    class Meta:
        model = Event
        fields = ["id", "name", "occurred_at", "message_id", "label", "label_reason", "properties"]


class StepSerializer(serializers.Serializer):
    is_good = serializers.BooleanField(allow_null=True)
    title = serializers.CharField()
    text = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True)


class WhySerializer(serializers.Serializer):
    """Why a contact got a campaign or didn't."""

    answer = serializers.CharField()
    got_it = serializers.BooleanField(allow_null=True)
    steps = StepSerializer(many=True)
    messages = RecipientSerializer(many=True)
    events = EventSerializer(many=True)


class EventPages(CursorPages):
    ordering = ("-occurred_at", "-id")


class _OfCampaign:
    scopes = {"read": "campaigns:read"}
    permission_model = "campaigns.campaign"

    def campaign(self) -> Campaign:
        return get_object_or_404(Campaign, uuid=self.kwargs["id"])  # type: ignore[attr-defined]


class _OfPeople(_OfCampaign, APIView):
    """What names people needs the right to see contacts besides."""

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)
        need_contacts(request)


class Recipients(_OfPeople, generics.ListAPIView):
    """Who is in the campaign's ledger, with state and reason. Filters: state, reason."""

    serializer_class = RecipientSerializer
    pagination_class = CursorPages
    filterset_fields = ["state", "reason"]
    queryset = Message.objects.none()

    def get_queryset(self) -> QuerySet[Message]:
        return Message.objects.filter(run__campaign=self.campaign()).select_related("contact", "variant")


class CampaignEvents(_OfCampaign, generics.ListAPIView):
    """The campaign's event log: what came back, newest first. Filters: name, label."""

    serializer_class = EventSerializer
    pagination_class = EventPages
    filterset_fields = ["name", "label"]
    queryset = Event.objects.none()

    def get_queryset(self) -> QuerySet[Event]:
        # "sent" is left to the recipients: leaving it out here is what lets the partial index answer.
        return Event.objects.filter(campaign_id=self.campaign().pk).exclude(name="message.sent")


class Why(_OfPeople):
    """Why a contact did or didn't get the campaign, with every step of the reasoning."""

    @extend_schema(
        parameters=[OpenApiParameter("contact", str, required=True, description="Contact id, email or external id")],
        responses=WhySerializer,
    )
    def get(self, request: Request, id: UUID) -> Response:
        campaign, contact = self.campaign(), naming.person(request.query_params.get("contact", ""))
        if contact is None:
            raise serializers.ValidationError({"contact": ["No contact has this id, email or external id."]})
        return Response(WhySerializer(why.explain(campaign, contact)).data)


class TestSendSerializer(StrictSerializer):
    """Whom to send the test to: contact ids, emails or external ids, ten at most."""

    draft = serializers.BooleanField(default=False, help_text="The draft, not the published version.")
    to = serializers.ListField(child=serializers.CharField(max_length=254), min_length=1, max_length=10)


class TestSendResultSerializer(serializers.Serializer):
    to = serializers.CharField()
    sent = serializers.BooleanField()
    detail = serializers.CharField()


class TestSend(APIView):
    """Send the current version, or the draft, to test contacts; an answer for each."""

    scopes = {"write": "templates:write"}
    permission_model = "templates_app.template"

    @extend_schema(request=TestSendSerializer, responses=TestSendResultSerializer(many=True))
    def post(self, request: Request, id: UUID) -> Response:
        template = get_object_or_404(Template.objects.select_related("current_version"), uuid=id)
        asked = TestSendSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        version = self._version(template, is_draft=asked.validated_data["draft"])
        answers = [self._send(version, name) for name in asked.validated_data["to"]]
        return Response(TestSendResultSerializer(answers, many=True).data)

    @staticmethod
    def _version(template: Template, *, is_draft: bool) -> TemplateVersion:
        version = publishing.draft_of(template) if is_draft else template.current_version
        if version is not None:
            return version
        if is_draft:
            raise Refused("no_draft", "The template has no draft: everything is published.")
        raise Refused("not_published", "The template has no published version yet. Publish it, or send its draft.")

    @staticmethod
    def _send(version: TemplateVersion, name: str) -> dict[str, Any]:
        contact = naming.person(name)
        if contact is None:
            return {"to": name, "sent": False, "detail": "No contact has this id, email or external id."}
        try:
            return {"to": name, "sent": True, "detail": trying.send_test(version, to=contact)}
        except Refused as refused:
            return {"to": name, "sent": False, "detail": refused.message}


urlpatterns = [
    re_path(r"^campaigns/(?P<id>[0-9a-f-]{36})/recipients/?$", Recipients.as_view(), name="campaign-recipients"),
    re_path(r"^campaigns/(?P<id>[0-9a-f-]{36})/events/?$", CampaignEvents.as_view(), name="campaign-events"),
    re_path(r"^campaigns/(?P<id>[0-9a-f-]{36})/why/?$", Why.as_view(), name="campaign-why"),
    re_path(r"^templates/(?P<id>[0-9a-f-]{36})/test-send/?$", TestSend.as_view(), name="template-test-send"),
]
