"""Plain words for why a message was not sent: the gate's own labels, and those of delivery's other reasons."""

from analytics.counts import Counts
from delivery import gate
from delivery.models import Message

_OTHER = {
    "bounced": "Bounced",
    "campaign_cancelled": "Campaign cancelled",
    "worker_died": "Worker ended while sending",
    "quarantined": "Set aside",
    "render_error": "Template error",
    "rejected": "Refused by the provider",
}
NOT_SENT = (Message.State.SKIPPED, Message.State.CANCELLED, Message.State.FAILED, Message.State.UNKNOWN)


def label(reason: str) -> str:
    check = gate.checks.get(reason)
    return check.label if check else _OTHER.get(reason) or reason.replace("_", " ").capitalize() or "No reason given"


def explanation(reason: str) -> str:
    check = gate.checks.get(reason)
    return check.explanation if check else ""


def not_sent(counts: Counts) -> list[dict[str, object]]:
    """Why people in the audience got nothing, the commonest reason first."""
    return [
        {"state": state, "reason": reason, "label": label(reason), "explanation": explanation(reason), "count": count}
        for (state, reason), count in counts.by_reason.most_common()
        if state in NOT_SENT and count
    ]
