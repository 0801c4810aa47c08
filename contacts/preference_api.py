"""One person's preferences over the API: topics, how often, when, in which language."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.shortcuts import get_object_or_404
from django.urls import re_path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from contacts import consent, preferences, subscriptions
from contacts.attributes import BadValue
from contacts.channels import channel_choices
from contacts.importing.targets import read_zone
from contacts.models import Contact, Preference
from contacts.preferences import Wishes
from contacts.subscriptions import Told
from core.api import StrictSerializer


class QuietHoursSerializer(StrictSerializer):
    """On the clocks of the person's time zone; they may span midnight."""

    def get_fields(self) -> dict[str, Any]:
        return {"from": serializers.TimeField(), "until": serializers.TimeField()}


class WaySerializer(serializers.Serializer):
    """One topic by one channel. The empty topic is the channel as a whole."""

    channel = serializers.CharField(source="channel.key")
    topic = serializers.CharField(source="key", allow_blank=True)
    name = serializers.CharField(source="topic.name", default="", help_text="The topic's name.")
    is_on = serializers.BooleanField(help_text="Whether messages of it reach the person.")
    waits_for_confirmation = serializers.BooleanField(help_text="Asked for; the mail's link was not followed yet.")


class PreferencesSerializer(serializers.Serializer):
    """What a person wants."""

    frequency = serializers.ChoiceField(choices=Preference.Frequency.choices)
    quiet_hours = QuietHoursSerializer(allow_null=True)
    paused_until = serializers.DateTimeField(allow_null=True)
    language = serializers.CharField(allow_blank=True)
    time_zone = serializers.CharField(allow_blank=True)
    topics = WaySerializer(many=True)


class WishedWaySerializer(StrictSerializer):
    """A topic by a channel, to join or to leave. The empty topic is the channel as a whole."""

    channel = serializers.ChoiceField(choices=channel_choices(), default="email")
    topic = serializers.SlugField(max_length=60, allow_blank=True)
    is_on = serializers.BooleanField()


class PreferencesBodySerializer(StrictSerializer):
    """What the person wants from now on. Language, time zone and topics stay as they are where they are not named."""

    frequency = serializers.ChoiceField(choices=Preference.Frequency.choices, default=Preference.Frequency.ALL)
    quiet_hours = QuietHoursSerializer(allow_null=True, default=None)
    paused_until = serializers.DateTimeField(allow_null=True, default=None)
    language = serializers.RegexField(
        r"^([A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*)?$", required=False, allow_blank=True, max_length=16
    )
    time_zone = serializers.CharField(required=False, allow_blank=True, max_length=64)
    topics = WishedWaySerializer(many=True, required=False, default=list)
    source = serializers.CharField(  # type: ignore[assignment]  # the stubs mean the base property
        required=False, max_length=200, help_text="Where the person said so; needed with topics, for the ledger."
    )
    wording = serializers.CharField(required=False, max_length=5000, help_text="The sentence that they agreed to.")
    ip_address = serializers.IPAddressField(required=False, allow_null=True, default=None)

    def validate_time_zone(self, text: str) -> str:
        try:
            return read_zone(text) if text else ""
        except BadValue as error:
            raise serializers.ValidationError(str(error)) from error

    def validate(self, body: dict[str, Any]) -> dict[str, Any]:
        if body["topics"] and not body.get("source"):
            raise serializers.ValidationError({"source": ["Say where the person chose these topics."]})
        return body


class Preferences(APIView):
    """What one person wants: topics by channel, how often, quiet hours, a pause, language and time zone."""

    scopes = {"read": "contacts:read", "write": "contacts:write"}
    permission_model = "contacts.contact"

    @extend_schema(responses=PreferencesSerializer)
    def get(self, request: Request, id: UUID) -> Response:
        return Response(_shown(get_object_or_404(Contact, uuid=id)))

    @extend_schema(request=PreferencesBodySerializer, responses=PreferencesSerializer)
    def put(self, request: Request, id: UUID) -> Response:
        """Replace frequency, quiet hours and pause; a topic that needs confirmation asks the person for it."""
        contact = get_object_or_404(Contact, uuid=id)
        asked = PreferencesBodySerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        _keep(contact, asked.validated_data)
        contact.refresh_from_db()
        return Response(_shown(contact))


@transaction.atomic
def _keep(contact: Contact, body: dict[str, Any]) -> None:
    hours = body["quiet_hours"] or {}
    wishes = Wishes(
        frequency=body["frequency"], quiet_from=hours.get("from"), quiet_until=hours.get("until"),
        paused_until=body["paused_until"], locale=body.get("language", contact.locale),
        time_zone=body.get("time_zone", contact.time_zone),
    )  # fmt: skip
    preferences.keep(contact, wishes, source=body.get("source") or "the API")
    wanted = {(way["channel"], way["topic"]): way["is_on"] for way in body["topics"]}
    for _, topic in wanted:
        consent.topic_called(topic)
    if wanted:
        told = Told(body["source"], body["ip_address"], dict.fromkeys(wanted, body.get("wording", "")))
        subscriptions.follow(contact, shown=wanted, wanted=[cell for cell, is_on in wanted.items() if is_on], told=told)


def _shown(contact: Contact) -> dict[str, Any]:
    wishes = preferences.of(contact)
    is_quiet = wishes.quiet_from is not None
    held = {
        "frequency": wishes.frequency, "paused_until": wishes.paused_until, "language": wishes.locale,
        "time_zone": wishes.time_zone, "topics": [way for line in subscriptions.of(contact) for way in line],
        "quiet_hours": {"from": wishes.quiet_from, "until": wishes.quiet_until} if is_quiet else None,
    }  # fmt: skip
    return dict(PreferencesSerializer(held).data)


urlpatterns = [
    re_path(r"^contacts/(?P<id>[0-9a-f-]{36})/preferences/?$", Preferences.as_view(), name="contact-preferences"),
]
