"""How segments look in the API: what comes in, checked, and what goes out."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from contacts import naming
from contacts.models import Contact
from core.api import StrictSerializer
from segments import behaviour, definition, lists, mongo, rules, uses
from segments.fields import Field
from segments.models import Membership, Segment
from segments.rules import RuleError
from segments.values import quoted

COMPARE_LIMIT = 10
FIRST_MEMBERS = 10
AMOUNT = partial(serializers.DecimalField, max_digits=24, decimal_places=4)


@contextmanager
def invalid_rules() -> Iterator[None]:
    """Wrong rules are wrong input: 400 with each problem under the place in the tree where it is."""
    try:
        yield
    except RuleError as error:
        raise serializers.ValidationError({"rules": _by_path(error)}) from error


def _by_path(error: RuleError) -> dict[str, list[str]]:
    return {problem.path or "/": [problem.message] for problem in error.problems}


def find_contact(name: str) -> Contact:
    """By public id, email address or external id; 400 if there is nobody."""
    return find_contacts([name])[0]


def find_contacts(names: list[str]) -> list[Contact]:
    found = naming.people(names)
    missing = [name for name, contact in found.items() if contact is None]
    if missing:
        known = "Give a contact's id, email address or external id."
        raise serializers.ValidationError({"contact": [f"Nobody is known as {quoted(missing)}. {known}"]})
    return [contact for contact in found.values() if contact is not None]


@extend_schema_field(OpenApiTypes.OBJECT)
class RulesField(serializers.Field):
    """A rule tree, handed on once it is known to be sound; rules in Mongo's style become a tree of ours."""

    def to_internal_value(self, data: Any) -> Any:
        try:
            tree = mongo.translated(data)
            rules.parse(tree)
        except RuleError as error:
            raise serializers.ValidationError(_by_path(error)) from error
        return tree

    def to_representation(self, value: Any) -> Any:
        return value


class SegmentSerializer(StrictSerializer, serializers.ModelSerializer):
    id = serializers.UUIDField(source="uuid", read_only=True)
    rules = RulesField(required=False)

    class Meta:
        model = Segment
        fields: ClassVar = [
            "id", "name", "description", "kind", "rules", "size", "refreshed_at", "refresh_failed", "created_at",
            "updated_at",
        ]  # fmt: skip
        read_only_fields: ClassVar = ["size", "refreshed_at", "refresh_failed"]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        kind = attrs.get("kind", self.instance.kind if self.instance else Segment.Kind.DYNAMIC)
        if self.instance and kind != self.instance.kind:
            raise serializers.ValidationError({"kind": ["The kind of a segment can't be changed; make another one."]})
        if kind != Segment.Kind.STATIC and "rules" not in attrs:
            raise serializers.ValidationError({"rules": [f"A {kind} segment needs rules."]})
        if self.instance and kind == Segment.Kind.SNAPSHOT and attrs["rules"] != self.instance.rules:
            raise serializers.ValidationError({"rules": ["A snapshot keeps its rules; take another one."]})
        if kind == Segment.Kind.STATIC and attrs.get("rules"):
            raise serializers.ValidationError({"rules": ["A static segment has no rules: add people by hand."]})
        return attrs

    def create(self, validated_data: dict[str, Any]) -> Segment:
        with invalid_rules():
            return definition.create(**validated_data)

    def update(self, instance: Segment, validated_data: dict[str, Any]) -> Segment:
        validated_data.pop("kind", None)
        with invalid_rules():
            return definition.change(instance, **validated_data)


class MemberSerializer(serializers.ModelSerializer):
    id = serializers.UUIDField(source="contact.uuid", read_only=True)
    email = serializers.CharField(source="contact.email", read_only=True, allow_null=True)
    phone = serializers.CharField(source="contact.phone", read_only=True, allow_null=True)
    external_id = serializers.CharField(source="contact.external_id", read_only=True, allow_null=True)
    first_name = serializers.CharField(source="contact.first_name", read_only=True)
    last_name = serializers.CharField(source="contact.last_name", read_only=True)

    class Meta:
        model = Membership
        fields: ClassVar = ["id", "email", "phone", "external_id", "first_name", "last_name", "entered_at"]


