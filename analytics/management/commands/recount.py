"""Count again from the log what is kept up beside it: for operators who repaired or restored something by hand."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from analytics import rollup
from campaigns.models import Campaign
from contacts.models import Contact
from segments import quintiles, standing

PEOPLE_AT_ONCE = 10_000
HOUR = 3600


class Command(BaseCommand):
    help = "Count figures of campaigns, or what people's events add up to, again from the event log."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", choices=["figures", "standing"], help="Campaigns' figures, or people's totals.")
        parser.add_argument("--campaign", type=UUID, help="Only this campaign's figures.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["what"] == "standing":
            self.stdout.write(f"Counted the totals of {self._standing():,} people again.")
        elif options["campaign"]:
            self._campaign(options["campaign"])
        else:
            rollup.start_over()
            while rollup.advance():
                pass
            self.stdout.write("Counted the figures of all campaigns again.")

    def _campaign(self, uuid: UUID) -> None:
        campaign = Campaign.objects.filter(uuid=uuid).first()
        if campaign is None:
            raise CommandError(f"There is no campaign {uuid}.")
        rollup.rebuild(campaign.pk)
        self.stdout.write(f"Counted the figures of “{campaign}” again.")

    def _standing(self) -> int:
        """Piece by piece, each in a transaction: nobody leaves a segment in between."""
        last, count = 0, 0
        while True:
            newer = Contact.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)
            people = list(newer[:PEOPLE_AT_ONCE])
            if not people:
                break
            standing.recount(people)
            last, count = people[-1], count + len(people)
        standing.catch_up(HOUR)
        quintiles.keep()
        return count
