"""How people, consent and imports look over the API, and what bodies it takes."""

from typing import Any, ClassVar

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from contacts import attributes, lists
from contacts.addresses import BadAddress, normalise_email, normalise_phone
from contacts.attributes import BadValue
from contacts.importing.targets import TAG_RULE, read_zone, split_tags
from contacts.models import ConsentRecord, Contact, ImportJob
from core.api import StrictSerializer

ADDRESSES = ("external_id", "email", "phone")


class ContactSerializer(serializers.ModelSerializer):
    """A person."""

    id = serializers.UUIDField(source="uuid")
    tags = serializers.ListField(child=serializers.CharField())
    attributes = serializers.DictField(child=serializers.JSONField())
    merged_into = serializers.UUIDField(source="merged_into.uuid", allow_null=True, default=None)

    class Meta:
        model = Contact
        fields: ClassVar = [
            "id", "email", "phone", "external_id", "first_name", "last_name", "locale", "time_zone", "attributes",
            "tags", "created_at", "updated_at", "erased_at", "merged_into",
        ]  # fmt: skip


class ContactBodySerializer(StrictSerializer):
    """What can be said about a person. Attributes are merged into those there are; null removes one."""

    email = serializers.CharField(required=False, allow_null=True, max_length=320)
    phone = serializers.CharField(required=False, allow_null=True, max_length=40)
    external_id = serializers.CharField(required=False, allow_null=True, max_length=200)
    first_name = serializers.CharField(required=False, allow_blank=True, max_length=120)
    last_name = serializers.CharField(required=False, allow_blank=True, max_length=120)
    locale = serializers.RegexField(
        r"^([A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*)?$", required=False, allow_blank=True, max_length=16
    )
    time_zone = serializers.CharField(required=False, allow_blank=True, max_length=64)
    attributes = serializers.DictField(child=serializers.JSONField(allow_null=True), required=False)
    tags = serializers.ListField(child=serializers.CharField(max_length=60), required=False, max_length=200)

    def validate_email(self, text: str | None) -> str | None:
        return _address(normalise_email, text)

    def validate_phone(self, text: str | None) -> str | None:
        return _address(normalise_phone, text)

    def validate_time_zone(self, text: str) -> str:
        try:
            return read_zone(text) if text else ""
        except BadValue as error:
            raise serializers.ValidationError(str(error)) from error

    def validate_attributes(self, values: dict[str, Any]) -> dict[str, Any]:
        try:
            return attributes.coerce_all(values)
        except BadValue as error:
            raise serializers.ValidationError(str(error)) from error

    def validate_tags(self, tags: list[str]) -> list[str]:
        for tag in tags:
            if [tag] != split_tags(tag):
                raise serializers.ValidationError(f"“{tag}”: {TAG_RULE}")
        return sorted(set(tags))


class NewContactSerializer(ContactBodySerializer):
    """A person to create, or to update when the external id or else the email is known."""

    def validate(self, body: dict[str, Any]) -> dict[str, Any]:
        if not any(body.get(name) for name in ADDRESSES):
            raise serializers.ValidationError("Give an external_id, an email or a phone.")
        return body


def _address(normalise: Any, text: str | None) -> str | None:
    if text is None or not text.strip():
        return None
    try:
        return str(normalise(text))
    except BadAddress as error:
        raise serializers.ValidationError(str(error)) from error


class ConsentRecordSerializer(serializers.ModelSerializer):
    """One entry of the consent ledger."""

    class Meta:
        model = ConsentRecord
        fields: ClassVar = [
            "id", "channel", "topic", "action", "source", "wording", "legal_basis", "ip_address", "occurred_at",
            "recorded_at",
        ]  # fmt: skip


class HeldSerializer(serializers.Serializer):
    """All that is held about a person: their row, and one list for each kind of data that refers to them."""

    contact = ContactSerializer()
    consent = ConsentRecordSerializer(many=True)


class ImportBodySerializer(StrictSerializer):
    """A file to import. Without a mapping the columns are guessed; unknown ones are left out unless told otherwise."""

    file = serializers.FileField(help_text="CSV (also gzip) or XLSX; the first row names the columns.")
    mapping = serializers.JSONField(
        required=False, help_text='Column name to target, e.g. {"E-mail": "email", "Plan": "attribute:plan"}.'
    )
    new_attributes = serializers.BooleanField(default=False, help_text="Unknown columns become new attributes.")
    tag = serializers.CharField(required=False, allow_blank=True, max_length=60, default="")
    consent_source = serializers.CharField(required=False, allow_blank=True, max_length=200, default="")
    consent_wording = serializers.CharField(required=False, allow_blank=True, max_length=5000, default="")
    consent_topics = serializers.ListField(
        child=serializers.SlugField(max_length=60, allow_blank=True), default=[""], allow_empty=False, max_length=100,
        help_text="With a consent_source: the topics they agreed to, by key; an empty one is email as a whole.",
    )  # fmt: skip
    dry_run = serializers.BooleanField(default=False, help_text="Only check the rows; confirm in the console.")

    def validate_mapping(self, mapping: Any) -> dict[str, str]:
        if not isinstance(mapping, dict) or not all(isinstance(spec, str) for spec in mapping.values()):
            raise serializers.ValidationError("This must be an object of texts: column name to target.")
        return mapping


class ImportJobSerializer(serializers.ModelSerializer):
    """An import on its way; `errors` are the first rows that could not be read."""

    id = serializers.UUIDField(source="uuid")
    errors = serializers.SerializerMethodField()  # type: ignore[assignment]  # the stubs mean the base property

    class Meta:
        model = ImportJob
        fields: ClassVar = [
            "id", "kind", "file_name", "status", "problem", "mapping", "tag", "row_count", "rows_done", "valid_count",
            "created_count", "updated_count", "unchanged_count", "duplicate_count", "error_count", "consent_count",
            "people_count", "errors", "created_at", "finished_at",
        ]  # fmt: skip

    @extend_schema_field(serializers.ListField(child=serializers.DictField()))
    def get_errors(self, job: ImportJob) -> list[dict[str, Any]]:
        return list(job.first_errors)


class ContactFilter(django_filters.FilterSet):  # type: ignore[misc]  # no types
    """`search` begins an email, an external id or a last name."""

    search = django_filters.CharFilter(method="by_search")
    email = django_filters.CharFilter(method="by_email")
    external_id = django_filters.CharFilter(field_name="external_id")
    tag = django_filters.CharFilter(method="by_tag")
    created_after = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_before = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Contact
        fields: ClassVar[list[str]] = []

    def by_search(self, queryset: QuerySet[Contact], name: str, value: str) -> QuerySet[Contact]:
        return lists.search(queryset, value)

    def by_email(self, queryset: QuerySet[Contact], name: str, value: str) -> QuerySet[Contact]:
        return queryset.filter(email=value.strip().lower())

    def by_tag(self, queryset: QuerySet[Contact], name: str, value: str) -> QuerySet[Contact]:
        return queryset.filter(tags__contains=[value])
