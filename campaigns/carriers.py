"""What carries campaigns' messages, as campaigns see it: delivery stands above and registers itself here.

@carriers.register
class Ledger(Carrier):
    key = "ledger"
    label = "Send ledger"
    def counts(self, campaign): ...
    def foresee(self, campaign): ...
    def send_test(self, variant, to): ...
"""

from collections import Counter
from dataclasses import dataclass

from campaigns import members
from campaigns.models import Campaign, Variant
from contacts.models import Contact
from core.errors import Refused
from core.registry import Registry
from team.models import User


@dataclass(frozen=True)
class Foreseen:
    """How many of the audience would be left out for one reason; those without a reason would get it."""

    reason: str
    label: str
    count: int


class Carrier:
    """Knows what became of a campaign's messages, and sends one to try it."""

    key: str
    label: str

    def counts(self, campaign: Campaign) -> dict[str, int]:
        """Messages by what became of them (`planned` is all of them), over every time the campaign went out."""
        raise NotImplementedError

    def foresee(self, campaign: Campaign) -> list[Foreseen]:
        """What planning it now would decide about each of its audience, the first reason first."""
        raise NotImplementedError

    def send_test(self, variant: Variant, to: Contact) -> str:
        """Send one message that counts nowhere; what the provider said. Refused says why not."""
        raise NotImplementedError


carriers: Registry[Carrier] = Registry("carrier")


def counts(campaign: Campaign) -> dict[str, int]:
    """The campaign's counters; empty while it has not gone out."""
    total: Counter[str] = Counter()
    for carrier in carriers.values():
        total.update(carrier.counts(campaign))
    return dict(total)


def foresee(campaign: Campaign) -> list[Foreseen]:
    """Who would get it and who would not, as things stand; nothing while nobody carries anything."""
    return [foreseen for carrier in carriers.values() for foreseen in carrier.foresee(campaign)]


def send_test(variant: Variant, *, to: Contact, by: User) -> str:
    """Send the variant, as it is now, to one contact; what the provider said."""
    if not by.has_perm("campaigns.change_campaign"):
        raise Refused("not_allowed", "Your role does not let you send tests.")
    refused = members.refusal(variant.campaign, "test", by=by)
    if refused:
        raise refused
    for carrier in carriers.values():
        return carrier.send_test(variant, to)
    raise Refused("no_carrier", "This installation sends nothing.")
