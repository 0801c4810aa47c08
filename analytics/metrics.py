"""Every figure we show, with the sentence that says what it means: the one place that console, API and reports read.

A metric is either an amount or a rate. A rate knows its denominator, and so how sure it is (intervals.py).
"""

from analytics.counts import CONFIRMED, Counts
from analytics.intervals import Rate
from core.registry import Registry
from events import names


class Metric:
    """One figure. `formula` is its definition in short, in the words of the other metrics."""

    key: str
    label: str
    definition: str
    formula: str
    is_rate = False
    is_better_high: bool | None = True  # None: neither; False: the lower the better

    def of(self, counts: Counts) -> int | Rate | None:
        """Its value; None where nobody reports what it needs."""
        raise NotImplementedError


class RateMetric(Metric):
    is_rate = True

    def of(self, counts: Counts) -> Rate:
        raise NotImplementedError

    def of_what(self, counts: Counts) -> str:
        """The denominator in a word or two, as in “4.0% of delivered”."""
        return "delivered" if counts.is_confirmed else "sent"


REACHED = f"delivered, where the provider confirms {CONFIRMED:.0%} or more of what it took over; else of those sent"
metrics: Registry[Metric] = Registry("metric")


def rates() -> list[RateMetric]:
    return [metric for metric in metrics.values() if isinstance(metric, RateMetric)]


def amount(key: str, counts: Counts) -> int:
    """The value of a metric that is an amount; zero where nobody reports it."""
    value = metrics[key].of(counts)
    if isinstance(value, Rate):
        raise TypeError(f"{key} is a rate")
    return value or 0


def rate(key: str, counts: Counts) -> Rate:
    """The value of a metric that is a rate."""
    value = metrics[key].of(counts)
    if not isinstance(value, Rate):
        raise TypeError(f"{key} is an amount")
    return value


@metrics.register
class Planned(Metric):
    key = "planned"
    label = "Audience"
    definition = "Everyone the segments named when the run was planned, whether or not they could be written to."
    formula = "rows in the send ledger"
    is_better_high = None

    def of(self, counts: Counts) -> int:
        return counts.planned


@metrics.register
class Sent(Metric):
    key = "sent"
    label = "Sent"
    definition = "Messages that the mail relay or provider took over and did not return."
    formula = "sent + delivered in the ledger"

    def of(self, counts: Counts) -> int:
        return counts.sent


@metrics.register
class Delivered(Metric):
    key = "delivered"
    label = "Delivered"
    definition = "Messages whose arrival the provider confirmed. Plain SMTP never confirms; then this stays unknown."
    formula = "delivered in the ledger"

    def of(self, counts: Counts) -> int | None:
        return counts.delivered


@metrics.register
class Skipped(Metric):
    key = "skipped"
    label = "Not sent"
    definition = "People in the audience who were not written to, each with a reason such as no consent."
    formula = "skipped + cancelled in the ledger"
    is_better_high = False

    def of(self, counts: Counts) -> int:
        return counts.in_state("skipped", "cancelled")


@metrics.register
class Opened(Metric):
    key = "opened"
    label = "Opened"
    definition = (
        "Messages that a person opened, each counted once. Images loaded by scanners and by mail clients ahead of "
        "time are left out. People who block images are missed, so the true number is higher."
    )
    formula = "messages with an open labelled human"

    def of(self, counts: Counts) -> int:
        return counts.people(names.OPENED)


@metrics.register
class OpenedAny(Metric):
    key = "opened_any"
    label = "Opened, machines included"
    definition = "Messages opened by anyone or anything, each counted once; what most other tools show as opens."
    formula = "messages with any open"
    is_better_high = None

    def of(self, counts: Counts) -> int:
        return counts.anyone(names.OPENED)


@metrics.register
class Clicked(Metric):
    key = "clicked"
    label = "Clicked"
    definition = "Messages in which a person followed at least one link, each counted once. Link scanners are left out."
    formula = "messages with a click labelled human"

    def of(self, counts: Counts) -> int:
        return counts.people(names.CLICKED)


@metrics.register
class ClickedAny(Metric):
    key = "clicked_any"
    label = "Clicked, machines included"
    definition = "Messages in which anyone or anything followed a link, each counted once."
    formula = "messages with any click"
    is_better_high = None

    def of(self, counts: Counts) -> int:
        return counts.anyone(names.CLICKED)


