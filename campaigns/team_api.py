"""What the API tells of the people around a campaign: its history, what they say, and who works on it."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import collaboration, history, members
from campaigns.models import Campaign, Comment
from campaigns.requests import user_of, valid
from campaigns.serializers import PersonSerializer, PublicId
from core.api import StrictSerializer
from team.models import User


class HistorySerializer(serializers.Serializer):
    kind = serializers.CharField(help_text="created, status or edit")
    at = serializers.DateTimeField()
    by = PersonSerializer(allow_null=True)
    text = serializers.CharField()
    reason = serializers.CharField()
    to_status = serializers.CharField()
    changes = serializers.ListField(child=serializers.DictField())


class CommentSerializer(serializers.ModelSerializer):
    id = serializers.UUIDField(source="uuid")
    author = PersonSerializer(allow_null=True)
    reply_to = serializers.UUIDField(source="parent.uuid", allow_null=True, default=None)

    class Meta:
        model = Comment
        fields = ["id", "author", "reply_to", "body", "created_at"]


class CommentWriteSerializer(StrictSerializer):
    body = serializers.CharField(max_length=5000)
    reply_to = PublicId(source="parent", queryset=Comment.objects.all(), required=False, allow_null=True, default=None)


class MembersSerializer(serializers.Serializer):
    """Who works on a campaign. `is_restricted`: only these people and administrators may change it."""

    owner = PersonSerializer(allow_null=True)
    editors = PersonSerializer(many=True)
    viewers = PersonSerializer(many=True)
    is_restricted = serializers.BooleanField()


class Username(serializers.SlugRelatedField[User]):
    """Somebody of the team, by user name."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(slug_field="username", queryset=User.objects.filter(is_active=True), **kwargs)

    def to_internal_value(self, data: Any) -> User:
        if not isinstance(data, str) or "\x00" in data:  # which the database can't be asked about
            self.fail("invalid")
        return super().to_internal_value(data)


class MembersWriteSerializer(StrictSerializer):
    """People by their user names. Without editors, everyone whose role allows may change the campaign."""

    owner = Username(required=False, help_text="Left out: it stays with whom it is.")
    editors = Username(many=True, required=False)
    viewers = Username(many=True, required=False)


class TeamWork(viewsets.GenericViewSet[Campaign]):
    """The part of /api/campaigns/{id} that is about its people."""

    @extend_schema(responses=HistorySerializer(many=True), filters=False)
    @action(detail=True, pagination_class=None)
    def history(self, request: Request, id: str) -> Response:
        """Status changes and edits, newest first, and who made them."""
        return Response(HistorySerializer(history.of(self.get_object()), many=True).data)

    @extend_schema(responses=CommentSerializer(many=True), filters=False)
    @action(detail=True, pagination_class=None)
    def comments(self, request: Request, id: str) -> Response:
        """What the team says about it, oldest first."""
        rows = self.get_object().comments.select_related("author", "parent")
        return Response(CommentSerializer(rows, many=True).data)

    @extend_schema(request=CommentWriteSerializer, responses={201: CommentSerializer})
    @comments.mapping.post
    def add_comment(self, request: Request, id: str) -> Response:
        """Comment or reply; @name tells a colleague."""
        body = valid(CommentWriteSerializer, request)
        said = collaboration.comment(self.get_object(), by=user_of(request), **body)
        return Response(CommentSerializer(said).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses=MembersSerializer, filters=False)
    @action(detail=True, pagination_class=None)
    def members(self, request: Request, id: str) -> Response:
        """Owner, editors and viewers."""
        return Response(MembersSerializer(members.of(self.get_object())).data)

    @extend_schema(request=MembersWriteSerializer, responses=MembersSerializer, filters=False)
    @members.mapping.put
    def set_members(self, request: Request, id: str) -> Response:
        """Say who works on it; its owner may, and administrators."""
        wanted = {"editors": [], "viewers": [], **valid(MembersWriteSerializer, request)}
        people = members.choose(self.get_object(), by=user_of(request), **wanted)
        return Response(MembersSerializer(people).data)
