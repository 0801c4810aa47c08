"""What goes on across campaigns: for the home page and the dashboard's part of the API.

Nothing here counts a big table on each look: sizes of people come from the planner's estimate or a kept count.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.core.cache import cache
from django.db import connection
from django.db.models import Count, QuerySet, Sum
from django.db.models.functions import ExtractHour, ExtractIsoWeekDay, TruncDate
from django.utils import timezone

from analytics import counts, metrics
from analytics.counts import Counts
from analytics.figures import SERIES, compare, described, progress
from analytics.intervals import Rate
from analytics.models import Rollup
from campaigns.models import Campaign, Sender
from contacts.channels import channels
from contacts.models import ConsentState, Contact, Suppression
from delivery.models import Account, Run
from events import names
from segments.models import Segment
from templates_app.models import Template

Status = Campaign.Status
KEPT_SECONDS = 600
EXACT_UP_TO = 100_000  # a count of so many rows is over before anyone notices
DAYS = 30
MOST = 500  # campaigns looked at for rankings and sums
Points = list[dict[str, Any]]


@dataclass(frozen=True)
class Line:
    """A campaign in a list, with its counts."""

    campaign: Campaign
    counts: Counts
    compared: dict[str, Any] | None = field(default=None, kw_only=True)

    def rates(self) -> dict[str, Rate]:
        return {metric.key: metric.of(self.counts) for metric in metrics.rates()}


@dataclass(frozen=True)
class Underway(Line):
    """A campaign that is going out now."""

    progress: dict[str, Any]

    @property
    def percent(self) -> float:
        planned = self.progress["planned"]
        return float(100 * self.progress["done"] / planned) if planned else 0.0


@dataclass(frozen=True)
class People:
    contacts: int
    is_estimate: bool
    consenting: int
    suppressed: int
    new_count: int


def underway() -> list[Underway]:
    """What is sending or paused, the newest first."""
    rows = Campaign.objects.present().filter(status__in=[Status.SENDING, Status.PAUSED])[:20]
    runs: defaultdict[int, list[Run]] = defaultdict(list)
    for run in Run.objects.filter(campaign__in=rows).order_by("id"):
        runs[run.campaign_id].append(run)
    return [
        Underway(line.campaign, line.counts, progress(line.campaign, line.counts, runs[line.campaign.pk]))
        for line in with_counts(rows)
    ]


def waiting_for_approval() -> QuerySet[Campaign]:
    return (
        Campaign.objects.present().filter(status=Status.IN_REVIEW).select_related("created_by").order_by("updated_at")
    )


def scheduled_next() -> QuerySet[Campaign]:
    return Campaign.objects.present().filter(status=Status.SCHEDULED).order_by("planned_at")


def last_finished(limit: int = 6) -> list[Line]:
    return with_counts(
        Campaign.objects.filter(status=Status.FINISHED, deleted_at=None).order_by("-finished_at")[:limit]
    )


def with_counts(campaigns: Iterable[Campaign]) -> list[Line]:
    rows = list(campaigns)
    found = counts.of_campaigns(row.pk for row in rows)
    return [Line(row, found[row.pk]) for row in rows]


def compared(campaigns: Iterable[Campaign], metric: str) -> list[Line]:
    """The campaigns, each but the first with what its rate differs from that of the first."""
    first, *others = with_counts(campaigns)
    base = metrics.rate(metric, first.counts)
    return [first, *(replace(line, compared=compare(metrics.rate(metric, line.counts), base)) for line in others)]


def top_performing(metric: str, *, days: int) -> list[Line]:
    """Campaigns finished in the last `days`, best first, judged by the bound that is least in their favour."""
    since = timezone.now() - timedelta(days=days)
    rows = Campaign.objects.filter(status=Status.FINISHED, deleted_at=None, finished_at__gte=since)
    lines = [
        line
        for line in with_counts(rows.order_by("-finished_at")[:MOST])
        if metrics.rate(metric, line.counts).is_enough
    ]
    is_better_high = metrics.metrics[metric].is_better_high

    def bound(line: Line) -> float:
        low, high = metrics.rate(metric, line.counts).interval or (0.0, 1.0)
        return -low if is_better_high else high

    return sorted(lines, key=bound)


def started_within(days: int) -> list[Campaign]:
    since = timezone.now() - timedelta(days=days)
    return list(Campaign.objects.filter(deleted_at=None, runs__opened_at__gte=since).distinct().order_by("-id")[:MOST])


def by_channel(campaigns: Iterable[Campaign]) -> list[dict[str, Any]]:
    """The campaigns' counts put together by channel, as metrics."""
    lines: defaultdict[str, list[Line]] = defaultdict(list)
    for line in with_counts(campaigns):
        lines[line.campaign.channel].append(line)
    return [
        {
            "channel": key,
            "label": channels[key].label if key in channels else key,
            "campaigns": len(own),
            "metrics": [described(metric, _sum(own)) for metric in metrics.metrics.values()],
        }
        for key, own in lines.items()
    ]


