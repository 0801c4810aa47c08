"""People over the API: list, save, erase, export, consent and imports."""

from typing import Any, ClassVar

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, parsers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from contacts import erasure, handing_over, holdings, people
from contacts.consent_api import ConsentActions
from contacts.importing import jobs, targets
from contacts.models import Contact, ImportJob
from contacts.representations import (
    ContactBodySerializer,
    ContactFilter,
    ContactSerializer,
    HeldSerializer,
    ImportBodySerializer,
    ImportJobSerializer,
    NewContactSerializer,
)
from contacts.tasks import wake
from core.errors import Refused
from team.models import ApiKey, User

UUID = "[0-9a-f-]{36}"


class ContactViewSet(
    ConsentActions, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Contact]
):
    """People. One who was erased, or merged into another, is still listed, empty, with `erased_at`."""

    queryset = Contact.objects.select_related("merged_into")
    serializer_class = ContactSerializer
    filterset_class = ContactFilter
    lookup_field = "uuid"
    lookup_url_kwarg = "id"
    lookup_value_regex = UUID
    scopes: ClassVar = {"read": "contacts:read", "write": "contacts:write"}
    permission_model = "contacts.contact"
    scope: str | None = None
    permission: str | None = None

    def check_permissions(self, request: Request) -> None:
        if self.action == "create":
            self.permission = "contacts.change_contact"  # whoever it means may be known already
        super().check_permissions(request)

    @extend_schema(request=NewContactSerializer, responses={200: ContactSerializer, 201: ContactSerializer})
    def create(self, request: Request) -> Response:
        """Create a person, or update the one with this external id or email: 201 or 200."""
        contact, is_new = people.save(_body(NewContactSerializer, request))
        code = status.HTTP_201_CREATED if is_new else status.HTTP_200_OK
        return Response(ContactSerializer(contact).data, status=code)

    @extend_schema(request=ContactBodySerializer, responses=ContactSerializer)
    def partial_update(self, request: Request, id: str) -> Response:
        """Change what the body names."""
        contact = people.change(self.get_object(), _body(ContactBodySerializer, request))
        return Response(ContactSerializer(contact).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, id: str) -> Response:
        """Erase a person: personal data goes for good, the ledger's rows stay without it."""
        erasure.erase(self.get_object(), by=_user(request))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(responses=HeldSerializer)
    @action(detail=True, pagination_class=None, filterset_class=None, permission="contacts.export_contact")
    def export(self, request: Request, id: str) -> Response:
        """All that is held about a person, for handing over to them. The audit trail notes it."""
        contact, key = self.get_object(), request.auth if isinstance(request.auth, ApiKey) else None
        handing_over.note(contact, by=_user(request), key=key, form="json")
        return Response(holdings.everything_about(contact))

    @extend_schema(request={"multipart/form-data": ImportBodySerializer}, responses={202: ImportJobSerializer})
    @action(
        detail=False, methods=["post"], url_path="import", permission="contacts.add_importjob",
        parser_classes=[parsers.MultiPartParser],
    )  # fmt: skip
    def import_file(self, request: Request) -> Response:
        """Check every row of a file, then (unless dry_run) write the valid ones. Answers with the job."""
        job = _started(_body(ImportBodySerializer, request), _user(request))
        return Response(ImportJobSerializer(job).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(responses=ImportJobSerializer)
    @action(
        detail=False, url_path=f"imports/(?P<job>{UUID})", permission="contacts.view_importjob",
        pagination_class=None, filterset_class=None,
    )  # fmt: skip
    def imports(self, request: Request, job: str) -> Response:
        """How far an import is."""
        return Response(ImportJobSerializer(get_object_or_404(ImportJob, uuid=job)).data)


def _started(told: dict[str, Any], user: User) -> ImportJob:
    job = jobs.upload(told["file"], told["file"].name, by=user)
    source = told["consent_source"]
    spoken = jobs.Consent(source, told["consent_wording"], topics=told["consent_topics"]) if source else None
    try:
        jobs.check(job, mapping=_mapping(job, told), tag=told["tag"], consent=spoken, goes_on=not told["dry_run"])
    except Refused:
        jobs.forget(job)
        raise
    wake(job.pk)
    return job


def _mapping(job: ImportJob, told: dict[str, Any]) -> dict[str, str]:
    guessed = {
        name: spec if told["new_attributes"] or not spec.startswith(targets.NEW) else ""
        for name, spec in job.mapping.items()
    }
    unknown = told.get("mapping", {}).keys() - guessed.keys()
    if unknown:
        jobs_columns = ", ".join(job.header[:20])
        raise Refused("unknown_column", f"The file has no column {sorted(unknown)[0]!r}. It has: {jobs_columns}.")
    chosen: dict[str, str] = told.get("mapping", {})
    return guessed | chosen


def _body(serializer: type[Any], request: Request) -> dict[str, Any]:
    body = serializer(data=request.data)
    body.is_valid(raise_exception=True)
    return dict(body.validated_data)


def _user(request: Request) -> User:
    assert isinstance(request.user, User)  # noqa: S101  the permission let nobody else through
    return request.user
