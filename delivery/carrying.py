"""Delivery as campaigns see it: what became of their messages, and a test of one."""

from collections import Counter

from django.db import connection

from campaigns.carriers import Carrier, Foreseen, carriers
from campaigns.models import Campaign, Variant
from contacts.models import Contact
from core.errors import Refused
from delivery import gate, ledger, live, outbox, trying
from delivery.models import Message, Run


@carriers.register
class Ledger(Carrier):
    key = "ledger"
    label = "Send ledger"

    def counts(self, campaign: Campaign) -> dict[str, int]:
        runs = list(Run.objects.filter(campaign=campaign).only("status", "final_counts"))
        total: Counter[str] = Counter()
        for run in runs:
            total.update(_by_state(run))
        return {"planned": total.total(), **_told(total)} if runs else {}

    def foresee(self, campaign: Campaign) -> list[Foreseen]:
        verdicts, params = outbox.verdicts_sql(campaign)
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT reason, count(*) FROM ({verdicts}) verdicts GROUP BY 1", params)  # noqa: S608
            counts = dict(cursor.fetchall())
        told = [("", "Gets it"), *((check.key, check.label) for check in gate.checks.values())]
        return [Foreseen(reason, label, counts[reason]) for reason, label in told if reason in counts]

    def send_test(self, variant: Variant, to: Contact) -> str:
        version = variant.version or variant.template.current_version
        if version is None:
            raise Refused("unpublished", f"The template “{variant.template}” is not published yet.")
        return trying.send_test(version, to=to, sender=variant.campaign.sender, name=variant.campaign.name)


def _told(total: Counter[str]) -> dict[str, int]:
    """Every state by its name, `planned` aside: that word tells all messages, and the rest of them `waits`."""
    waiting = sum(total[state] for state in ledger.OPEN)
    settled = {state: total[state] for state in Message.State.values if state not in ledger.OPEN}
    return {"waiting": waiting, **settled}


def _by_state(run: Run) -> Counter[str]:
    """Rows by state: kept with a run that is over, counted at most every two seconds for another."""
    states: Counter[str] = Counter()
    for key, count in (run.final_counts if run.status in Run.OVER else live.of(run.pk).counts).items():
        states[key.partition("|")[0]] += count
    return states
