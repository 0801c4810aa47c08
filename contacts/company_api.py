"""Companies over the API: list, read, create, change, and who belongs to each."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import django_filters
from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response

from contacts import companies, naming
from contacts.attributes import BadValue
from contacts.models import Company, Contact
from contacts.representations import ContactSerializer
from core.api import StrictSerializer

UUID = "[0-9a-f-]{36}"


class CompanySerializer(serializers.ModelSerializer):
    """An organisation that people belong to; `group` in the tracking API."""

    id = serializers.UUIDField(source="uuid")
    attributes = serializers.DictField(child=serializers.JSONField())

    class Meta:
        model = Company
        fields: ClassVar = ["id", "external_id", "name", "attributes", "created_at", "updated_at"]


class CompanyBodySerializer(StrictSerializer):
    """What can be said about a company. Attributes are merged into those there are; null removes one."""

    name = serializers.CharField(required=False, allow_blank=True, max_length=companies.NAME_LENGTH)
    attributes = serializers.DictField(child=serializers.JSONField(allow_null=True), required=False, default=dict)

    def validate_attributes(self, values: dict[str, Any]) -> dict[str, Any]:
        try:
            return companies.checked(values)
        except BadValue as error:
            raise serializers.ValidationError(str(error)) from error


class NewCompanySerializer(CompanyBodySerializer):
    """A company to create, or to change when the external id is known."""

    external_id = serializers.CharField(max_length=200)


class EmployeesSerializer(StrictSerializer):
    contacts = serializers.ListField(
        child=serializers.CharField(max_length=254), allow_empty=False, max_length=naming.AT_ONCE,
        help_text="Ids, email addresses or external ids.",
    )  # fmt: skip

    def validate_contacts(self, names: list[str]) -> list[Contact]:
        found = naming.people(names)
        missing = [name for name, contact in found.items() if contact is None]
        if missing:
            raise serializers.ValidationError(f"Nobody is known as {', '.join(missing[:10])}.")
        return [contact for contact in found.values() if contact is not None]


class AddedSerializer(serializers.Serializer):
    added = serializers.IntegerField(help_text="Those who did not belong to it before.")


@contextmanager
def _within_bounds() -> Iterator[None]:
    """What was known and what is said are too much together: that is wrong input as well."""
    try:
        yield
    except BadValue as error:
        raise serializers.ValidationError({"attributes": [str(error)]}) from error


class CompanyFilter(django_filters.FilterSet):  # type: ignore[misc]  # django-filter is untyped
    external_id = django_filters.CharFilter()
    name = django_filters.CharFilter(lookup_expr="istartswith", help_text="How the name begins.")

    class Meta:
        model = Company
        fields: list[str] = []


class CompanyViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Company]):
    """Companies, and who belongs to each."""

    queryset = Company.objects.all()
    serializer_class = CompanySerializer
    filterset_class = CompanyFilter
    lookup_field = "uuid"
    lookup_url_kwarg = "id"
    lookup_value_regex = UUID
    scopes: ClassVar = {"read": "contacts:read", "write": "contacts:write"}
    permission_model = "contacts.company"

    @property
    def permission(self) -> str:
        if self.action == "contacts":
            return "contacts.view_contact"
        # also to create: whichever it means may be known already
        return "contacts.change_company" if self.request.method not in SAFE_METHODS else "contacts.view_company"

    @extend_schema(request=NewCompanySerializer, responses={200: CompanySerializer, 201: CompanySerializer})
    def create(self, request: Request) -> Response:
        """Create a company, or change the one with this external id: 201 or 200."""
        with _within_bounds():
            company, is_new = companies.save(**_body(NewCompanySerializer, request))
        code = status.HTTP_201_CREATED if is_new else status.HTTP_200_OK
        return Response(CompanySerializer(company).data, status=code)

    @extend_schema(request=CompanyBodySerializer, responses=CompanySerializer)
    def partial_update(self, request: Request, id: str) -> Response:
        """Change what the body names."""
        with _within_bounds():
            company = companies.change(self.get_object(), **_body(CompanyBodySerializer, request))
        return Response(CompanySerializer(company).data)

    @extend_schema(responses=ContactSerializer(many=True))
    @action(detail=True, filterset_class=None)
    def contacts(self, request: Request, id: str) -> Response:
        """Who belongs to it, newest contacts first."""
        people: QuerySet[Contact] = Contact.objects.reachable().filter(employments__company=self.get_object())
        page = self.paginate_queryset(people.select_related("merged_into"))  # type: ignore[arg-type]  # not of companies
        return self.get_paginated_response(ContactSerializer(page, many=True).data)

    @extend_schema(request=EmployeesSerializer, responses=AddedSerializer)
    @contacts.mapping.post
    def add_contacts(self, request: Request, id: str) -> Response:
        """These people belong to it as well."""
        people = _body(EmployeesSerializer, request)["contacts"]
        return Response({"added": companies.employ(self.get_object(), people)})

    @extend_schema(responses={204: None}, parameters=[OpenApiParameter("contact_id", str, OpenApiParameter.PATH)])
    @action(detail=True, methods=["delete"], url_path=f"contacts/(?P<contact_id>{UUID})")
    def remove_contact(self, request: Request, id: str, contact_id: str) -> Response:
        """This person no longer belongs to it."""
        contact = naming.person(contact_id)
        if contact is None or not companies.dismiss(self.get_object(), contact):
            raise Http404
        return Response(status=status.HTTP_204_NO_CONTENT)


def _body(serializer: type[Any], request: Request) -> dict[str, Any]:
    body = serializer(data=request.data)
    body.is_valid(raise_exception=True)
    return dict(body.validated_data)
