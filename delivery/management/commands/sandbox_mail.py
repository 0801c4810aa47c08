"""`manage.py sandbox_mail`: run the sandbox mailbox's SMTP server."""

import asyncio
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from delivery import sandbox


class Command(BaseCommand):
    help = "Receives mail at SANDBOX_SMTP_HOST:SANDBOX_SMTP_PORT and shows it in the console."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            asyncio.run(sandbox.serve())
        except OSError as error:
            raise CommandError(f"{error}. Another program may use the port: set SANDBOX_SMTP_PORT.") from error
