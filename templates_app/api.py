"""/api/templates: the same verbs as the console's template pages."""

from typing import Any, cast
from uuid import UUID

import django_filters
from django.db.models import Prefetch, QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import exceptions, mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from contacts import naming
from contacts.models import Contact
from core.errors import Refused
from team.apikeys import need_scope
from team.models import User
from templates_app import exchange, gallery, publishing, usage
from templates_app import serializers as shapes
from templates_app.models import Link, Template, TemplateVersion
from templates_app.rendering import RenderError

ABOUT = ("name", "description", "channel", "category", "language")


class TemplateFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter is untyped
    kind = django_filters.CharFilter(field_name="channel", help_text="The channel, e.g. email.")
    category = django_filters.CharFilter()
    language = django_filters.CharFilter()
    name = django_filters.CharFilter(lookup_expr="icontains", help_text="Part of the name.")
    status = django_filters.ChoiceFilter(
        choices=[("draft", "Draft"), ("published", "Published"), ("archived", "Archived")], method="with_status"
    )

    class Meta:
        model = Template
        fields: list[str] = []

    def with_status(self, templates: QuerySet[Template], name: str, value: str) -> QuerySet[Template]:
        return templates.filter(Template.status_is(value))


@extend_schema_view(list=extend_schema(responses=shapes.TemplateSummarySerializer(many=True)))
class TemplateViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Template]):
    """What messages say. What is sent is always a published version, which never changes."""

    scopes = {"read": "templates:read", "write": "templates:write"}
    permission_model = "templates_app.template"
    queryset = Template.objects.select_related("current_version__author").order_by("-id")
    serializer_class = shapes.TemplateSerializer
    filterset_class = TemplateFilter
    lookup_field = "uuid"
    lookup_value_regex = "[0-9a-f-]{36}"
    lookup_url_kwarg = "id"

    def get_queryset(self) -> QuerySet[Template]:
        templates = super().get_queryset()
        if self.action == "list":
            return templates
        links = Prefetch("current_version__links", Link.objects.order_by("position"))
        return templates.prefetch_related("versions__author", links)

    def get_serializer_class(self) -> Any:
        return shapes.TemplateSummarySerializer if self.action == "list" else self.serializer_class

    @extend_schema(request=shapes.TemplateDraftSerializer, responses={201: shapes.TemplateSerializer})
    def create(self, request: Request) -> Response:
        asked = _valid(shapes.TemplateDraftSerializer, request)
        about = {name: asked.pop(name) for name in ABOUT if name in asked}
        template = publishing.create(by=_person(request), content=asked, **about)
        return self._answer(template, status.HTTP_201_CREATED)

    @extend_schema(request=shapes.TemplateChangeSerializer)
    def update(self, request: Request, id: UUID) -> Response:
        template = self.get_object()
        asked = _valid(shapes.TemplateChangeSerializer, request)
        about = {name: asked.pop(name) for name in ABOUT if name in asked}
        publishing.change(template, by=_person(request), content=asked, **about)
        return self._answer(template)

    @extend_schema(responses={204: None, 409: OpenApiResponse(description="In use; the users are named.")})
    def destroy(self, request: Request, id: UUID) -> Response:
        publishing.delete(self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=shapes.TemplatePreviewRequestSerializer, responses=shapes.TemplatePreviewSerializer)
    @action(detail=True, methods=["post"])
    def preview(self, request: Request, id: UUID) -> Response:
        """As one person would get it; nothing is sent or kept."""
        asked = _valid(shapes.TemplatePreviewRequestSerializer, request)
        version = _version(self.get_object(), asked.get("version"))
        contact = _contact(request, asked["contact"]) if "contact" in asked else None
        try:
            shown = publishing.preview(version, contact=contact, data=asked.get("data"))
        except RenderError as error:
            raise Refused("render_error", str(error)) from error
        return Response(shapes.TemplatePreviewSerializer(shown).data)

    @extend_schema(request=None, responses=shapes.TemplateVersionSerializer)
    @action(detail=True, methods=["post"])
    def publish(self, request: Request, id: UUID) -> Response:
        """Freeze the draft as the current version. An unchanged draft makes no new one."""
        version = publishing.publish(self.get_object(), by=_person(request))
        return Response(shapes.TemplateVersionSerializer(version).data)

    @extend_schema(responses=shapes.TemplateHistorySerializer(many=True), filters=False)
    @action(detail=True)
    def versions(self, request: Request, id: UUID) -> Response:
        """All versions, newest first, with authors and differences."""
        everything = self.get_object().versions.select_related("author")
        page: Any = self.paginate_queryset(cast(Any, everything))
        older = everything.filter(pk__lt=page[-1].pk).order_by("-pk")[:1] if page else []
        before = {newer.number: version for newer, version in zip(page, [*page[1:], *older], strict=False)}
        shown = shapes.TemplateHistorySerializer(page, many=True, context={"before": before})
        return self.get_paginated_response(shown.data)

    @extend_schema(request=shapes.TemplateRevertSerializer, responses=shapes.TemplateVersionSummarySerializer)
    @action(detail=True, methods=["post"])
    def revert(self, request: Request, id: UUID) -> Response:
        """A new draft from an old version."""
        template = self.get_object()
        version = _version(template, _valid(shapes.TemplateRevertSerializer, request)["version"])
        draft = publishing.revert(template, version, by=_person(request))
        return Response(shapes.TemplateVersionSummarySerializer(draft).data)

    @extend_schema(request=shapes.TemplateCloneSerializer, responses={201: shapes.TemplateSerializer})
    @action(detail=True, methods=["post"])
    def clone(self, request: Request, id: UUID) -> Response:
        name = _valid(shapes.TemplateCloneSerializer, request).get("name", "")
        copy = publishing.clone(self.get_object(), by=_person(request), name=name)
        return self._answer(copy, status.HTTP_201_CREATED)

    @extend_schema(responses=shapes.TemplateUsageSerializer(many=True), filters=False)
    @action(detail=True, pagination_class=None)
    def usage(self, request: Request, id: UUID) -> Response:
        """The campaigns that use it, newest first (50 at most), with sends and rates by version."""
        return Response(shapes.TemplateUsageSerializer(usage.of(self.get_object()), many=True).data)

    @extend_schema(responses=shapes.TemplateExampleSerializer(many=True), filters=False)
    @action(detail=False, pagination_class=None)
    def gallery(self, request: Request) -> Response:
        """Ready-made messages to start from."""
        return Response(shapes.TemplateExampleSerializer(gallery.examples(), many=True).data)

    @extend_schema(request=shapes.TemplateFileSerializer, responses={201: shapes.TemplateSerializer})
    @action(detail=False, methods=["post"], url_path="import")
    def import_file(self, request: Request) -> Response:
        """A new template from an exported file; a taken name gets a number."""
        template = exchange.take_in(_valid(shapes.TemplateFileSerializer, request), by=_person(request))
        return self._answer(template, status.HTTP_201_CREATED)

    @extend_schema(responses=shapes.TemplateFileSerializer)
    @action(detail=True)
    def export(self, request: Request, id: UUID) -> Response:
        """The template with its newest content, to keep or to import elsewhere."""
        return Response(exchange.export(self.get_object()))

    def _answer(self, template: Template, code: int = status.HTTP_200_OK) -> Response:
        return Response(shapes.TemplateSerializer(self.get_queryset().get(pk=template.pk)).data, status=code)


def _person(request: Request) -> User:
    assert isinstance(request.user, User)  # noqa: S101  the permission let nobody else through
    return request.user


def _valid(shape: Any, request: Request) -> dict[str, Any]:
    asked = shape(data=request.data)
    asked.is_valid(raise_exception=True)
    return dict(asked.validated_data)


def _version(template: Template, number: int | None) -> TemplateVersion:
    """The version with this number; without one the draft, or else the current version."""
    if number is not None:
        chosen = template.versions.filter(number=number).first()
    else:
        chosen = publishing.draft_of(template) or template.current_version
    if chosen is None:
        raise Http404
    return chosen


def _contact(request: Request, key: str) -> Contact:
    """A contact by public id or email, for those who may see contacts: a preview prints what is known of them."""
    need_scope(request, "contacts:read")
    if not _person(request).has_perm("contacts.view_contact"):
        raise exceptions.PermissionDenied("Your role does not let you see contacts.")
    contact = naming.reachable(key)
    if contact is None:
        raise Refused("no_contact", f"There is no contact with the id or email “{key[:100]}”.")
    return contact
