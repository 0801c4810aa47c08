"""Templates as the API shows and takes them."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from contacts.channels import channel_choices
from core.api import StrictSerializer
from templates_app import differences
from templates_app.models import Template, TemplateVersion

CONTENT_HELP = "Liquid placeholders such as {{ contact.first_name }} are filled in per person."


class TemplateFindingSerializer(serializers.Serializer):
    level = serializers.ChoiceField(choices=["block", "warn", "info"])
    code = serializers.CharField()
    message = serializers.CharField()
    where = serializers.CharField()
    line = serializers.IntegerField(allow_null=True)


class TemplateLinkSerializer(serializers.Serializer):
    position = serializers.IntegerField()
    url = serializers.CharField()
    text = serializers.CharField()


class TemplateVersionSummarySerializer(serializers.ModelSerializer[TemplateVersion]):
    """A version without what it compiles to."""

    id = serializers.UUIDField(source="uuid")
    author = serializers.StringRelatedField()  # type: ignore[var-annotated]

    class Meta:
        model = TemplateVersion
        fields = [
            "id", "number", "subject", "preheader", "format", "source", "text_source", "is_published", "author",
            "published_at", "updated_at",
        ]  # fmt: skip
        read_only_fields = fields


class TemplateVersionSerializer(TemplateVersionSummarySerializer):
    """A published version whole: compiled HTML and text, its links, findings, and what changed."""

    html = serializers.CharField(source="compiled_html")
    text = serializers.CharField(source="compiled_text")
    links = TemplateLinkSerializer(many=True)
    findings = TemplateFindingSerializer(many=True)

    class Meta(TemplateVersionSummarySerializer.Meta):
        fields = [*TemplateVersionSummarySerializer.Meta.fields, "html", "text", "links", "findings", "content_hash"]
        read_only_fields = fields


class TemplateHistorySerializer(TemplateVersionSummarySerializer):
    difference = serializers.SerializerMethodField(help_text="What changed since the version before, line by line.")

    class Meta(TemplateVersionSummarySerializer.Meta):
        fields = [*TemplateVersionSummarySerializer.Meta.fields, "difference"]
        read_only_fields = fields

    def get_difference(self, version: TemplateVersion) -> str:
        return differences.as_text(self.context["before"].get(version.number), version)


class TemplateSummarySerializer(serializers.ModelSerializer[Template]):
    id = serializers.UUIDField(source="uuid")
    status = serializers.SerializerMethodField()
    current_version = serializers.SerializerMethodField(help_text="Number of the published version, if there is one.")

    class Meta:
        model = Template
        fields = [
            "id", "name", "description", "channel", "category", "language", "status", "current_version", "archived_at",
            "created_at", "updated_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_status(self, template: Template) -> str:
        return template.status

    def get_current_version(self, template: Template) -> int | None:
        return template.current_version.number if template.current_version else None


class TemplateSerializer(TemplateSummarySerializer):
    """One template with its current version and its draft."""

    version = TemplateVersionSerializer(source="current_version", allow_null=True)
    draft = serializers.SerializerMethodField()

    class Meta(TemplateSummarySerializer.Meta):
        fields = [*TemplateSummarySerializer.Meta.fields, "version", "draft"]
        read_only_fields = fields

    @extend_schema_field(TemplateVersionSummarySerializer(allow_null=True))
    def get_draft(self, template: Template) -> Any:
        drafts = [version for version in template.versions.all() if not version.is_published]
        return TemplateVersionSummarySerializer(drafts[0]).data if drafts else None


class TemplateDraftSerializer(StrictSerializer):
    """What may be written. Fields left out stay as they are."""

    name = serializers.CharField(max_length=120)
    description = serializers.CharField(max_length=500, required=False, allow_blank=True)
    channel = serializers.ChoiceField(choices=channel_choices(), required=False)
    category = serializers.CharField(max_length=60, required=False, allow_blank=True)
    language = serializers.CharField(max_length=16, required=False)
    subject = serializers.CharField(max_length=400, required=False, allow_blank=True, help_text=CONTENT_HELP)
    preheader = serializers.CharField(max_length=400, required=False, allow_blank=True)
    format = serializers.ChoiceField(choices=TemplateVersion.Format.choices, required=False)
    source = serializers.CharField(  # type: ignore[assignment]  # our field, not the base class's argument
        required=False, allow_blank=True, trim_whitespace=False, help_text="HTML or MJML with Liquid."
    )
    text_source = serializers.CharField(required=False, allow_blank=True, trim_whitespace=False)


class TemplateChangeSerializer(TemplateDraftSerializer):
    name = serializers.CharField(max_length=120, required=False)


class TemplatePreviewRequestSerializer(StrictSerializer):
    contact = serializers.CharField(required=False, help_text="A contact's id or email; left out, example values.")
    data = serializers.DictField(  # type: ignore[assignment]  # our field, not the base class's property
        required=False, help_text="Values that go on top of the contact's."
    )
    version = serializers.IntegerField(required=False, min_value=1, help_text="Left out: the draft, or the current.")


class TemplatePreviewSerializer(serializers.Serializer):
    subject = serializers.CharField(source="content.subject")
    preheader = serializers.CharField(source="content.preheader")
    html = serializers.CharField(source="content.html")
    text = serializers.CharField(source="content.text")
    findings = TemplateFindingSerializer(many=True)
    missing = serializers.ListField(child=serializers.CharField(), help_text="Variables without a value here.")


class TemplateRevertSerializer(StrictSerializer):
    version = serializers.IntegerField(min_value=1, help_text="The number of the version to go back to.")


class TemplateCloneSerializer(StrictSerializer):
    name = serializers.CharField(max_length=120, required=False)


class TemplateUsageSerializer(serializers.Serializer):
    """One campaign variant that uses the template; people by event, machines left out."""

    campaign = serializers.UUIDField()
    campaign_name = serializers.CharField()
    status = serializers.CharField()
    variant = serializers.CharField()
    version = serializers.IntegerField(allow_null=True)
    sent = serializers.IntegerField()
    delivered = serializers.IntegerField()
    opened = serializers.IntegerField()
    clicked = serializers.IntegerField()
    unsubscribed = serializers.IntegerField()
    bounced = serializers.IntegerField()
    opened_rate = serializers.FloatField(allow_null=True)
    clicked_rate = serializers.FloatField(allow_null=True)
    unsubscribed_rate = serializers.FloatField(allow_null=True)


class TemplateExampleSerializer(serializers.Serializer):
    key = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    category = serializers.CharField()
    content = serializers.DictField(child=serializers.CharField())


class TemplateFileSerializer(StrictSerializer):
    """A template as a file: what export gives and import takes."""

    format = serializers.CharField()
    edition = serializers.IntegerField()
    name = serializers.CharField(max_length=110)
    description = serializers.CharField(required=False, allow_blank=True)
    category = serializers.CharField(required=False, allow_blank=True)
    language = serializers.CharField(required=False, allow_blank=True)
    channel = serializers.CharField(required=False)
    content = serializers.DictField(child=serializers.CharField(allow_blank=True, trim_whitespace=False))

    def to_representation(self, instance: Any) -> Any:
        return instance
