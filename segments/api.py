"""Segments over the API: the console's verbs, plus questions about rules that are not saved."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from core.api import CursorPages
from segments import behaviour, comparison, definition, earnings, fields, insight, lists, membership, standing
from segments import preview as previewing
from segments.models import Membership, Segment
from segments.representations import (
    ByHandSerializer,
    ChangeSerializer,
    CompareSerializer,
    ComparisonSerializer,
    ExplanationSerializer,
    FieldsSerializer,
    ListSerializer,
    MemberSerializer,
    OutcomeSerializer,
    PerformanceSerializer,
    PreviewSerializer,
    RulesSerializer,
    SegmentSerializer,
    SegmentWithMembersSerializer,
    find_contact,
)
from team.models import User

UUID = "[0-9a-f-]{36}"


class MemberPages(CursorPages):
    ordering = "-contact_id"


class SegmentAliasViewSet(
    mixins.ListModelMixin,
    mixins.CreateModelMixin,
    mixins.UpdateModelMixin,
    mixins.DestroyModelMixin,
    viewsets.GenericViewSet[Segment],
):
    """Segments: who a campaign is for."""

    queryset = Segment.objects.all()
    serializer_class = SegmentSerializer
    lookup_field = "uuid"
    lookup_url_kwarg = "id"
    lookup_value_regex = UUID
    http_method_names = ("get", "post", "put", "delete", "head", "options")
    filterset_fields: ClassVar = {"name": ["exact", "icontains"], "kind": ["exact"]}
    scopes: ClassVar = {"read": "segments:read", "write": "segments:write"}
    permission_model = "segments.segment"
    scope: str | None = None  # an action may ask for another scope or permission than its method says
    permission: str | None = None

    def perform_create(self, serializer: BaseSerializer[Segment]) -> None:
        assert isinstance(self.request.user, User)  # noqa: S101  the permission let nobody else through
        serializer.save(by=self.request.user)

    def perform_destroy(self, instance: Segment) -> None:
        definition.delete(instance)


class SegmentViewSet(mixins.RetrieveModelMixin, SegmentAliasViewSet):
    @extend_schema(responses=SegmentWithMembersSerializer)
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One segment, with its size and its newest members."""
        return Response(SegmentWithMembersSerializer(self.get_object()).data)

    @extend_schema(responses=FieldsSerializer)
    @action(detail=False, pagination_class=None, filterset_fields=None)
    def fields(self, request: Request) -> Response:
        """What rules can ask about, and how."""
        everything = fields.everything(fields.Catalogue())
        return Response(FieldsSerializer({"fields": everything, "behaviour": behaviour.describe()}).data)

    @extend_schema(request=RulesSerializer, responses=PreviewSerializer)
    @action(detail=False, methods=["post"], scope="segments:read", permission="segments.view_segment")
    def preview(self, request: Request) -> Response:
        """Size and a sample of people for rules that are not saved."""
        return Response(PreviewSerializer(previewing.of(self._body(RulesSerializer)["rules"])).data)

    @extend_schema(request=CompareSerializer, responses=ComparisonSerializer)
    @action(detail=False, methods=["post"], scope="segments:read", permission="segments.view_segment")
    def compare(self, request: Request) -> Response:
        """Several segments side by side, and how many people are in both of each pair."""
        chosen = self._body(CompareSerializer)["segments"]
        found = {"figures": comparison.figures(chosen), "overlaps": insight.overlaps(chosen)}
        return Response(ComparisonSerializer({"segments": chosen} | found).data)

    @extend_schema(request=None, responses={200: ChangeSerializer, 202: SegmentSerializer})
    @action(detail=True, methods=["post"])
    def refresh(self, request: Request, id: str) -> Response:
        """Bring the members up to date now. A large segment answers 202 and is done when `refreshed_at` has moved."""
        segment = self.get_object()
        change = definition.refresh(segment)
        if change is None:
            return Response(SegmentSerializer(segment).data, status=status.HTTP_202_ACCEPTED)
        return Response(ChangeSerializer(change).data)

    @extend_schema(
        parameters=[OpenApiParameter("contact", str, required=True, description="Id, email address or external id.")],
        responses=ExplanationSerializer,
    )
    @action(detail=True, pagination_class=None, filterset_fields=None)
    def explain(self, request: Request, id: str) -> Response:
        """Why a contact is in or out, rule by rule."""
        contact = find_contact(request.query_params.get("contact", ""))
        return Response(ExplanationSerializer(membership.explain(self.get_object(), contact)).data)

    @extend_schema(responses=PerformanceSerializer)
    @action(detail=True, pagination_class=None, filterset_fields=None)
    def performance(self, request: Request, id: str) -> Response:
        """Growth over time, revenue, and what today's members did with messages in the last 90 days."""
        segment, behind = self.get_object(), standing.behind()
        found = {
            "growth": insight.growth(segment),
            "engagement": insight.engagement(segment),
            "revenue": earnings.of_members(segment),
            "everyone": earnings.of_everyone(),
            "added_up_until": behind and behind.since,
        }
        return Response(PerformanceSerializer({"days": insight.GROWTH_DAYS, "size": segment.size} | found).data)

    @extend_schema(responses=MemberSerializer(many=True))
    @action(detail=True, pagination_class=MemberPages, filterset_fields=None)
    def users(self, request: Request, id: str) -> Response:
        """The members, newest contacts first."""
        page = self.paginate_queryset(self._members(self.get_object()))  # type: ignore[arg-type]  # not of segments
        return self.get_paginated_response(MemberSerializer(page, many=True).data)

    @extend_schema(request=ByHandSerializer, responses=ChangeSerializer)
    @users.mapping.post
    def add_users(self, request: Request, id: str) -> Response:
        """Put people into a static segment."""
        contacts = self._body(ByHandSerializer)["contacts"]
        return Response(ChangeSerializer(membership.add(self.get_object(), contacts)).data)

    @extend_schema(request={"multipart/form-data": ListSerializer}, responses=OutcomeSerializer)
    @action(detail=True, methods=["post"], url_path="users/import", parser_classes=[MultiPartParser])
    def import_users(self, request: Request, id: str) -> Response:
        """Put everyone whom a CSV or Excel file names into a static segment; nobody is made anew."""
        given = self._body(ListSerializer)
        outcome = lists.fill(self.get_object(), given["file"], only_check=given["only_check"])
        return Response(OutcomeSerializer(outcome).data)

    @extend_schema(responses={204: None}, parameters=[OpenApiParameter("user_id", str, OpenApiParameter.PATH)])
    @action(detail=True, methods=["delete"], url_path=f"users/(?P<user_id>{UUID})")
    def remove_user(self, request: Request, id: str, user_id: str) -> Response:
        """Take someone out of a static segment."""
        segment = self.get_object()
        member = get_object_or_404(self._members(segment), contact__uuid=user_id)
        membership.remove(segment, [member.contact])
        return Response(status=status.HTTP_204_NO_CONTENT)

    @staticmethod
    def _members(segment: Segment) -> QuerySet[Membership]:
        return segment.memberships.select_related("contact")

    def _body(self, serializer_class: type[BaseSerializer[Any]]) -> Any:
        serializer = serializer_class(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data
