"""Deciding what became of rows whose answer never came: an operator's word, after looking at the provider's own log."""

from django.db import transaction
from django.db.models import QuerySet

from core.errors import Refused
from delivery import ledger, outbox
from delivery.ledger import Ending
from delivery.models import Message, Run
from team.models import User

ALLOWED = (Message.State.SENT, Message.State.FAILED, Message.State.PLANNED)


def settle_unknown(messages: QuerySet[Message], *, state: str, by: User) -> int:
    """Move `unknown` rows to `state` (sent, failed, or planned to send again); returns how many moved.

    Raises Refused when a row is not unknown: everything else moves by itself or not at all. Sending again is for runs
    that still send: a run that is over is never taken up again, so its row would stay planned for ever.
    """
    if state not in ALLOWED:
        raise ValueError(f"An unknown row can't be settled as {state}")
    with transaction.atomic():
        rows = list(messages.select_for_update(of=("self",)).values_list("pk", "state", "run_id"))
        if any(old != Message.State.UNKNOWN for _, old, _ in rows):
            raise Refused("not_unknown", "Only rows in the state “unknown” can be settled. Choose those alone.")
        # Held, so that no run ends while one of its rows is planned again.
        runs = list(Run.objects.select_for_update().filter(pk__in={run_id for _, _, run_id in rows}).order_by("pk"))
        if state == Message.State.PLANNED and any(run.status != Run.Status.SENDING for run in runs):
            raise Refused("run_ended", "The campaign has ended, so nothing of it is sent again. Note them as not sent.")
        said = f"Settled by {by}."
        ledger.settle([Ending(pk, state, "settled", said) for pk, _, _ in rows], expected=[Message.State.UNKNOWN])
        outbox.recount(run.pk for run in runs)
    return len(rows)
