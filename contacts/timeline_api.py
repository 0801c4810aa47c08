"""One person over the API beyond their fields: the timeline, and merging."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.urls import re_path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from contacts import merging, timeline
from contacts.models import Contact
from contacts.representations import ContactSerializer
from core.api import StrictSerializer
from team.models import User

LIMIT = 500


class EntrySerializer(serializers.Serializer):
    """Something that happened to or was done by one person."""

    at = serializers.DateTimeField()
    kind = serializers.CharField(help_text="message, engagement, event, consent, segment, import or profile.")
    id = serializers.IntegerField()
    name = serializers.CharField(help_text="The event's name, the message's state or the consent's action.")
    title = serializers.CharField()
    detail = serializers.CharField()
    data = serializers.DictField(child=serializers.JSONField(allow_null=True))  # type: ignore[assignment]  # ours


class TimelineSerializer(serializers.Serializer):
    """A page of a timeline, newest first; `next` is the address of the older ones."""

    next = serializers.URLField(allow_null=True)
    results = EntrySerializer(many=True)


class TimelineQuerySerializer(StrictSerializer):
    """Which part of a timeline. Several kinds are given by repeating `kind`."""

    kind = serializers.ListField(
        child=serializers.CharField(max_length=40), required=False, default=list, help_text="Only these kinds."
    )
    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False)
    name = serializers.CharField(required=False, max_length=120, help_text="Only events of this name.")
    before = serializers.CharField(required=False, max_length=120, help_text="Where `next` of an earlier page led.")
    limit = serializers.IntegerField(required=False, default=timeline.SIZE, min_value=1, max_value=LIMIT)

    def validate_kind(self, keys: list[str]) -> list[str]:
        known = timeline.groups()
        if unknown := sorted(set(keys) - known.keys()):
            raise serializers.ValidationError(f"There is no kind {unknown[0]!r}. Use: {', '.join(known)}.")
        return keys

    def validate_before(self, text: str) -> timeline.Position:
        try:
            return timeline.Position.read(text)
        except ValueError as error:
            raise serializers.ValidationError("This is no place in a timeline. Use the `next` of a page.") from error


class MergeBodySerializer(StrictSerializer):
    """Who becomes part of this contact, and which values come from them although this contact has its own."""

    contact = serializers.UUIDField(help_text="The contact that is merged into this one and is an empty shell then.")
    take = serializers.ListField(
        child=serializers.CharField(max_length=80), required=False, default=list, max_length=500,
        help_text="Names of fields, e.g. email, or attribute:plan.",
    )  # fmt: skip


class Timeline(APIView):
    """Everything that happened with one person: messages, opens, events, consent, segments, imports, merges."""

    scopes = {"read": "contacts:read"}
    permission_model = "contacts.contact"

    @extend_schema(parameters=[TimelineQuerySerializer], responses=TimelineSerializer)
    def get(self, request: Request, id: UUID) -> Response:
        contact = get_object_or_404(Contact, uuid=id)
        asked = TimelineQuerySerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        told: dict[str, Any] = dict(asked.validated_data)
        limit = told.pop("limit")
        page = timeline.page(contact, timeline.Wanted(kinds=told.pop("kind"), **told), size=limit)
        return Response(TimelineSerializer({"next": _next(request, page), "results": page.entries}).data)


def _next(request: Request, page: timeline.Page) -> str | None:
    if page.next is None:
        return None
    query = {name: request.query_params.getlist(name) for name in request.query_params} | {"before": [str(page.next)]}
    return request.build_absolute_uri(f"{request.path}?{urlencode(query, doseq=True)}")


class MergeContact(APIView):
    """Make another contact part of this one."""

    scopes = {"write": "contacts:write"}
    permission_model = "contacts.contact"
    permission = "contacts.add_merge"

    @extend_schema(request=MergeBodySerializer, responses=ContactSerializer)
    def post(self, request: Request, id: UUID) -> Response:
        asked = MergeBodySerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        into = get_object_or_404(Contact, uuid=id)
        other = Contact.objects.filter(uuid=asked.validated_data["contact"]).first()
        if other is None:
            raise serializers.ValidationError({"contact": ["There is no contact with this id."]})
        assert isinstance(request.user, User)  # noqa: S101  the permission let nobody else through
        merged = merging.merge(other, into=into, take=asked.validated_data["take"], by=request.user)
        return Response(ContactSerializer(merged).data)


urlpatterns = [
    re_path(r"^contacts/(?P<id>[0-9a-f-]{36})/timeline/?$", Timeline.as_view(), name="contact-timeline"),
    re_path(r"^contacts/(?P<id>[0-9a-f-]{36})/merge/?$", MergeContact.as_view(), name="contact-merge"),
]
