"""What happened to the messages of campaigns, in plain counts: states from the ledger, answers from hourly counts."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from django.core.cache import cache
from django.db.models import Count, Sum

from analytics import rollup
from analytics.models import Rollup
from delivery import ledger, live
from delivery.live import Live
from delivery.models import Message, Run
from events import names

State = Message.State
SETTLED_SECONDS = 60
Reasons = Counter[tuple[str, str]]  # (state, reason) -> ledger rows
HUMAN = "human"
# The share of what was handed over whose arrival must be confirmed before the rates are of the delivered: changing over
# moves a rate by no more than a twentieth of itself, while the first of a thousand confirmations changes nothing.
CONFIRMED = 0.95


@dataclass(frozen=True)
class Counts:
    """Messages of one campaign, or of one of its variants. Everything else is made from these (metrics.py)."""

    by_reason: Reasons = field(default_factory=Counter)
    answers: Counter[tuple[str, str]] = field(default_factory=Counter)  # (event name, label) -> messages, each once
    totals: Counter[tuple[str, str]] = field(default_factory=Counter)  # (event name, label) -> events

    def in_state(self, *states: str) -> int:
        return sum(count for (state, _), count in self.by_reason.items() if state in states)

    @property
    def planned(self) -> int:
        return self.by_reason.total()

    @property
    def waiting(self) -> int:
        return self.in_state(*ledger.OPEN)

    @property
    def sent(self) -> int:
        """Taken over by the relay and not returned: a late bounce moves its row from `sent` to `failed`."""
        return self.in_state(State.SENT, State.DELIVERED)

    @property
    def delivered(self) -> int | None:
        """Confirmed arrivals; None where nobody reports them (plain SMTP never does)."""
        return self.in_state(State.DELIVERED) or None

    @property
    def is_confirmed(self) -> bool:
        """Whether the provider confirms so many arrivals that those it doesn't confirm may be taken as not arrived."""
        return self.sent > 0 and self.in_state(State.DELIVERED) >= CONFIRMED * self.sent

    @property
    def reached(self) -> int:
        """What answers are a share of: arrivals where nearly all of them are confirmed, else all that was handed over.

        What was opened or clicked has arrived, whether or not the provider confirmed it.
        """
        if not self.is_confirmed:
            return self.sent
        return max(self.in_state(State.DELIVERED), self.anyone(names.OPENED), self.anyone(names.CLICKED))

    @property
    def attempted(self) -> int:
        return self.in_state(State.SENT, State.DELIVERED, State.FAILED, State.UNKNOWN)

    @property
    def bounced(self) -> int:
        return self.by_reason[State.FAILED, "bounced"]

    def people(self, name: str) -> int:
        """Messages to which a person answered like this, each counted once."""
        return self.answers[name, HUMAN]

    def anyone(self, name: str) -> int:
        """The same with scanners and mail clients that load ahead."""
        return self.answers[name, rollup.ANY]


NOTHING = Counts()


def of_campaigns(campaign_ids: Iterable[int]) -> dict[int, Counts]:
    """Counts by campaign, for any number of them in a fixed number of queries (one more for each run under way)."""
    wanted = list(campaign_ids)
    reasons = ledger_counts(wanted)
    answers, totals = _answers(wanted, by="campaign_id")
    return {campaign: Counts(reasons[campaign], answers[campaign], totals[campaign]) for campaign in wanted}


def of_variants(campaign_id: int) -> dict[int, Counts]:
    """Counts by variant of one campaign."""
    reasons = _ledger_by_variant(campaign_id)
    answers, totals = _answers([campaign_id], by="variant_id")
    return {variant: Counts(reasons[variant], answers[variant], totals[variant]) for variant in reasons}


def ledger_counts(campaign_ids: Iterable[int]) -> defaultdict[int, Reasons]:
    """Ledger rows by campaign, state and reason: kept with a finished run, counted at most every 2 s for another."""
    counts: defaultdict[int, Reasons] = defaultdict(Counter)
    for run in Run.objects.filter(campaign__in=list(campaign_ids)).only("status", "final_counts", "campaign_id"):
        counts[run.campaign_id].update(of_run(run))
    return counts


def of_run(run: Run) -> Reasons:
    """Ledger rows of one run by state and reason."""
    if run.status in Run.OVER and run.final_counts:
        return parsed(run.final_counts)
    counted = live.of(run.pk)
    _note_pace(run.pk, counted)
    return parsed(counted.counts)


def parsed(counts: Mapping[str, int]) -> Reasons:
    """{"skipped|no_consent": 3} as a Counter of pairs."""
    return Counter({(key.partition("|")[0], key.partition("|")[2]): count for key, count in counts.items()})


# How fast a run goes, from what the last minute's counts said. It lives in the cache: losing it costs a minute.
PACE_SECONDS = 60


def _note_pace(run_id: int, counted: Live) -> None:
    points = [point for point in cache.get(f"figures:pace:{run_id}", []) if point[0] > counted.at - PACE_SECONDS]
    if points and points[-1][0] >= counted.at:
        return  # somebody noted this very count
    done = sum(count for key, count in counted.counts.items() if key.partition("|")[0] not in ledger.OPEN)
    cache.set(f"figures:pace:{run_id}", [*points, (counted.at, done)], PACE_SECONDS)


def per_minute(run_id: int) -> float | None:
    """Ledger rows settled per minute over the last minute; None until two looks at least two seconds apart."""
    points = cache.get(f"figures:pace:{run_id}", [])
    if len(points) < 2 or points[-1][0] - points[0][0] < live.SECONDS:
        return None
    (since, before), (until, after) = points[0], points[-1]
    return float((after - before) / (until - since) * 60)


def _answers(campaigns: list[int], *, by: str) -> tuple[defaultdict[int, Counter], defaultdict[int, Counter]]:
    rows = (
        Rollup.objects.filter(campaign_id__in=campaigns)
        .values(by, "name", "label")
        .annotate(messages=Sum("unique_count"), events=Sum("count"))
    )
    answers: defaultdict[int, Counter] = defaultdict(Counter)
    totals: defaultdict[int, Counter] = defaultdict(Counter)
    for row in rows:
        answers[row[by]][row["name"], row["label"]] = row["messages"]
        totals[row[by]][row["name"], row["label"]] = row["events"]
    return answers, totals


def _ledger_by_variant(campaign_id: int) -> dict[int, Reasons]:
    """Runs keep no final counts by variant, so this counts a million rows: once a minute at most, live every 2 s."""
    key = f"figures:variants:{campaign_id}"
    kept = cache.get(key)
    if kept is None:
        runs = list(Run.objects.filter(campaign=campaign_id).values_list("id", "status"))
        rows = Message.objects.filter(run__in=[run for run, _ in runs]).order_by()
        kept = list(rows.values_list("variant_id", "state", "reason").annotate(Count("id")))
        is_over = all(status in Run.OVER for _, status in runs)
        cache.set(key, kept, SETTLED_SECONDS if is_over else live.SECONDS)
    counts: defaultdict[int, Reasons] = defaultdict(Counter)
    for variant, state, reason, count in kept:
        counts[variant][state, reason] += count
    return counts
