"""Figures in the API: a campaign's, several campaigns side by side, and the dashboard's."""

import zoneinfo
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import re_path
from django.utils import timezone
from django.utils.text import slugify
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from analytics import figures, metrics, overview, queue
from analytics import serializers as shapes
from analytics.counts import Counts
from analytics.reports import campaign as campaign_report
from analytics.reports import formats
from campaigns import schedule
from campaigns.models import Campaign
from campaigns.requests import user_of
from core.api import CursorPages

RATES = [metric.key for metric in metrics.rates()]
MOST_DAYS = 366


class _Figures(APIView):
    scopes = {"read": "campaigns:read", "write": "campaigns:read"}
    permission = "campaigns.view_campaign"

    def campaign(self) -> Campaign:
        return get_object_or_404(Campaign, uuid=self.kwargs["id"], deleted_at=None)


class Stats(_Figures):
    @extend_schema(responses=shapes.StatsSerializer)
    def get(self, request: Request, id: UUID) -> Response:
        """Live counters and rates of a campaign."""
        return Response(shapes.StatsSerializer(figures.figures(self.campaign())).data)


class Analytics(_Figures):
    @extend_schema(responses=shapes.AnalyticsSerializer)
    def get(self, request: Request, id: UUID) -> Response:
        """Answers of people over time, and the links they followed."""
        return Response(shapes.AnalyticsSerializer(figures.figures(self.campaign())).data)


class Metrics(_Figures):
    @extend_schema(responses=shapes.MetricSerializer(many=True))
    def get(self, request: Request, id: UUID) -> Response:
        """Every metric with its definition, formula and value."""
        return Response(shapes.MetricSerializer(figures.figures(self.campaign()).metrics, many=True).data)


class Funnel(_Figures):
    STAGES = ("planned", "sent", "opened", "clicked")

    @extend_schema(responses=shapes.StageSerializer(many=True))
    def get(self, request: Request, id: UUID) -> Response:
        """From the audience to the click. Clicks count as opens here: whoever clicked has opened."""
        [line] = overview.with_counts([self.campaign()])
        return Response(shapes.StageSerializer(self._stages(line.counts), many=True).data)

    def _stages(self, counts: Counts) -> list[dict[str, Any]]:
        found = {key: metrics.amount(key, counts) for key in self.STAGES}
        found["opened"] = max(found["opened"], found["clicked"])
        stages, before = [], None
        for key, count in found.items():
            metric = metrics.metrics[key]
            share: float | None = count / before if before else None
            stages.append(
                {"key": key, "label": metric.label, "definition": metric.definition, "count": count,
                 "share_of_previous": share, "lost": max(0, (before or 0) - count)}
            )  # fmt: skip
            before = count
        return stages


class Platforms(_Figures):
    @extend_schema(responses=shapes.PlatformsSerializer)
    def get(self, request: Request, id: UUID) -> Response:
        """By channel and by variant; each variant's click rate is tested against the first one's."""
        campaign = self.campaign()
        found = {"channels": overview.by_channel([campaign]), "variants": figures.variants(campaign)}
        return Response(shapes.PlatformsSerializer(found).data)


class _AnyFormat(BaseContentNegotiation):
    """`format` is ours to read here, not the framework's way of choosing a renderer."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


class Report(_Figures):
    content_negotiation_class = _AnyFormat

    @extend_schema(
        parameters=[OpenApiParameter("format", str, enum=["json", *formats.WRITERS], default="json")],
        responses={(200, "application/json"): OpenApiTypes.OBJECT, (200, formats.XLSX): OpenApiTypes.BINARY,
                   (200, "text/csv"): OpenApiTypes.STR, (200, formats.PDF): OpenApiTypes.BINARY},
    )  # fmt: skip
    def get(self, request: Request, id: UUID) -> Response | HttpResponse:
        """Everything known of a campaign as a file."""
        wanted = request.query_params.get("format", "json")
        campaign = self.campaign()
        found = figures.figures(campaign)
        if wanted == "json":
            return Response(found.as_json())
        if wanted not in formats.WRITERS:
            raise serializers.ValidationError({"format": [f"One of json, {', '.join(formats.WRITERS)}."]})
        media_type, write = formats.WRITERS[wanted]
        subtitle = f"{campaign.get_status_display()}, as of {timezone.now():%Y-%m-%d %H:%M} UTC"
        body = write(campaign.name, subtitle, campaign_report.tables(found))
        name = f"{slugify(campaign.name)[:60] or 'campaign'}.{wanted}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
        return HttpResponse(body, content_type=media_type, headers=headers)


class Compare(_Figures):
    @extend_schema(request=shapes.CampaignComparisonBodySerializer, responses=shapes.CampaignComparisonSerializer)
    def post(self, request: Request) -> Response:
        """Several campaigns side by side; each one's rate is tested against that of the first."""
        asked = shapes.CampaignComparisonBodySerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        metric = metrics.metrics[asked.validated_data["metric"]]
        rows = [get_object_or_404(Campaign, uuid=uuid, deleted_at=None) for uuid in asked.validated_data["campaigns"]]
        lines = [line_json(line) for line in overview.compared(rows, asked.validated_data["metric"])]
        caution = "Different audiences and days: a difference shown here need not come from what was said."
        told = {"metric": metric.key, "definition": metric.definition, "campaigns": lines, "caution": caution}
        return Response(shapes.CampaignComparisonSerializer(told).data)


def line_json(line: overview.Line) -> dict[str, Any]:
    campaign = {"id": line.campaign.uuid, "name": line.campaign.name, "status": line.campaign.status}
    rates = {key: figures.rate_json(rate) for key, rate in line.rates().items()}
    return {"campaign": campaign, "sent": line.counts.sent, "rates": rates, "compared": line.compared}


