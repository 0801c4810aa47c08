"""`manage.py load_demo`: fill an empty console with people, segments, templates and campaigns, once."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from config import demo


class Command(BaseCommand):
    help = "Loads demo data unless it was loaded before; safe to repeat after an interruption."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--essentials-only", action="store_true", help="only logins and a sandbox sender")

    def handle(self, *args: Any, **options: Any) -> None:
        began = time.monotonic()
        for step in demo.load(essentials_only=options["essentials_only"]):
            self.stdout.write(f"  demo data: {step} ({time.monotonic() - began:.1f} s)")
