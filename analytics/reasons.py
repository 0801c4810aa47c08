"""Why people in an audience got nothing, in plain words: the ledger's reasons with delivery's own labels."""

from analytics.counts import Counts
from delivery import why
from delivery.models import Message

NOT_SENT = (Message.State.SKIPPED, Message.State.CANCELLED, Message.State.FAILED, Message.State.UNKNOWN)


def not_sent(counts: Counts) -> list[dict[str, object]]:
    """By state and reason, the commonest first."""
    return [
        {
            "state": state,
            "reason": reason,
            "label": why.reason_label(reason) or Message.State(state).label,
            "explanation": why.reason_text(reason),
            "count": count,
        }
        for (state, reason), count in counts.by_reason.most_common()
        if state in NOT_SENT and count
    ]
