"""manage.py rebase_events: renumber the log after a dump was restored into another server."""

from typing import Any

from django.core.management.base import BaseCommand

from events import rebase


class Command(BaseCommand):
    help = "Renumber the event log after a dump was restored into another database server (docs/figures.md)."

    def handle(self, *args: Any, **options: Any) -> None:
        if not rebase.is_needed():
            self.stdout.write("Nothing to do: this server has given out every transaction id in the log.")
            return
        self.stdout.write(f"{rebase.rebase()} events renumbered; every reader goes on where it was.")
