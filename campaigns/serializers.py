"""Campaigns as the API shows and takes them."""

import uuid
from typing import Any

from django.contrib.auth import get_user_model
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from campaigns import approval, carriers, schedule
from campaigns.models import Approval, Campaign, Sender, Variant
from contacts.channels import channel_choices
from contacts.models import Topic
from core.api import StrictSerializer
from segments.models import Segment
from templates_app.models import Template


@extend_schema_field({"type": "string", "format": "uuid"})
class PublicId(serializers.RelatedField[Any, Any, Any]):
    """Another object, by its public id."""

    default_error_messages = {"invalid": "Not an id.", "missing": "There is nothing with the id {value}."}

    def to_internal_value(self, data: Any) -> Any:
        try:
            wanted = uuid.UUID(str(data))
        except ValueError:
            self.fail("invalid")
        queryset = self.get_queryset()
        found = queryset.filter(uuid=wanted).first() if queryset is not None else None
        if found is None:
            self.fail("missing", value=wanted)
        return found

    def to_representation(self, value: Any) -> str:
        return str(value.uuid)


class TopicKey(serializers.SlugRelatedField[Topic]):
    """A topic, by its key."""

    default_error_messages = {"does_not_exist": "There is no topic {value}."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"slug_field": "key", **kwargs})


class PersonSerializer(serializers.ModelSerializer):
    name = serializers.CharField(source="__str__", read_only=True)

    class Meta:
        model = get_user_model()
        fields = ["username", "name"]


class SenderSerializer(serializers.ModelSerializer):
    id = serializers.UUIDField(source="uuid")

    class Meta:
        model = Sender
        fields = ["id", "name", "email", "reply_to", "postal_address"]


class CampaignSegmentSerializer(serializers.ModelSerializer):
    id = serializers.UUIDField(source="uuid")

    class Meta:
        model = Segment
        fields = ["id", "name", "size"]


class VariantSerializer(serializers.ModelSerializer):
    template = serializers.UUIDField(source="template.uuid")
    template_name = serializers.CharField(source="template.name")
    version = serializers.IntegerField(
        source="version.number", allow_null=True, default=None, help_text="Fixed when approval was asked for."
    )

    class Meta:
        model = Variant
        fields = ["key", "weight", "template", "template_name", "version"]


class ScheduleSerializer(StrictSerializer):
    """A wall time in a zone; what it means when clocks change is in the documentation."""

    on = serializers.DateField()
    time = serializers.TimeField()
    zone = serializers.CharField(max_length=64, help_text="e.g. Europe/Berlin")

    def validate_zone(self, value: str) -> str:
        if value not in schedule.zone_names():
            raise serializers.ValidationError(f"“{value}” is not a time zone. Use a name such as Europe/Berlin.")
        return value


class PlannedSerializer(serializers.Serializer):
    on = serializers.DateField(source="send_on")
    time = serializers.TimeField(source="send_time")
    zone = serializers.CharField(source="send_zone")


class ApprovalSerializer(serializers.ModelSerializer):
    campaign = serializers.UUIDField(source="campaign.uuid")
    campaign_name = serializers.CharField(source="campaign.name")
    requested_by = PersonSerializer(allow_null=True)
    decided_by = PersonSerializer(allow_null=True)
    changed = serializers.SerializerMethodField(help_text="What of the campaign is not as it was submitted any more.")

    class Meta:
        model = Approval
        fields = [
            "id", "campaign", "campaign_name", "decision", "content_hash", "audience_count", "requested_by",
            "requested_at", "request_comment", "decided_by", "decided_at", "decision_comment", "changed",
        ]  # fmt: skip

    def get_changed(self, row: Approval) -> list[str]:
        holds = row.decision in (Approval.Decision.PENDING, Approval.Decision.APPROVED)
        return approval.changes(row, row.campaign) if holds and row.campaign.started_at is None else []