def _sum(lines: list[Line]) -> Counts:
    whole = Counts()
    for line in lines:
        whole.by_reason.update(line.counts.by_reason)
        whole.answers.update(line.counts.answers)
        whole.totals.update(line.counts.totals)
    return whole


def by_weekday_and_hour(zone: ZoneInfo, days: int) -> list[dict[str, int]]:
    """People's first opens and clicks by weekday (1 is Monday) and hour in `zone`."""
    rows = (
        Rollup.objects.filter(hour__gte=timezone.now() - timedelta(days=days), label=counts.HUMAN)
        .filter(name__in=[names.OPENED, names.CLICKED])
        .annotate(weekday=ExtractIsoWeekDay("hour", tzinfo=zone), of_day=ExtractHour("hour", tzinfo=zone))
        .values("weekday", "of_day", "name")
        .annotate(messages=Sum("unique_count"))
    )
    cells: defaultdict[tuple[int, int], dict[str, int]] = defaultdict(lambda: {"opened": 0, "clicked": 0})
    for row in rows:
        key = "opened" if row["name"] == names.OPENED else "clicked"
        cells[row["weekday"], row["of_day"]][key] = row["messages"]
    return [{"weekday": weekday, "hour": hour, **found} for (weekday, hour), found in sorted(cells.items())]


def people() -> People:
    total, is_estimate = _size_of_contacts()
    return People(
        contacts=total,
        is_estimate=is_estimate,
        consenting=_kept("consenting", lambda: ConsentState.objects.filter(topic="", is_granted=True)
                         .aggregate(n=Count("contact", distinct=True))["n"]),
        suppressed=_kept("suppressed", Suppression.objects.count),
        new_count=_kept("new", Contact.objects.filter(created_at__gte=timezone.now() - timedelta(days=DAYS)).count),
    )  # fmt: skip


def answers_by_day(days: int = DAYS) -> Points:
    """Sent, opened, clicked and unsubscribed per day (UTC), today included, days without any too."""
    first = (timezone.now() - timedelta(days=days - 1)).astimezone(UTC).date()
    points: dict[str, dict[str, Any]] = {}
    for step in range(days):
        day = (first + timedelta(days=step)).isoformat()
        points[day] = {"at": day, **dict.fromkeys(SERIES, 0)}
    rows = (
        Rollup.objects.filter(hour__gte=datetime(first.year, first.month, first.day, tzinfo=UTC))
        .annotate(day=TruncDate("hour", tzinfo=UTC))
        .values("day", "name", "label")
        .annotate(messages=Sum("unique_count"))
    )
    keys = {pair: key for key, pair in SERIES.items()}
    for row in rows:
        if (key := keys.get((row["name"], row["label"]))) and (point := points.get(row["day"].isoformat())):
            point[key] = row["messages"]
    return list(points.values())


def troubled_accounts() -> QuerySet[Account]:
    return Account.objects.filter(failing_since__isnull=False)


@dataclass(frozen=True)
class Step:
    """One thing a new installation needs, and where to do it."""

    title: str
    text: str
    url_name: str
    permission: str
    is_done: bool


def first_steps() -> list[Step]:
    """From an empty console to the first campaign; empty once one has gone out."""
    if Run.objects.exists():
        return []
    return [
        Step("Bring your contacts in", "Upload a CSV or Excel file, or add people by hand.",
             "admin:contacts_importjob_changelist", "contacts.view_importjob", Contact.objects.exists()),
        Step("Say who a message is from", "A sender has a name, an address and your postal address.",
             "admin:campaigns_sender_changelist", "campaigns.view_sender", Sender.objects.exists()),
        Step("Connect a sender account", "Until you do, mail lands in the sandbox mailbox and reaches nobody.",
             "admin:delivery_account_changelist", "delivery.view_account",
             Account.objects.exclude(provider="sandbox").exists()),
        Step("Define a segment", "Who should get it: everyone, or people who share something.",
             "admin:segments_segment_changelist", "segments.view_segment", Segment.objects.exists()),
        Step("Write and publish a template", "What it says, with a preview for any contact.",
             "admin:templates_app_template_changelist", "templates_app.view_template",
             Template.objects.exclude(current_version=None).exists()),
        Step("Plan your first campaign", "Who gets what and when; someone else approves it.",
             "admin:campaigns_campaign_changelist", "campaigns.view_campaign", Campaign.objects.exists()),
    ]  # fmt: skip


def _size_of_contacts() -> tuple[int, bool]:
    """The planner's estimate for a big table, which autovacuum keeps; an exact count of a small one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE oid = 'contacts_contact'::regclass")
        estimate = int(cursor.fetchone()[0])
    if estimate > EXACT_UP_TO:
        return estimate, True
    return _kept("contacts", Contact.objects.reachable().count, seconds=15), False


def _kept(name: str, count: Callable[[], int], seconds: int = KEPT_SECONDS) -> int:
    return int(cache.get_or_set(f"overview:{name}", count, seconds) or 0)
