"""What waits to be sent: by run, and by the account that carries it. Small partial indexes answer all of it."""

from typing import Any

from django.db.models import Count, Q

from analytics import counts
from delivery.models import Account, Message, Run

State = Message.State
IN_HAND = (State.QUEUED, State.SENDING)


def runs() -> list[dict[str, Any]]:
    """Runs that are not over, with what the ledger holds for each."""
    rows = list(Run.objects.exclude(status__in=Run.OVER).select_related("campaign").order_by("id"))
    retries = dict(
        Message.objects.filter(run__in=rows, state=State.PLANNED, reason__in=["retry", "account_refused"])
        .order_by()
        .values_list("run_id")
        .annotate(Count("id"))
    )
    return [_of_run(row, retries.get(row.pk, 0)) for row in rows]


def _of_run(run: Run, retrying: int) -> dict[str, Any]:
    found = counts.Counts(counts.of_run(run))
    pace = counts.per_minute(run.pk)
    campaign = run.campaign
    return {
        "campaign": {"id": campaign.uuid, "name": campaign.name, "status": campaign.status},
        "planned": found.in_state(State.PLANNED),
        "in_hand": found.in_state(*IN_HAND),
        "retrying": retrying,
        "unknown": found.in_state(State.UNKNOWN),
        "per_minute": round(pace) if pace is not None else None,
    }


def accounts() -> list[dict[str, Any]]:
    busy = dict(
        Message.objects.filter(Q(state__in=IN_HAND), account__isnull=False)
        .order_by()
        .values_list("account_id")
        .annotate(Count("id"))
    )
    return [
        {
            "account": row.name, "channel": row.channel, "provider": row.provider, "in_hand": busy.get(row.pk, 0),
            "failing_since": row.failing_since, "failure": row.failure, "retry_at": row.retry_at,
        }
        for row in Account.objects.all()
    ]  # fmt: skip
