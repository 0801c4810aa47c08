"""Why people in an audience got nothing, or perhaps nothing, in plain words: the ledger's reasons with their labels."""

from analytics.counts import Counts
from delivery import why
from delivery.models import Message

State = Message.State
# What people are told of each state, in the words of the figures with the same names (metrics.py).
OUTCOMES = {
    State.SKIPPED: "Not sent",
    State.CANCELLED: "Not sent",
    State.FAILED: "Failed",
    State.UNKNOWN: "Unknown",
}


def not_sent(counts: Counts) -> list[dict[str, object]]:
    """By state and reason, the commonest first; `outcome` tells apart who was left out and who may have got it."""
    return [
        {
            "state": state,
            "outcome": outcome(state, reason),
            "reason": reason,
            "label": why.reason_label(reason) or State(state).label,
            "explanation": why.reason_text(reason),
            "count": count,
        }
        for (state, reason), count in counts.by_reason.most_common()
        if state in OUTCOMES and count
    ]


def outcome(state: str, reason: str) -> str:
    """What became of a message, in a word or two; a bounce is a failure with a name and a figure of its own."""
    is_bounce = state == State.FAILED and reason == "bounced"
    return "Bounced" if is_bounce else OUTCOMES[State(state)]