class TopPerforming(_Figures):
    @extend_schema(
        parameters=[
            OpenApiParameter("metric", str, enum=RATES, default="click_rate"),
            OpenApiParameter("days", int, default=90), OpenApiParameter("limit", int, default=10),
        ],
        responses=shapes.LineSerializer(many=True),
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Finished campaigns ranked by the end of the metric's interval that is least in their favour.

        So a small campaign with a lucky rate does not lead; those with too few people are left out.
        """
        metric = request.query_params.get("metric", "click_rate")
        if metric not in RATES:
            raise serializers.ValidationError({"metric": [f"One of {', '.join(RATES)}."]})
        days, limit = whole_number(request, "days", 90, MOST_DAYS), whole_number(request, "limit", 10, 100)
        lines = overview.top_performing(metric, days=days)[:limit]
        return Response(shapes.LineSerializer([line_json(line) for line in lines], many=True).data)


class Overview(_Figures):
    @extend_schema(responses=shapes.OverviewSerializer)
    def get(self, request: Request) -> Response:
        """What the console's home page shows."""
        return Response(shapes.OverviewSerializer({
            "people": overview.people(),
            "underway": [{"campaign": name_json(line.campaign), "progress": line.progress}
                         for line in overview.underway()],
            "waiting_for_approval": [name_json(row) for row in overview.waiting_for_approval()[:20]],
            "scheduled": [name_json(row) for row in overview.scheduled_next()[:20]],
            "finished": [line_json(line) for line in overview.last_finished()],
            "days": overview.answers_by_day(),
        }).data)  # fmt: skip


def name_json(campaign: Campaign) -> dict[str, Any]:
    return {"id": campaign.uuid, "name": campaign.name, "status": campaign.status}


class ByCampaign(_Figures, generics.ListAPIView):
    """Campaigns that have started, the newest first, with their rates."""

    serializer_class = shapes.LineSerializer
    pagination_class = CursorPages
    queryset = Campaign.objects.filter(deleted_at=None, runs__isnull=False).distinct()

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        rows = self.paginate_queryset(self.get_queryset()) or []
        return self.get_paginated_response([line_json(line) for line in overview.with_counts(rows)])


class Channels(_Figures):
    @extend_schema(
        parameters=[OpenApiParameter("days", int, default=30)], responses=shapes.ChannelSerializer(many=True)
    )
    def get(self, request: Request) -> Response:
        """Campaigns that started in the last days, by channel."""
        rows = overview.started_within(whole_number(request, "days", 30, MOST_DAYS))
        return Response(shapes.ChannelSerializer(overview.by_channel(rows), many=True).data)


class Queue(_Figures):
    permission = "delivery.view_account"

    @extend_schema(responses=shapes.DeliveryQueueSerializer)
    def get(self, request: Request) -> Response:
        """What waits to be sent, how fast it goes, and which sender accounts refuse."""
        return Response(shapes.DeliveryQueueSerializer({"runs": queue.runs(), "accounts": queue.accounts()}).data)


class Engagement(_Figures):
    @extend_schema(
        parameters=[OpenApiParameter("zone", str, description="e.g. Europe/Berlin; yours by default"),
                    OpenApiParameter("days", int, default=90)],
        responses=shapes.EngagementSerializer,
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """When people open and click: by weekday and hour."""
        name = request.query_params.get("zone") or user_of(request).time_zone
        if name not in schedule.zone_names():
            raise serializers.ValidationError({"zone": ["Not a known time zone; for example Europe/Berlin."]})
        days = whole_number(request, "days", 90, MOST_DAYS)
        cells = overview.by_weekday_and_hour(zoneinfo.ZoneInfo(name), days)
        return Response(shapes.EngagementSerializer({"zone": name, "days": days, "cells": cells}).data)


def whole_number(request: Request, name: str, default: int, most: int) -> int:
    """A query parameter from 1 to `most`."""
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and len(text) < 7 and 1 <= int(text) <= most):
        raise serializers.ValidationError({name: [f"A whole number from 1 to {most}."]})
    return int(text)


_ONE = r"^campaigns/(?P<id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
urlpatterns = [
    re_path(rf"{_ONE}/stats/?$", Stats.as_view(), name="campaign-stats"),
    re_path(rf"{_ONE}/analytics/?$", Analytics.as_view(), name="campaign-analytics"),
    re_path(rf"{_ONE}/metrics/?$", Metrics.as_view(), name="campaign-metrics"),
    re_path(rf"{_ONE}/funnel/?$", Funnel.as_view(), name="campaign-funnel"),
    re_path(rf"{_ONE}/platforms/?$", Platforms.as_view(), name="campaign-platforms"),
    re_path(rf"{_ONE}/report/?$", Report.as_view(), name="campaign-report"),
    re_path(r"^campaigns/compare/?$", Compare.as_view(), name="campaign-compare"),
    re_path(r"^campaigns/top-performing/?$", TopPerforming.as_view(), name="campaign-top-performing"),
    re_path(r"^dashboard/overview/?$", Overview.as_view(), name="dashboard-overview"),
    re_path(r"^dashboard/campaigns/?$", ByCampaign.as_view(), name="dashboard-campaigns"),
    re_path(r"^dashboard/channels/?$", Channels.as_view(), name="dashboard-channels"),
    re_path(r"^dashboard/queue/?$", Queue.as_view(), name="dashboard-queue"),
    re_path(r"^dashboard/engagement/?$", Engagement.as_view(), name="dashboard-engagement"),
]
