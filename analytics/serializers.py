"""The shapes of figures in the API."""

from rest_framework import serializers

from analytics import metrics
from core.api import StrictSerializer


class MetricSerializer(serializers.Serializer):
    """A figure with what it means. Rates have counts and a 95 % interval; without `is_enough` they say little."""

    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    definition = serializers.CharField()
    formula = serializers.CharField()
    kind = serializers.ChoiceField(choices=["count", "rate"])
    value = serializers.FloatField(allow_null=True)
    count = serializers.IntegerField(required=False)
    of = serializers.IntegerField(required=False)
    of_what = serializers.CharField(required=False, help_text="What `of` counts: delivered, sent, opened or attempts.")
    low = serializers.FloatField(required=False, allow_null=True)
    high = serializers.FloatField(required=False, allow_null=True)
    is_enough = serializers.BooleanField(required=False)
    note = serializers.CharField(required=False)


class RateSerializer(serializers.Serializer):
    value = serializers.FloatField(allow_null=True)
    count = serializers.IntegerField()
    of = serializers.IntegerField()
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    is_enough = serializers.BooleanField()
    note = serializers.CharField()


class ComparedSerializer(serializers.Serializer):
    """A difference of two rates with its 95 % interval, and the sentence that claims no more than it shows."""

    difference = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    is_shown = serializers.BooleanField()
    says = serializers.CharField()


class CampaignNameSerializer(serializers.Serializer):
    id = serializers.UUIDField()
    name = serializers.CharField()
    status = serializers.CharField()


class ProgressSerializer(serializers.Serializer):
    is_live = serializers.BooleanField()
    is_paused = serializers.BooleanField()
    is_planning = serializers.BooleanField()
    planned = serializers.IntegerField()
    done = serializers.IntegerField()
    waiting = serializers.IntegerField()
    per_minute = serializers.IntegerField(allow_null=True)
    ends_at = serializers.DateTimeField(allow_null=True)
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)


class NotSentSerializer(serializers.Serializer):
    state = serializers.CharField()
    outcome = serializers.CharField(help_text="Not sent, Bounced, Failed or Unknown.")
    reason = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    explanation = serializers.CharField()
    count = serializers.IntegerField()


class StatsSerializer(serializers.Serializer):
    """Live counters and rates."""

    campaign = CampaignNameSerializer()
    progress = ProgressSerializer()
    states = serializers.DictField(child=serializers.IntegerField())
    not_sent = NotSentSerializer(many=True)
    metrics = MetricSerializer(many=True)
    behind_seconds = serializers.IntegerField()
    as_of = serializers.DateTimeField()


class FiguresPointSerializer(serializers.Serializer):
    at = serializers.CharField(help_text="Start of the hour or day, UTC.")
    sent = serializers.IntegerField()
    opened = serializers.IntegerField()
    clicked = serializers.IntegerField()
    unsubscribed = serializers.IntegerField()


class SeriesSerializer(serializers.Serializer):
    step = serializers.ChoiceField(choices=["hour", "day"])
    points = FiguresPointSerializer(many=True)


class LinkSerializer(serializers.Serializer):
    url = serializers.CharField()
    text = serializers.CharField()
    people = serializers.IntegerField()
    clicks = serializers.IntegerField()


class AnalyticsSerializer(serializers.Serializer):
    """Answers over time and by link."""

    campaign = CampaignNameSerializer()
    series = SeriesSerializer()
    links = LinkSerializer(many=True)
    as_of = serializers.DateTimeField()


class StageSerializer(serializers.Serializer):
    """A stage of the funnel: how many came this far, and how many of the stage before did not."""

    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    definition = serializers.CharField()
    count = serializers.IntegerField()
    share_of_previous = serializers.FloatField(allow_null=True)
    lost = serializers.IntegerField()


class VariantFiguresSerializer(serializers.Serializer):
    key = serializers.CharField()
    template = serializers.CharField()
    subject = serializers.CharField()
    sent = serializers.IntegerField()
    opened = serializers.IntegerField()
    clicked = serializers.IntegerField()
    rates = serializers.DictField(child=RateSerializer())
    compared = ComparedSerializer(allow_null=True, help_text="Click rate against the first variant's.")


class ChannelSerializer(serializers.Serializer):
    channel = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    campaigns = serializers.IntegerField()
    metrics = MetricSerializer(many=True)


class PlatformsSerializer(serializers.Serializer):
    channels = ChannelSerializer(many=True)
    variants = VariantFiguresSerializer(many=True)


class LineSerializer(serializers.Serializer):
    """A campaign in a list, with its rates."""

    campaign = CampaignNameSerializer()
    sent = serializers.IntegerField()
    rates = serializers.DictField(child=RateSerializer())


class ComparedLineSerializer(LineSerializer):
    compared = ComparedSerializer(allow_null=True, help_text="Against the first campaign.")


class CampaignComparisonBodySerializer(StrictSerializer):
    campaigns = serializers.ListField(child=serializers.UUIDField(), min_length=2, max_length=10)
    metric = serializers.ChoiceField(choices=[metric.key for metric in metrics.rates()], default="click_rate")


class CampaignComparisonSerializer(serializers.Serializer):
    metric = serializers.CharField()
    definition = serializers.CharField()
    campaigns = ComparedLineSerializer(many=True)
    caution = serializers.CharField()


class PeopleSerializer(serializers.Serializer):
    contacts = serializers.IntegerField()
    is_estimate = serializers.BooleanField()
    consenting = serializers.IntegerField()
    suppressed = serializers.IntegerField()
    new_count = serializers.IntegerField(help_text="In the last 30 days.")


class UnderwaySerializer(serializers.Serializer):
    campaign = CampaignNameSerializer()
    progress = ProgressSerializer()


class OverviewSerializer(serializers.Serializer):
    people = PeopleSerializer()
    underway = UnderwaySerializer(many=True)
    waiting_for_approval = CampaignNameSerializer(many=True)
    scheduled = CampaignNameSerializer(many=True)
    finished = LineSerializer(many=True)
    days = FiguresPointSerializer(many=True)


class QueueSerializer(serializers.Serializer):
    """A run that is going out: what waits, how fast it goes, what is tried again, what nobody knows."""

    campaign = CampaignNameSerializer()
    planned = serializers.IntegerField()
    in_hand = serializers.IntegerField(help_text="Claimed by a worker or being sent.")
    retrying = serializers.IntegerField(help_text="Waiting for another attempt.")
    unknown = serializers.IntegerField()
    per_minute = serializers.IntegerField(allow_null=True)


class AccountSerializer(serializers.Serializer):
    account = serializers.CharField()
    channel = serializers.CharField()
    provider = serializers.CharField()
    in_hand = serializers.IntegerField()
    failing_since = serializers.DateTimeField(allow_null=True)
    failure = serializers.CharField()
    retry_at = serializers.DateTimeField(allow_null=True)


class DeliveryQueueSerializer(serializers.Serializer):
    runs = QueueSerializer(many=True)
    accounts = AccountSerializer(many=True)


class EngagementSerializer(serializers.Serializer):
    """Opens or clicks of people by weekday (1 is Monday) and hour; cells without any are left out."""

    zone = serializers.CharField()
    days = serializers.IntegerField()
    cells = serializers.ListField(child=serializers.DictField(child=serializers.IntegerField()))
