"""Consent and topics over the API: the ledger, joining, the question about a moment, what people can subscribe to."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from contacts import consent as ledger
from contacts import topics
from contacts.channels import channel_choices
from contacts.models import ConsentRecord, Contact, Topic
from contacts.representations import ConsentRecordSerializer
from core.api import StrictSerializer
from team.models import User


class _About(StrictSerializer):
    channel = serializers.ChoiceField(choices=channel_choices(), default="email")
    topic = serializers.SlugField(
        max_length=60, allow_blank=True, default="", help_text="Key of a topic; empty: the channel as a whole."
    )


class ConsentBodySerializer(_About):
    """A grant or a withdrawal; `at` is when it happened, now if left out."""

    action = serializers.ChoiceField(choices=["grant", "withdraw"])
    source = serializers.CharField(max_length=200)  # type: ignore[assignment]  # the stubs mean the base property
    wording = serializers.CharField(max_length=5000, required=False, allow_blank=True, default="")
    legal_basis = serializers.CharField(max_length=60, required=False, allow_blank=True, default="")
    ip_address = serializers.IPAddressField(required=False, allow_null=True, default=None)
    at = serializers.DateTimeField(required=False, allow_null=True, default=None)


class OptInSerializer(_About):
    """Somebody signs up: `source` is the form, `ip_address` theirs."""

    source = serializers.CharField(max_length=200)  # type: ignore[assignment]  # the stubs mean the base property
    wording = serializers.CharField(
        max_length=5000, required=False, allow_blank=True, default="", help_text="Left out: the topic's own."
    )
    ip_address = serializers.IPAddressField(required=False, allow_null=True, default=None)


class CouldWriteSerializer(_About):
    at = serializers.DateTimeField()


class AnswerSerializer(serializers.Serializer):
    """Whether consent allowed a message at that moment, and by which records."""

    may = serializers.BooleanField()
    sentence = serializers.CharField()
    at = serializers.DateTimeField()
    channel = serializers.CharField()
    topic = serializers.CharField()
    was_known = serializers.BooleanField(help_text="What the ledger would have answered at that moment itself.")
    deciding = ConsentRecordSerializer(many=True)
    late = ConsentRecordSerializer(many=True, help_text="Recorded only after that moment.")


class ConsentActions:
    """What ContactViewSet can do about one person's consent."""

    get_object: Any

    @extend_schema(responses=ConsentRecordSerializer(many=True))
    @action(detail=True, pagination_class=None, filterset_class=None)
    def consent(self, request: Request, id: str) -> Response:
        """The consent ledger, newest first."""
        records = self.get_object().consent_records.all()
        return Response(ConsentRecordSerializer(records, many=True).data)

    @extend_schema(request=ConsentBodySerializer, responses={201: ConsentRecordSerializer})
    @consent.mapping.post
    def record_consent(self, request: Request, id: str) -> Response:
        """Record a grant or a withdrawal that was given elsewhere."""
        told = _valid(ConsentBodySerializer, request.data)
        change = {"grant": ledger.grant, "withdraw": ledger.withdraw}[told.pop("action")]
        return _recorded(change(self.get_object(), **told, by=_user(request)))

    @extend_schema(request=OptInSerializer, responses={201: ConsentRecordSerializer})
    @action(
        detail=True, methods=["post"], url_path="consent/opt-in", permission="contacts.change_contact",
        pagination_class=None, filterset_class=None,
    )  # fmt: skip
    def opt_in(self, request: Request, id: str) -> Response:
        """The person signs up: a grant, or, if the topic wants a confirmation, a request and a mail with a link."""
        told = _valid(OptInSerializer, request.data)
        return _recorded(ledger.opt_in(self.get_object(), **told, by=_user(request)))

    @extend_schema(parameters=[CouldWriteSerializer], responses=AnswerSerializer)
    @action(detail=True, url_path="consent/check", pagination_class=None, filterset_class=None)
    def could_write(self, request: Request, id: str) -> Response:
        """Could we write to them at that moment, by their consent?"""
        asked = _valid(CouldWriteSerializer, request.query_params)
        contact: Contact = self.get_object()
        return Response(AnswerSerializer(ledger.could_write(contact, **asked)).data)


def _recorded(record: ConsentRecord) -> Response:
    return Response(ConsentRecordSerializer(record).data, status=status.HTTP_201_CREATED)


class TopicSerializer(serializers.ModelSerializer):
    """Something people can subscribe to."""

    class Meta:
        model = Topic
        fields: ClassVar = ["key", "name", "description", "opt_in", "wording", "is_public", "position"]


class TopicChangeSerializer(StrictSerializer):
    name = serializers.CharField(max_length=120, required=False)
    description = serializers.CharField(max_length=300, required=False, allow_blank=True)
    opt_in = serializers.ChoiceField(choices=Topic.OptIn.choices, required=False)
    wording = serializers.CharField(max_length=5000, required=False, allow_blank=True)
    is_public = serializers.BooleanField(required=False)
    position = serializers.IntegerField(min_value=0, max_value=32_767, required=False)


class NewTopicSerializer(TopicChangeSerializer):
    key = serializers.SlugField(max_length=60)
    name = serializers.CharField(max_length=120)


class TopicViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Topic]):
    """What people can subscribe to."""

    queryset = Topic.objects.all()
    serializer_class = TopicSerializer
    lookup_field = "key"
    lookup_value_regex = "[-a-zA-Z0-9_]+"
    scopes: ClassVar = {"read": "contacts:read", "write": "contacts:write"}
    permission_model = "contacts.topic"

    @extend_schema(request=NewTopicSerializer, responses={201: TopicSerializer})
    def create(self, request: Request) -> Response:
        """Add a topic."""
        topic = topics.create(**_valid(NewTopicSerializer, request.data))
        return Response(TopicSerializer(topic).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=TopicChangeSerializer, responses=TopicSerializer)
    def partial_update(self, request: Request, key: str) -> Response:
        """Change what the body names; a topic's key stays."""
        topic = topics.change(self.get_object(), **_valid(TopicChangeSerializer, request.data))
        return Response(TopicSerializer(topic).data)


def _valid(shape: type[Any], given: Any) -> dict[str, Any]:
    asked = shape(data=given)
    asked.is_valid(raise_exception=True)
    return dict(asked.validated_data)


def _user(request: Request) -> User:
    assert isinstance(request.user, User)  # noqa: S101  the permission let nobody else through
    return request.user