class CampaignSummarySerializer(serializers.ModelSerializer):
    """A campaign in a list."""

    id = serializers.UUIDField(source="uuid")
    segments = CampaignSegmentSerializer(many=True)
    excluded_segments = CampaignSegmentSerializer(many=True)
    sender = SenderSerializer(allow_null=True)
    topic = serializers.SlugField(source="topic.key", allow_null=True, default=None, help_text="Key of its topic.")
    schedule = serializers.SerializerMethodField()
    created_by = PersonSerializer(allow_null=True)
    edited_by = PersonSerializer(allow_null=True)

    class Meta:
        model = Campaign
        fields = [
            "id", "name", "description", "kind", "purpose", "channel", "topic", "status", "tags", "sender", "segments",
            "excluded_segments", "schedule", "planned_at", "tracks_opens", "tracks_clicks", "created_by", "edited_by",
            "created_at", "updated_at", "started_at", "finished_at", "archived_at", "deleted_at",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(PlannedSerializer(allow_null=True))
    def get_schedule(self, campaign: Campaign) -> Any:
        return PlannedSerializer(campaign).data if campaign.send_on else None


class CampaignSerializer(CampaignSummarySerializer):
    """One campaign, with its variants, its newest approval and its counters."""

    variants = VariantSerializer(many=True)
    approval = serializers.SerializerMethodField()
    counters = serializers.SerializerMethodField(
        help_text="Messages by what became of them; `planned` is all of them. Empty while it has not gone out."
    )

    class Meta(CampaignSummarySerializer.Meta):
        fields = [*CampaignSummarySerializer.Meta.fields, "variants", "approval", "counters"]
        read_only_fields = fields

    @extend_schema_field(ApprovalSerializer(allow_null=True))
    def get_approval(self, campaign: Campaign) -> Any:
        newest = campaign.approvals.select_related("requested_by", "decided_by", "campaign").first()
        return ApprovalSerializer(newest).data if newest else None

    def get_counters(self, campaign: Campaign) -> dict[str, int]:
        return carriers.counts(campaign)


class ContentSerializer(StrictSerializer):
    """A message written in the request itself: it becomes a template with a published version."""

    subject = serializers.CharField(max_length=400)
    preheader = serializers.CharField(max_length=400, required=False, allow_blank=True, default="")
    html = serializers.CharField(required=False, trim_whitespace=False)
    mjml = serializers.CharField(required=False, trim_whitespace=False)
    text = serializers.CharField(required=False, trim_whitespace=False, default="", allow_blank=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("html" in attrs) == ("mjml" in attrs):
            raise serializers.ValidationError({"html": ["Give either html or mjml."]})
        return attrs


class WordingSerializer(StrictSerializer):
    """One variant: a template, or content written here."""

    template = PublicId(queryset=Template.objects.all(), required=False)
    content = ContentSerializer(required=False)
    weight = serializers.IntegerField(min_value=1, max_value=1000, default=1)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("template" in attrs) == ("content" in attrs):
            raise serializers.ValidationError({"template": ["Give either template or content."]})
        return attrs


class FromSerializer(StrictSerializer):
    email = serializers.EmailField()
    name = serializers.CharField(max_length=120, required=False, help_text="Must be the sender's own name, if given.")


class EmailConfigSerializer(StrictSerializer):
    """The short form of one email: a template by id, or its content; and who it is from."""

    templateId = PublicId(queryset=Template.objects.all(), required=False)  # noqa: N815
    subject = serializers.CharField(max_length=400, required=False)
    preheader = serializers.CharField(max_length=400, required=False, allow_blank=True)
    html = serializers.CharField(required=False, trim_whitespace=False)
    mjml = serializers.CharField(required=False, trim_whitespace=False)
    text = serializers.CharField(required=False, trim_whitespace=False, allow_blank=True)

    def get_fields(self) -> dict[str, Any]:
        return {**super().get_fields(), "from": FromSerializer(required=False)}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        written = {field: attrs[field] for field in ("subject", "preheader", "html", "mjml", "text") if field in attrs}
        if "templateId" in attrs and written:
            raise serializers.ValidationError({"templateId": ["Give either templateId or content, not both."]})
        if written:
            content = ContentSerializer(data=written)
            content.is_valid(raise_exception=True)
            attrs["content"] = content.validated_data
        return attrs


class CampaignWriteSerializer(StrictSerializer):
    """A campaign as it is written. Either `variants`, or the short form `channels` and `emailConfig`."""

    name = serializers.CharField(max_length=160)
    description = serializers.CharField(required=False, allow_blank=True, max_length=10_000)
    kind = serializers.ChoiceField(choices=Campaign.Kind.choices, required=False)
    purpose = serializers.ChoiceField(choices=Campaign.Purpose.choices, required=False)
    channel = serializers.ChoiceField(choices=channel_choices(), required=False)
    topic = TopicKey(queryset=Topic.objects.all(), required=False, allow_null=True, help_text="Key of a topic.")
    tags = serializers.ListField(child=serializers.CharField(max_length=60), required=False, max_length=50)
    sender = PublicId(queryset=Sender.objects.all(), required=False, allow_null=True)
    segments = PublicId(queryset=Segment.objects.all(), many=True, required=False)
    excluded_segments = PublicId(queryset=Segment.objects.all(), many=True, required=False)
    variants = WordingSerializer(many=True, required=False)
    schedule = ScheduleSerializer(required=False, allow_null=True, help_text="Null: when someone launches it.")
    tracks_opens = serializers.BooleanField(required=False)
    tracks_clicks = serializers.BooleanField(required=False)
    channels = serializers.ListField(
        child=serializers.ChoiceField(choices=channel_choices()), required=False, min_length=1, max_length=1
    )
    emailConfig = EmailConfigSerializer(required=False)  # noqa: N815

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "variants" in attrs and "emailConfig" in attrs:
            raise serializers.ValidationError({"emailConfig": ["Give either variants or emailConfig, not both."]})
        return attrs


class CampaignChangeSerializer(CampaignWriteSerializer):
    name = serializers.CharField(max_length=160, required=False)


class RemarkSerializer(StrictSerializer):
    comment = serializers.CharField(required=False, allow_blank=True, default="", max_length=5000)


class DecisionSerializer(RemarkSerializer):
    content_hash = serializers.CharField(
        required=False,
        default="",
        max_length=64,
        help_text="What you looked at; refused if it moved.",
    )


class ReasonSerializer(StrictSerializer):
    reason = serializers.CharField(required=False, allow_blank=True, default="", max_length=5000)


class CopySerializer(StrictSerializer):
    name = serializers.CharField(required=False, max_length=160, default="")


class PreviewRequestSerializer(StrictSerializer):
    contact = serializers.CharField(required=False, max_length=254, help_text="Id or email. Left out: an example.")
    variant = serializers.CharField(required=False, max_length=8, default="A")
    send_to = serializers.ListField(
        child=serializers.CharField(max_length=254), required=False, min_length=1, max_length=10,
        help_text="Ids or emails of contacts who get it as a test.",
    )  # fmt: skip


class SentTestSerializer(serializers.Serializer):
    to = serializers.CharField()
    sent = serializers.BooleanField()
    detail = serializers.CharField()


class CampaignPreviewSerializer(serializers.Serializer):
    subject = serializers.CharField()
    preheader = serializers.CharField()
    html = serializers.CharField()
    text = serializers.CharField()
    tests = SentTestSerializer(many=True, help_text="An answer for each of `send_to`.")


class CampaignFindingSerializer(serializers.Serializer):
    level = serializers.ChoiceField(choices=["block", "warn", "ok"])
    code = serializers.CharField()
    message = serializers.CharField()


class ReachSerializer(serializers.Serializer):
    total = serializers.IntegerField()
    reachable = serializers.IntegerField()
    left_out = serializers.DictField(child=serializers.IntegerField(), help_text="By reason, as in the send ledger.")


class ValidationSerializer(serializers.Serializer):
    is_ready = serializers.BooleanField()
    findings = CampaignFindingSerializer(many=True)
    reach = ReachSerializer()


class BulkSerializer(StrictSerializer):
    action = serializers.ChoiceField(choices=["pause", "resume", "archive", "tag", "reschedule", "delete"])
    ids = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=500)
    tags = serializers.ListField(child=serializers.CharField(max_length=60), required=False, max_length=50)
    reason = serializers.CharField(required=False, allow_blank=True, default="", max_length=5000)
    schedule = ScheduleSerializer(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        for action, field in (("tag", "tags"), ("reschedule", "schedule")):
            if attrs["action"] == action and not attrs.get(field):
                raise serializers.ValidationError({field: [f"The action {action} needs it."]})
        return attrs


class BulkAnswerSerializer(serializers.Serializer):
    id = serializers.UUIDField()
    is_done = serializers.BooleanField()
    status = serializers.CharField(allow_null=True)
    code = serializers.CharField()
    message = serializers.CharField()


class BulkAnswersSerializer(serializers.Serializer):
    results = BulkAnswerSerializer(many=True)
