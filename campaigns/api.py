"""/api/campaigns and /api/approvals: the same verbs as the console, through the same functions."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions, mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import answers, bulk, carriers, editing, keeping, lifecycle, members, preflight, previewing, writing
from campaigns import serializers as shapes
from campaigns.blueprint_api import FromTemplates
from campaigns.filters import CampaignFilter
from campaigns.models import Approval, Campaign, Variant
from campaigns.requests import need_contacts, user_of, valid
from campaigns.team_api import TeamWork
from contacts import naming
from contacts.models import Contact
from core.errors import Refused
from team.apikeys import need_scope
from team.models import User

_FORBIDDEN = ("not_allowed", *members.REFUSALS)
_IF_MATCH = OpenApiParameter("If-Match", str, OpenApiParameter.HEADER, description="The ETag you saw; 412 if it moved.")
_KEY = OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER, description="Repeats make no second campaign.")
_LAUNCH: dict[str, Any] = {
    "detail": True,
    "methods": ["post"],
    "scope": "campaigns:launch",
    "permission": "campaigns.launch_campaign",
}
_DECIDE: dict[str, Any] = {
    "detail": True,
    "methods": ["post"],
    "scope": "campaigns:approve",
    "permission": "campaigns.approve_campaign",
}


class ChangedMeanwhile(exceptions.APIException):
    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_code = "changed_meanwhile"


class CampaignViewSet(FromTemplates, TeamWork, mixins.ListModelMixin, viewsets.GenericViewSet[Campaign]):
    """What is sent to whom and when, and who let it out."""

    scopes: ClassVar = {"read": "campaigns:read", "write": "campaigns:write"}
    permission_model = "campaigns.campaign"
    scope: str | None = None
    permission: str | None = None
    queryset = Campaign.objects.select_related("sender", "topic", "created_by", "edited_by").prefetch_related(
        "segments", "excluded_segments"
    )
    serializer_class = shapes.CampaignSummarySerializer
    filterset_class = CampaignFilter
    lookup_field = "uuid"
    lookup_value_regex = "[0-9a-f-]{36}"
    lookup_url_kwarg = "id"

    def get_queryset(self) -> QuerySet[Campaign]:
        rows = super().get_queryset()
        # A deleted campaign is found in the list with ?deleted=true, by its history, and to be restored.
        return rows if self.action in ("list", "restore", "history") else rows.filter(deleted_at=None)

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        # One campaign is found by its id, also when the list would leave it out.
        return super().filter_queryset(queryset) if self.action == "list" else queryset

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, editing.Stale):
            exc = ChangedMeanwhile(exc.message)
        elif isinstance(exc, Refused) and exc.code in _FORBIDDEN:
            exc = exceptions.PermissionDenied(exc.message, exc.code)
        return super().handle_exception(exc)

    @extend_schema(
        request=shapes.CampaignWriteSerializer, responses={201: shapes.CampaignSerializer}, parameters=[_KEY]
    )
    def create(self, request: Request) -> Response:
        """A new draft."""
        key = request.headers.get("Idempotency-Key", "")[:200]
        body = valid(shapes.CampaignWriteSerializer, request)
        campaign = writing.create(body, by=user_of(request), key=key, raw=request.data)
        return answers.one(campaign, status.HTTP_201_CREATED)

    @extend_schema(responses=shapes.CampaignSerializer)
    def retrieve(self, request: Request, id: str) -> Response:
        return answers.one(self.get_object())

    @extend_schema(request=shapes.CampaignWriteSerializer, responses=shapes.CampaignSerializer, parameters=[_IF_MATCH])
    def update(self, request: Request, id: str) -> Response:
        """Replace it while it is editable; in review or approved, that takes it back to draft."""
        campaign, body = self.get_object(), valid(shapes.CampaignWriteSerializer, request)
        writing.replace(campaign, body, by=user_of(request), seen=_seen(request))
        return answers.one(campaign)

    @extend_schema(request=shapes.CampaignChangeSerializer, responses=shapes.CampaignSerializer, parameters=[_IF_MATCH])
    def partial_update(self, request: Request, id: str) -> Response:
        """Change some fields while it is editable; in review or approved, that takes it back to draft."""
        campaign, body = self.get_object(), valid(shapes.CampaignChangeSerializer, request)
        writing.change(campaign, body, by=user_of(request), seen=_seen(request))
        return answers.one(campaign)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, id: str) -> Response:
        """Out of sight; restore brings it back."""
        keeping.delete(self.get_object(), by=user_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=None, responses=shapes.CampaignSerializer)
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, id: str) -> Response:
        """Undo a delete or an archive."""
        return self._do(keeping.restore)

    @extend_schema(request=None, responses=shapes.ValidationSerializer)
    @action(detail=True, methods=["post"], scope="campaigns:read", permission="campaigns.view_campaign")
    def validate(self, request: Request, id: str) -> Response:
        """Every blocking and advisory finding, and how many people can be reached."""
        campaign = self.get_object()
        findings = preflight.check(campaign)
        is_ready = not any(finding.level == "block" for finding in findings)
        found = {"is_ready": is_ready, "findings": findings, "reach": preflight.reach(campaign)}
        return Response(shapes.ValidationSerializer(found).data)

    @extend_schema(request=shapes.PreviewRequestSerializer, responses=shapes.CampaignPreviewSerializer)
    @action(detail=True, methods=["post"], scope="campaigns:read", permission="campaigns.view_campaign")
    def preview(self, request: Request, id: str) -> Response:
        """As a contact would get it; with `send_to` it goes to those contacts, as a test that counts nowhere."""
        asked = valid(shapes.PreviewRequestSerializer, request)
        variant = self.get_object().variants.filter(key=asked["variant"]).first()
        if variant is None:
            raise exceptions.NotFound("This campaign has no such variant.")
        shown = asdict(previewing.content(variant, _previewed(request, asked)))
        tests = _tests(request, variant, asked.get("send_to", []))
        return Response(shapes.CampaignPreviewSerializer({**shown, "tests": tests}).data)

    @extend_schema(request=shapes.RemarkSerializer, responses=shapes.CampaignSerializer)
    @action(detail=True, methods=["post"], permission="campaigns.submit_campaign")
    def submit(self, request: Request, id: str) -> Response:
        """Ask for approval."""
        return self._do(lifecycle.submit, **valid(shapes.RemarkSerializer, request))

    @extend_schema(request=shapes.RemarkSerializer, responses=shapes.CampaignSerializer)
    @action(detail=True, methods=["post"], permission="campaigns.submit_campaign")
    def withdraw(self, request: Request, id: str) -> Response:
        """Take it back to draft."""
        return self._do(lifecycle.withdraw, **valid(shapes.RemarkSerializer, request))

    @extend_schema(request=shapes.DecisionSerializer, responses=shapes.CampaignSerializer)
    @action(**_DECIDE)
    def approve(self, request: Request, id: str) -> Response:
        """Release it; never by its author, last editor or whoever submitted it."""
        return self._decide(lifecycle.approve)

    @extend_schema(request=shapes.DecisionSerializer, responses=shapes.CampaignSerializer)
    @action(**_DECIDE)
    def reject(self, request: Request, id: str) -> Response:
        """Send it back; the comment says what should change."""
        return self._decide(lifecycle.reject)

    @extend_schema(request=shapes.ScheduleSerializer, responses=shapes.CampaignSerializer)
    @action(**_LAUNCH)
    def schedule(self, request: Request, id: str) -> Response:
        """Start it by itself, at a wall time in a zone."""
        return self._do(lifecycle.schedule, **valid(shapes.ScheduleSerializer, request))

    @extend_schema(request=None, responses=shapes.CampaignSerializer)
    @action(**_LAUNCH)
    def unschedule(self, request: Request, id: str) -> Response:
        """Back to approved."""
        return self._do(lifecycle.unschedule)

    @extend_schema(request=None, responses=shapes.CampaignSerializer)
    @action(**_LAUNCH)
    def launch(self, request: Request, id: str) -> Response:
        """Start now."""
        return self._do(lifecycle.launch)

    @extend_schema(request=None, responses=shapes.CampaignSerializer)
    @action(**_LAUNCH)
    def start(self, request: Request, id: str) -> Response:
        """The same as launch."""
        return self._do(lifecycle.launch)

    @extend_schema(request=None, responses=shapes.CampaignSerializer)
    @action(**_LAUNCH)
    def send(self, request: Request, id: str) -> Response:
        """The same as launch."""
        return self._do(lifecycle.launch)

    @extend_schema(request=None, responses=shapes.CampaignSerializer)
    @action(**_LAUNCH)
    def publish(self, request: Request, id: str) -> Response:
        """Schedule it if it has a time, else launch it."""
        campaign = self.get_object()
        if campaign.send_on is None or campaign.send_time is None:
            return self._do(lifecycle.launch)
        return self._do(lifecycle.schedule, on=campaign.send_on, time=campaign.send_time, zone=campaign.send_zone)

    @extend_schema(request=shapes.ReasonSerializer, responses=shapes.CampaignSerializer)
    @action(**_LAUNCH)
    def pause(self, request: Request, id: str) -> Response:
        """No further message starts to leave."""
        return self._do(lifecycle.pause, **valid(shapes.ReasonSerializer, request))

    @extend_schema(request=None, responses=shapes.CampaignSerializer)
    @action(**_LAUNCH)
    def resume(self, request: Request, id: str) -> Response:
        """Go on with everyone who still waits."""
        return self._do(lifecycle.resume)

    @extend_schema(request=shapes.ReasonSerializer, responses=shapes.CampaignSerializer)
    @action(**_LAUNCH)
    def cancel(self, request: Request, id: str) -> Response:
        """Cancel what is left, for good."""
        return self._do(lifecycle.cancel, **valid(shapes.ReasonSerializer, request))

    @extend_schema(request=None, responses=shapes.CampaignSerializer)
    @action(**_LAUNCH)
    def complete(self, request: Request, id: str) -> Response:
        """End a triggered campaign; a broadcast ends by itself."""
        return self._do(lifecycle.complete)

    @extend_schema(request=shapes.CopySerializer, responses={201: shapes.CampaignSerializer})
    @action(detail=True, methods=["post"])
    def duplicate(self, request: Request, id: str) -> Response:
        """A draft of the same, without its approval and time."""
        name = valid(shapes.CopySerializer, request)["name"]
        copy = keeping.duplicate(self.get_object(), by=user_of(request), name=name)
        return answers.one(copy, status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=shapes.CampaignSerializer)
    @action(detail=True, methods=["post"])
    def archive(self, request: Request, id: str) -> Response:
        """Out of the lists, with its figures."""
        return self._do(keeping.archive)

    @extend_schema(request=shapes.BulkSerializer, responses=shapes.BulkAnswersSerializer)
    @action(detail=False, methods=["post"], url_path="bulk")
    def bulk_verb(self, request: Request) -> Response:
        """One verb for many, each by itself, with an answer for each."""
        asked = valid(shapes.BulkSerializer, request)
        if asked["action"] in ("pause", "resume", "reschedule"):
            need_scope(request, "campaigns:launch")
        answers = bulk.answers(asked.pop("action"), asked.pop("ids"), by=user_of(request), given=asked)
        return Response(shapes.BulkAnswersSerializer({"results": answers}).data)

    def _do(self, verb: Callable[..., None], **given: Any) -> Response:
        campaign = self.get_object()
        verb(campaign, by=user_of(self.request), **given)
        return answers.one(campaign)

    def _decide(self, verb: Callable[..., None]) -> Response:
        asked = valid(shapes.DecisionSerializer, self.request)
        return self._do(verb, comment=asked["comment"], seen=asked["content_hash"])


class ApprovalViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[Approval]):
    """Requests for approval: those that wait, unless `decision` asks for others."""

    scopes: ClassVar = {"read": "campaigns:read", "write": "campaigns:approve"}
    permission_model = "campaigns.campaign"
    queryset = Approval.objects.filter(campaign__deleted_at=None).select_related(
        "campaign__sender", "requested_by", "decided_by"
    )
    serializer_class = shapes.ApprovalSerializer
    filterset_fields: ClassVar = ["decision"]

    def get_queryset(self) -> QuerySet[Approval]:
        rows = super().get_queryset()
        return rows if self.request.query_params.get("decision") else rows.filter(decision=Approval.Decision.PENDING)


def _seen(request: Request) -> datetime | None:
    """The moment that If-Match names; one that is no ETag of ours matches nothing."""
    given = request.headers.get("If-Match", "").strip().removeprefix("W/").strip('"')
    if given in ("", "*"):
        return None
    if not given.isdecimal() or len(given) > 17:
        raise ChangedMeanwhile("If-Match is not an ETag of this campaign. Read it again.")
    return answers.EPOCH + timedelta(microseconds=int(given))


def _previewed(request: Request, asked: dict[str, Any]) -> Contact:
    if "contact" not in asked:
        return previewing.EXAMPLE
    need_contacts(request)
    found = naming.reachable(asked["contact"])
    if found is None:
        raise exceptions.NotFound("There is no such contact.")
    return found


def _tests(request: Request, variant: Variant, names: list[str]) -> list[dict[str, Any]]:
    """A test to each of `names`, and how it went: one that can't be sent keeps none of the others from it."""
    if names:
        need_contacts(request)
        need_scope(request, "campaigns:write")
    return [_test(variant, name, user_of(request)) for name in names]


def _test(variant: Variant, name: str, by: User) -> dict[str, Any]:
    contact = naming.reachable(name)
    if contact is None:
        return {"to": name, "sent": False, "detail": "No contact has this id or email."}
    try:
        return {"to": name, "sent": True, "detail": carriers.send_test(variant, to=contact, by=by)}
    except Refused as refused:
        if refused.code in _FORBIDDEN:
            raise
        return {"to": name, "sent": False, "detail": refused.message}
