"""The suppression list over the API: who is on it, adding, releasing, and lists as files."""

from typing import Any, ClassVar

import django_filters
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, parsers, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from contacts import suppression
from contacts.channels import channel_choices
from contacts.importing import jobs
from contacts.models import ImportJob, Suppression, SuppressionRelease
from contacts.representations import ImportJobSerializer
from contacts.tasks import wake
from core.api import StrictSerializer
from core.errors import Refused
from team.models import User

UUID = "[0-9a-f-]{36}"
Reason = Suppression.Reason


class SuppressionSerializer(serializers.ModelSerializer):
    """An address that is never written to. After an erasure `address` is null, and the entry holds all the same."""

    is_readable = serializers.SerializerMethodField(help_text="False: only a hash of the address is left.")

    class Meta:
        model = Suppression
        fields: ClassVar = ["id", "channel", "address", "is_readable", "reason", "detail", "created_at"]

    def get_is_readable(self, entry: Suppression) -> bool:
        return entry.address is not None


class SuppressionBodySerializer(StrictSerializer):
    address = serializers.CharField(max_length=320)
    channel = serializers.ChoiceField(choices=channel_choices(), default="email")
    reason = serializers.ChoiceField(
        choices=Reason.choices, default=Reason.MANUAL,
        help_text="`complaint` for what a mailbox provider's feedback says, `objection` for what the person says.",
    )  # fmt: skip
    detail = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


class ReleaseBodySerializer(StrictSerializer):
    why = serializers.CharField(max_length=500, help_text="Why it may be written to again; kept for good.")


class ReleaseSerializer(serializers.ModelSerializer):
    """That an address was released, and what it had been suppressed for."""

    class Meta:
        model = SuppressionRelease
        fields: ClassVar = ["id", "channel", "address", "reason", "detail", "suppressed_at", "why", "released_at"]


class SuppressionListSerializer(StrictSerializer):
    """A list as a file: every row is checked, and then written unless told otherwise."""

    file = serializers.FileField(help_text="CSV (also gzip) or XLSX; its first row may name the columns.")
    column = serializers.CharField(
        required=False, max_length=120,
        help_text="Which column has the addresses; left out: what looks like it. “Column 1” where none is named.",
    )  # fmt: skip
    channel = serializers.ChoiceField(choices=channel_choices(), default="email")
    reason = serializers.ChoiceField(choices=Reason.choices, default=Reason.IMPORTED)
    detail = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")
    dry_run = serializers.BooleanField(default=False, help_text="Only check the rows; confirm in the console.")


class SuppressionFilter(django_filters.FilterSet):  # type: ignore[misc]  # no types
    """`address` is a whole address, and finds entries that only a hash is left of."""

    address = django_filters.CharFilter(method="by_address")
    channel = django_filters.ChoiceFilter(choices=channel_choices())
    reason = django_filters.ChoiceFilter(choices=Reason.choices)
    is_readable = django_filters.BooleanFilter(field_name="address", lookup_expr="isnull", exclude=True)
    created_after = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_before = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Suppression
        fields: ClassVar[list[str]] = []

    def by_address(self, queryset: QuerySet[Suppression], name: str, value: str) -> QuerySet[Suppression]:
        return queryset.filter(suppression.is_of(value))


class SuppressionViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Suppression]):
    """Addresses that are never written to, whoever owns them."""

    queryset = Suppression.objects.all()
    serializer_class = SuppressionSerializer
    filterset_class = SuppressionFilter
    lookup_url_kwarg = "id"
    lookup_value_regex = "[0-9]{1,18}"
    scopes: ClassVar = {"read": "contacts:read", "write": "contacts:write"}

    @property
    def permission(self) -> str:
        if self.action == "release":  # which of the two rights it takes is the entry's to say
            return "contacts.view_suppression"
        is_read = self.request.method in ("GET", "HEAD", "OPTIONS")
        return "contacts.view_suppression" if is_read else "contacts.add_suppression"

    @extend_schema(request=SuppressionBodySerializer, responses={201: SuppressionSerializer})
    def create(self, request: Request) -> Response:
        """Never write to this address again. An address that is on the list already keeps its first reason."""
        told = _body(SuppressionBodySerializer, request)
        entry = suppression.suppress(told.pop("address"), **told, by=_user(request))
        return Response(SuppressionSerializer(entry).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=ReleaseBodySerializer, responses=ReleaseSerializer)
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def release(self, request: Request, id: str) -> Response:
        """Let the address be written to again. What its owner may have wished takes an administrator's right."""
        entry = self.get_object()
        if not _user(request).has_perm(suppression.right_to_release(entry)):
            raise PermissionDenied
        why = _body(ReleaseBodySerializer, request)["why"]
        return Response(ReleaseSerializer(suppression.release(entry, why=why, by=_user(request))).data)

    @extend_schema(request={"multipart/form-data": SuppressionListSerializer}, responses={202: ImportJobSerializer})
    @action(detail=False, methods=["post"], url_path="import", parser_classes=[parsers.MultiPartParser])
    def import_list(self, request: Request) -> Response:
        """Check every row of a list, then (unless dry_run) suppress the valid ones. Answers with the job."""
        job = _started(_body(SuppressionListSerializer, request), _user(request))
        return Response(ImportJobSerializer(job).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(responses=ImportJobSerializer)
    @action(detail=False, url_path=f"imports/(?P<job>{UUID})", pagination_class=None, filterset_class=None)
    def imports(self, request: Request, job: str) -> Response:
        """How far a list is."""
        found = get_object_or_404(ImportJob, uuid=job, kind=ImportJob.Kind.SUPPRESSIONS)
        return Response(ImportJobSerializer(found).data)


def _started(told: dict[str, Any], user: User) -> ImportJob:
    file, kind = told["file"], ImportJob.Kind.SUPPRESSIONS
    job = jobs.upload(file, file.name, by=user, kind=kind, channel=told["channel"])
    said = {name: told[name] for name in ("channel", "reason", "detail")}
    try:
        jobs.check_addresses(job, column=_column(job, told), goes_on=not told["dry_run"], **said)
    except Refused:
        jobs.forget(job)
        raise
    wake(job.pk)
    return job


def _column(job: ImportJob, told: dict[str, Any]) -> str:
    name = told.get("column") or next(iter(job.mapping), "")
    if name not in job.header:
        what = f"no column {name!r}" if name else "no column that looks like addresses"
        raise Refused("unknown_column", f"The file has {what}. It has: {', '.join(job.header[:20])}.")
    return name


def _body(serializer: type[Any], request: Request) -> dict[str, Any]:
    body = serializer(data=request.data)
    body.is_valid(raise_exception=True)
    return dict(body.validated_data)


def _user(request: Request) -> User:
    assert isinstance(request.user, User)  # noqa: S101  the permission let nobody else through
    return request.user