class SegmentWithMembersSerializer(SegmentSerializer):
    members = serializers.SerializerMethodField(help_text="The newest contacts among them.")
    used_by = serializers.SerializerMethodField(help_text="In words, the first fifty.")

    class Meta(SegmentSerializer.Meta):
        fields: ClassVar = [*SegmentSerializer.Meta.fields, "used_by", "members"]

    @extend_schema_field(MemberSerializer(many=True))
    def get_members(self, segment: Segment) -> Any:
        newest = segment.memberships.select_related("contact").order_by("-contact_id")[:FIRST_MEMBERS]
        return MemberSerializer(newest, many=True).data

    def get_used_by(self, segment: Segment) -> list[str]:
        return uses.of(segment).first


class RulesSerializer(StrictSerializer):
    rules = RulesField()


class SampleSerializer(serializers.ModelSerializer):
    id = serializers.UUIDField(source="uuid", read_only=True)

    class Meta:
        model = Contact
        fields: ClassVar = ["id", "email", "phone", "external_id", "first_name", "last_name"]


class PreviewSerializer(serializers.Serializer):
    size = serializers.IntegerField()
    is_estimate = serializers.BooleanField(help_text="Told from a sample, because to count takes too long.")
    between = serializers.ListField(
        child=serializers.IntegerField(),
        min_length=2,
        max_length=2,
        allow_null=True,
        help_text="The least and the most that an estimated size may be, in 19 of 20 cases; null if it was counted.",
    )
    base = serializers.IntegerField(help_text="Everyone there is, erased people left out.")
    percent = serializers.FloatField()
    warning = serializers.CharField(help_text="Filled when the rules find nobody or everybody.")
    sample = SampleSerializer(many=True)


class CompareSerializer(StrictSerializer):
    segments = serializers.SlugRelatedField(
        slug_field="uuid", queryset=Segment.objects.all(), many=True, allow_empty=False, help_text="Ids of segments."
    )

    def validate_segments(self, value: list[Segment]) -> list[Segment]:
        if len(value) > COMPARE_LIMIT:
            raise serializers.ValidationError(f"Compare at most {COMPARE_LIMIT} segments at a time.")
        return value


class FiguresSerializer(serializers.Serializer):
    id = serializers.UUIDField(source="segment.uuid")
    size = serializers.IntegerField()
    buyers = serializers.IntegerField()
    spent = AMOUNT()
    spent_each = AMOUNT()
    sent = serializers.IntegerField(help_text="Members who were sent a message in the last 90 days.")
    opened = serializers.IntegerField()
    clicked = serializers.IntegerField()


class OverlapSerializer(serializers.Serializer):
    first = serializers.UUIDField(source="first.uuid")
    second = serializers.UUIDField(source="second.uuid")
    size = serializers.IntegerField()


class SizeSerializer(serializers.Serializer):
    id = serializers.UUIDField(source="uuid")
    name = serializers.CharField()
    size = serializers.IntegerField()
    refreshed_at = serializers.DateTimeField(allow_null=True)


class ComparisonSerializer(serializers.Serializer):
    segments = SizeSerializer(many=True)
    figures = FiguresSerializer(many=True)
    overlaps = OverlapSerializer(many=True)


class ChangeSerializer(serializers.Serializer):
    entered = serializers.IntegerField()
    left = serializers.IntegerField()
    size = serializers.IntegerField()


class ByHandSerializer(StrictSerializer):
    contacts = serializers.ListField(
        child=serializers.CharField(max_length=254),
        allow_empty=False,
        max_length=naming.AT_ONCE,
        help_text="Ids, email addresses or external ids.",
    )

    def validate_contacts(self, value: list[str]) -> list[Contact]:
        return find_contacts(value)


