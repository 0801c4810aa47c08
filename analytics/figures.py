"""The figures of one campaign, as its page and the API show them."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Sum
from django.utils import timezone

from analytics import counts, metrics, reasons, rollup
from analytics.counts import Counts
from analytics.intervals import ENOUGH, Rate, difference
from analytics.models import LinkRollup, Rollup
from campaigns.models import Campaign, Variant
from delivery.models import Run
from events import names, stream
from templates_app.models import Link

SERIES = {
    "sent": (names.MESSAGE_SENT, counts.HUMAN),
    "opened": (names.OPENED, counts.HUMAN),
    "clicked": (names.CLICKED, counts.HUMAN),
    "unsubscribed": (names.UNSUBSCRIBED, rollup.ANY),
}
MOST_HOURS = 24 * 7  # longer than this a chart of hours is a hedge; it shows days then
TOP_LINKS = 20
Status = Campaign.Status


@dataclass(frozen=True)
class Figures:
    campaign: dict[str, Any]
    progress: dict[str, Any]
    metrics: list[dict[str, Any]]
    not_sent: list[dict[str, object]]
    states: dict[str, int]
    series: dict[str, Any]
    variants: list[dict[str, Any]]
    links: list[dict[str, Any]]
    behind_seconds: int
    as_of: str
    zone: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def figures(campaign: Campaign) -> Figures:
    whole = counts.of_campaigns([campaign.pk])[campaign.pk]
    runs = list(Run.objects.filter(campaign=campaign).order_by("id"))
    return Figures(
        campaign={"id": str(campaign.uuid), "name": campaign.name, "status": campaign.status,
                  "status_label": campaign.get_status_display()},
        progress=progress(campaign, whole, runs),
        metrics=[described(metric, whole) for metric in metrics.metrics.values()],
        not_sent=reasons.not_sent(whole),
        states=_states(whole),
        series=series(campaign),
        variants=variants(campaign),
        links=links(campaign),
        behind_seconds=behind_seconds(),
        as_of=timezone.now().isoformat(),
        zone=timezone.get_current_timezone_name(),
    )  # fmt: skip


def described(metric: metrics.Metric, of: Counts) -> dict[str, Any]:
    """A metric with its definition and value, as JSON."""
    told = {"key": metric.key, "label": metric.label, "definition": metric.definition, "formula": metric.formula}
    if isinstance(metric, metrics.RateMetric):
        return told | rate_json(metric.of(of)) | {"of_what": metric.of_what(of)}
    return told | {"kind": "count", "value": metric.of(of)}


def rate_json(rate: Rate) -> dict[str, Any]:
    low, high = rate.interval or (None, None)
    return {
        "kind": "rate", "value": rate.value, "count": rate.count, "of": rate.of, "low": low, "high": high,
        "is_enough": rate.is_enough, "note": "" if rate.is_enough else f"Too few to say: under {ENOUGH}",
    }  # fmt: skip


def progress(campaign: Campaign, whole: Counts, runs: list[Run]) -> dict[str, Any]:
    """How far it is, how fast it goes and when it should end (None: can't be told)."""
    is_live = campaign.status == Status.SENDING
    pace = counts.per_minute(runs[-1].pk) if runs and is_live else None
    ends = timezone.now() + timedelta(minutes=whole.waiting / pace) if pace and whole.waiting else None
    return {
        "is_live": is_live,
        "is_paused": campaign.status == Status.PAUSED,
        "is_planning": bool(runs) and runs[-1].status == Run.Status.PLANNING,
        "planned": whole.planned,
        "done": whole.planned - whole.waiting,
        "waiting": whole.waiting,
        "per_minute": round(pace) if pace is not None else None,
        "ends_at": ends.isoformat() if ends else None,
        "started_at": _iso(runs[0].opened_at if runs else None),
        "finished_at": _iso(runs[-1].finished_at if runs else None),
    }


def series(campaign: Campaign) -> dict[str, Any]:
    """Answers over time, by hour while that is few enough points and by day (UTC) after."""
    rows = (
        Rollup.objects.filter(campaign_id=campaign.pk)
        .values("hour", "name", "label")
        .annotate(messages=Sum("unique_count"))
        .order_by("hour")
    )
    keys = {pair: key for key, pair in SERIES.items()}
    by_hour: defaultdict[datetime, dict[str, int]] = defaultdict(dict)
    for row in rows:
        if key := keys.get((row["name"], row["label"])):
            by_hour[row["hour"]][key] = row["messages"]
    if not by_hour:
        return {"step": "hour", "points": []}
    is_long = max(by_hour) - min(by_hour) > timedelta(hours=MOST_HOURS)
    return {"step": "day" if is_long else "hour", "points": list(_points(by_hour, by_day=is_long))}


def _points(by_hour: dict[datetime, dict[str, int]], *, by_day: bool) -> Iterator[dict[str, Any]]:
    """One point per step without gaps: nothing happened is a fact too."""
    step = timedelta(days=1) if by_day else timedelta(hours=1)
    sums: defaultdict[datetime, dict[str, int]] = defaultdict(lambda: dict.fromkeys(SERIES, 0))
    for hour, found in by_hour.items():
        moment = hour.astimezone(UTC)
        at = moment.replace(hour=0) if by_day else moment
        for key, count in found.items():
            sums[at][key] += count
    at, last = min(sums), max(sums)
    while at <= last:
        yield {"at": at.isoformat(), **sums[at]}
        at += step


def variants(campaign: Campaign) -> list[dict[str, Any]]:
    """Each variant with its rates, and what its click rate differs from the first one's."""
    rows = list(Variant.objects.filter(campaign=campaign).select_related("template", "version"))
    if len(rows) < 2:
        return []
    found = counts.of_variants(campaign.pk)
    first = metrics.ClickRate().of(found.get(rows[0].pk, counts.NOTHING))
    return [_variant(row, found.get(row.pk, counts.NOTHING), None if row is rows[0] else first) for row in rows]


def _variant(row: Variant, own: Counts, first: Rate | None) -> dict[str, Any]:
    told = {metric.key: rate_json(metric.of(own)) for metric in metrics.rates()}
    compared = compare(metrics.ClickRate().of(own), first) if first is not None else None
    return {
        "id": row.pk, "key": row.key, "template": row.template.name,
        "subject": row.version.subject if row.version else "",
        "sent": own.sent, "opened": own.people(names.OPENED), "clicked": own.people(names.CLICKED),
        "rates": told, "compared": compared,
    }  # fmt: skip


def compare(own: Rate, other: Rate) -> dict[str, Any]:
    """What the data say about two rates, in numbers and in a sentence that claims no more than they show."""
    gap = difference(own, other)
    if gap is None:
        return {"difference": None, "low": None, "high": None, "is_shown": False, "says": "Too few to say"}
    told = {"difference": gap.value, "low": gap.low, "high": gap.high, "is_shown": gap.is_shown}
    if not gap.is_shown:
        return told | {"says": "No difference shown"}
    return told | {"says": f"{'Higher' if gap.value > 0 else 'Lower'} by {abs(gap.value) * 100:.1f} points"}


def links(campaign: Campaign) -> list[dict[str, Any]]:
    """The links that people followed most."""
    rows = (
        LinkRollup.objects.filter(campaign_id=campaign.pk, label=counts.HUMAN)
        .values("link_id")
        .annotate(people=Sum("unique_count"), clicks=Sum("count"))
        .order_by("-people", "link_id")[:TOP_LINKS]
    )
    found = list(rows)
    texts = Link.objects.in_bulk([row["link_id"] for row in found])
    return [
        {
            "url": texts[row["link_id"]].url if row["link_id"] in texts else "(link no longer known)",
            "text": texts[row["link_id"]].text if row["link_id"] in texts else "",
            "people": row["people"],
            "clicks": row["clicks"],
        }
        for row in found
    ]


def behind_seconds() -> int:
    """How long the oldest event that is not counted yet has waited; zero when all are."""
    waiting_since = stream.oldest_unread(rollup.READER)
    return int((timezone.now() - waiting_since).total_seconds()) if waiting_since else 0


def _states(whole: Counts) -> dict[str, int]:
    sums: defaultdict[str, int] = defaultdict(int)
    for (state, _), count in whole.by_reason.items():
        sums[state] += count
    return dict(sums)


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
