"""The sandbox mailbox: a real SMTP server that keeps what it receives for the console instead of passing it on."""

import asyncio
import email
import email.policy
import logging
import signal
from collections.abc import Sequence
from email.message import EmailMessage, MIMEPart

from aiosmtpd.smtp import SMTP, Envelope, Session
from django.conf import settings
from django.db import OperationalError, close_old_connections

from delivery.models import SandboxMail

logger = logging.getLogger(__name__)

KEEP = 20_000  # newest mails kept; older ones are removed as new ones come in
BATCH_SECONDS = 0.1
MAX_MAIL_BYTES = 10 * 1024**2


class Mailbox:
    """Takes mails from the SMTP server and writes them in batches."""

    def __init__(self) -> None:
        self._waiting: list[SandboxMail] = []
        self._since_pruned = 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  aiosmtpd's name
        raw = envelope.content if isinstance(envelope.content, bytes) else b""
        headers = parsed(raw[: raw.find(b"\r\n\r\n") + 4])
        ledger_id = str(headers.get("X-Carillon-Message", ""))
        for recipient in envelope.rcpt_tos:
            self._waiting.append(
                SandboxMail(
                    sender=_storable(envelope.mail_from or "")[:320],
                    recipient=_storable(recipient)[:320],
                    subject=_storable(str(headers.get("Subject", ""))),
                    raw=raw,
                    message_id=int(ledger_id) if ledger_id.isdecimal() and len(ledger_id) < 19 else None,
                )
            )
        return "250 2.0.0 Kept in the sandbox mailbox"

    async def keep_writing(self) -> None:
        while True:
            await asyncio.sleep(BATCH_SECONDS)
            await self.write()

    async def write(self) -> None:
        mails, self._waiting = self._waiting, []
        if not mails:
            return
        try:
            await asyncio.to_thread(self._store, mails)
        except OperationalError as error:
            logger.warning("%s mails wait until the database is back: %s", len(mails), error)
            self._waiting = mails + self._waiting

    def _store(self, mails: Sequence[SandboxMail]) -> None:
        close_old_connections()
        SandboxMail.objects.bulk_create(mails, batch_size=200)
        self._since_pruned += len(mails)
        if self._since_pruned >= KEEP // 10:
            self._since_pruned = 0
            prune()


def parsed(raw: bytes) -> EmailMessage:
    return email.message_from_bytes(raw, policy=email.policy.default)


def part_of(raw: bytes, *kinds: str) -> MIMEPart | None:
    """The first of the mail's bodies that is of one of `kinds`: html, plain."""
    return parsed(raw).get_body(kinds)


def text_of(part: MIMEPart | None) -> str:
    """Its text, whatever charset it claims."""
    if part is None:
        return ""
    try:
        return str(part.get_content())
    except LookupError:  # a charset that nobody knows
        raw = part.get_payload(decode=True)
        return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else ""


def _storable(text: str) -> str:
    """What a text column holds: no NUL, no half characters."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def prune(keep: int = KEEP) -> None:
    """Remove all but the newest `keep` mails."""
    newest = SandboxMail.objects.order_by("-pk").values_list("pk", flat=True)
    oldest_kept = newest[keep : keep + 1].first()
    if oldest_kept is not None:
        SandboxMail.objects.filter(pk__lte=oldest_kept).delete()


async def serve() -> None:
    """Listen until SIGTERM or SIGINT, then write what is still waiting."""
    mailbox, stop = Mailbox(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    where = settings.SANDBOX_SMTP_HOST, settings.SANDBOX_SMTP_PORT

    def session() -> SMTP:
        return SMTP(mailbox, data_size_limit=MAX_MAIL_BYTES, hostname="sandbox.carillon.local", enable_SMTPUTF8=True)

    server = await loop.create_server(session, *where)
    logger.info("the sandbox mailbox listens at %s:%s", *where)
    writer = asyncio.create_task(mailbox.keep_writing())
    await stop.wait()
    server.close()
    writer.cancel()
    await mailbox.write()