class ListSerializer(StrictSerializer):
    file = serializers.FileField(help_text=f"CSV or Excel, at most {lists.ROWS:,} rows.")
    only_check = serializers.BooleanField(default=False, help_text="Say what would happen, and add nobody.")


class OutcomeSerializer(serializers.Serializer):
    known = serializers.IntegerField(help_text="People whom the list names.")
    added = serializers.IntegerField(help_text="Those of them who were not members.")
    unknown = serializers.IntegerField()
    first_unknown = serializers.ListField(child=serializers.CharField())


class ExplanationSerializer(serializers.Serializer):
    is_member = serializers.BooleanField(help_text="As of the last refresh.")
    fits = serializers.BooleanField(help_text="What the rules say now.")
    entered_at = serializers.DateTimeField(allow_null=True)
    note = serializers.CharField()
    answer = serializers.SerializerMethodField()

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_answer(self, explanation: Any) -> dict[str, Any] | None:
        return _answer(explanation.answer) if explanation.answer else None


def _answer(answer: Any) -> dict[str, Any]:
    children = [_answer(child) for child in answer.children]
    return {
        "path": answer.path,
        "kind": answer.kind,
        "holds": answer.holds,
        "sentence": answer.sentence,
        "children": children,
    }


class PointSerializer(serializers.Serializer):
    at = serializers.DateTimeField()
    size = serializers.IntegerField()
    entered = serializers.IntegerField()
    left = serializers.IntegerField()


class LatelySerializer(serializers.Serializer):
    days = serializers.IntegerField(help_text="Today included, in UTC.")
    spent = AMOUNT()
    orders = serializers.IntegerField()
    buyers = serializers.IntegerField()
    active = serializers.IntegerField(help_text="People who opened, clicked or bought.")


class EarningsSerializer(serializers.Serializer):
    """What people bought, less refunds; amounts as they were reported, in whatever currency."""

    people = serializers.IntegerField()
    buyers = serializers.IntegerField()
    orders = serializers.IntegerField()
    spent = AMOUNT()
    spent_each = AMOUNT(help_text="For each person.")
    score = serializers.FloatField(help_text="The mean engagement score.")
    lately = LatelySerializer(many=True)


class PerformanceSerializer(serializers.Serializer):
    size = serializers.IntegerField()
    days = serializers.IntegerField(help_text="How far back it looks.")
    growth = PointSerializer(many=True)
    engagement = serializers.DictField(
        child=serializers.DictField(child=serializers.IntegerField()),
        help_text="Per event name: events, and people among today's members; without machines' opens and clicks.",
    )
    revenue = EarningsSerializer(help_text="Of today's members; may be a minute old.")
    everyone = EarningsSerializer(help_text="The same of everyone, to compare with.")
    added_up_until = serializers.DateTimeField(
        allow_null=True, help_text="Set while purchases are still being added up: what was received later is missing."
    )


class ChoiceSerializer(serializers.Serializer):
    value = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # the stubs mean the base property


class OperatorSerializer(serializers.Serializer):
    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # the stubs mean the base property
    input = serializers.CharField(help_text="The shape of the value: text, texts, number, numbers, date, …")


class FieldSerializer(serializers.Serializer):
    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # the stubs mean the base property
    group = serializers.CharField()
    type = serializers.CharField()
    operators = OperatorSerializer(many=True)
    choices = ChoiceSerializer(many=True)

    def to_representation(self, field: Field) -> dict[str, Any]:
        return field_as_json(field)


class FieldsSerializer(serializers.Serializer):
    fields = FieldSerializer(many=True)  # type: ignore[assignment]
    behaviour = serializers.DictField(help_text="How rules about events are built.")


def field_as_json(field: Field) -> dict[str, Any]:
    """What the console's form and the API's clients must know about a field."""
    return {
        "key": field.name,
        "label": field.label,
        "group": field.group,
        "type": field.type,
        "operators": [behaviour.operators_as_json(operator) for operator in field.operators],
        "choices": [{"value": value, "label": label} for value, label in field.choices],
    }