@metrics.register
class Unsubscribed(Metric):
    key = "unsubscribed"
    label = "Unsubscribed"
    definition = "Messages through which someone withdrew their consent, each counted once."
    formula = "messages with an unsubscribe"
    is_better_high = False

    def of(self, counts: Counts) -> int:
        return counts.anyone(names.UNSUBSCRIBED)


@metrics.register
class Bounced(Metric):
    key = "bounced"
    label = "Bounced"
    definition = "Messages that the receiving side refused for good. Their addresses are suppressed."
    formula = "failed because bounced in the ledger"
    is_better_high = False

    def of(self, counts: Counts) -> int:
        return counts.bounced


@metrics.register
class Failed(Metric):
    key = "failed"
    label = "Failed"
    definition = "Messages that could not be sent for any other reason than a bounce."
    formula = "failed in the ledger - bounced"
    is_better_high = False

    def of(self, counts: Counts) -> int:
        return counts.in_state("failed") - counts.bounced


@metrics.register
class Unknown(Metric):
    key = "unknown"
    label = "Unknown"
    definition = (
        "Messages handed over whose answer was never recorded: the connection broke or a worker ended. They may have "
        "arrived, so they are never sent again by themselves."
    )
    formula = "unknown in the ledger"
    is_better_high = False

    def of(self, counts: Counts) -> int:
        return counts.in_state("unknown")


@metrics.register
class Complained(Metric):
    key = "complained"
    label = "Complained"
    definition = "Messages that someone reported as spam, where the mailbox provider tells us."
    formula = "messages with a complaint"
    is_better_high = False

    def of(self, counts: Counts) -> int:
        return counts.anyone(names.COMPLAINED)


@metrics.register
class OpenRate(RateMetric):
    key = "open_rate"
    label = "Open rate"
    definition = f"The share of messages that a person opened, of those {REACHED}."
    formula = "opened / delivered, else opened / sent"

    def of(self, counts: Counts) -> Rate:
        return Rate(counts.people(names.OPENED), counts.reached)


@metrics.register
class ClickRate(RateMetric):
    key = "click_rate"
    label = "Click rate (CTR)"
    definition = f"The share of messages in which a person clicked, of those {REACHED}."
    formula = "clicked / delivered, else clicked / sent"

    def of(self, counts: Counts) -> Rate:
        return Rate(counts.people(names.CLICKED), counts.reached)


@metrics.register
class ClickToOpenRate(RateMetric):
    key = "click_to_open_rate"
    label = "Click-to-open rate (CTOR)"
    definition = (
        "Of the messages that a person opened, the share in which they clicked. A click without an open (images "
        "blocked) counts as both."
    )
    formula = "clicked / max(opened, clicked)"

    def of(self, counts: Counts) -> Rate:
        clicked = counts.people(names.CLICKED)
        return Rate(clicked, max(counts.people(names.OPENED), clicked))

    def of_what(self, counts: Counts) -> str:
        return "opened"


@metrics.register
class UnsubscribeRate(RateMetric):
    key = "unsubscribe_rate"
    label = "Unsubscribe rate"
    definition = f"The share of messages through which someone unsubscribed, of those {REACHED}."
    formula = "unsubscribed / delivered, else unsubscribed / sent"
    is_better_high = False

    def of(self, counts: Counts) -> Rate:
        return Rate(counts.anyone(names.UNSUBSCRIBED), counts.reached)


@metrics.register
class BounceRate(RateMetric):
    key = "bounce_rate"
    label = "Bounce rate"
    definition = "Of all messages we tried to hand over, the share that the receiving side refused for good."
    formula = "bounced / (sent + delivered + failed + unknown)"
    is_better_high = False

    def of(self, counts: Counts) -> Rate:
        return Rate(counts.bounced, counts.attempted)

    def of_what(self, counts: Counts) -> str:
        return "attempts"


@metrics.register
class ComplaintRate(RateMetric):
    key = "complaint_rate"
    label = "Complaint rate"
    definition = f"The share of messages reported as spam, of those {REACHED}."
    formula = "complained / delivered, else complained / sent"
    is_better_high = False

    def of(self, counts: Counts) -> Rate:
        return Rate(counts.anyone(names.COMPLAINED), counts.reached)
