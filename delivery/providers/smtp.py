"""SMTP over connections that stay open, with pipelining (RFC 2920) when the server offers it.

smtplib says hello, starts TLS and logs in. The mail transactions are our own: smtplib waits for an answer after each of
MAIL, RCPT, DATA and the body, four round trips a message; with pipelining it is two, and the next message's commands
travel with the last one's body, so that it is one.
"""

import contextlib
import functools
import re
import smtplib
import socket
import ssl
import struct
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from django.conf import settings

from delivery.providers.base import AccountRefused, Connection, Envelope, Outcome, Provider, Result, providers

TIMEOUT_SECONDS = 60
THROTTLED_WAIT = timedelta(minutes=1)  # servers that say “not now” to a sender don't say until when
NOT_ACCEPTED = (Outcome.RETRY, Outcome.UNTOUCHED)
MAX_REPLY_LINE = 8192
MAX_REPLY_LINES = 100
_DOT_AT_LINE_START = re.compile(rb"\n\.")


class Reply(NamedTuple):
    code: int
    text: str

    @property
    def is_positive(self) -> bool:
        return 200 <= self.code < 400

    @property
    def enhanced(self) -> str:
        """The enhanced status code of RFC 3463 at the start of the text, e.g. 5.1.1; "" without one."""
        word = self.text.split(" ", 1)[0]
        return word if word.count(".") == 2 and word.replace(".", "").isdigit() else ""

    def __str__(self) -> str:
        return f"{self.code} {self.text}"


class Replies:
    """The server's answers off the line. Raises OSError when it is cut or silent, ValueError when it speaks no SMTP.

    A buffer of its own, because socket.makefile() takes more calls for each answer than there are answers.
    """

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._waiting, self._at = b"", 0  # what was received, and how far it was read

    def next(self) -> Reply:
        """One reply, its lines joined."""
        line = self._next_line()
        if line[3:4] != b"-":
            reply = _parsed(line)
        else:
            lines = [line]
            while line[3:4] == b"-":
                if len(lines) == MAX_REPLY_LINES:
                    raise ValueError("The server's answer does not end.")
                line = self._next_line()
                lines.append(line)
            parts = [_parsed(part) for part in lines]
            reply = Reply(parts[-1].code, " ".join(part.text for part in parts))
        if reply.code == 421:
            raise ConnectionResetError(str(reply))
        return reply

    def _next_line(self) -> bytes:
        end = self._waiting.find(b"\n", self._at)
        while end < 0:
            self._receive()
            end = self._waiting.find(b"\n", self._at)
        line, self._at = self._waiting[self._at : end], end + 1
        return line

    def _receive(self) -> None:
        if len(self._waiting) - self._at > MAX_REPLY_LINE:
            raise ValueError("The server's answer has a line without an end.")
        try:
            received = self._line.recv(MAX_REPLY_LINE)
        except BlockingIOError as error:  # as the system says that its timeout is over
            raise TimeoutError("The server does not answer.") from error
        if not received:
            raise ConnectionResetError("The server closed the connection.")
        self._waiting, self._at = self._waiting[self._at :] + received, 0


@functools.lru_cache(maxsize=64)  # most servers say the same to all
def _parsed(line: bytes) -> Reply:
    text = line[4:].decode("utf-8", "replace").replace("\0", "").strip()  # the ledger holds no NUL
    return Reply(int(line[:3]), text)


def _with_timeouts_of_the_system(line: socket.socket) -> socket.socket:
    """`line`, waiting as long as before, but with the system to end the wait.

    Python's own timeouts ask before every call whether it would wait, which gives the interpreter to other threads
    once more each time, and waits to have it back. TLS has no other way.
    """
    seconds = line.gettimeout()
    if seconds is not None and not isinstance(line, ssl.SSLSocket):
        line.settimeout(None)
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            line.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", int(seconds), 0))
    return line


class SmtpConnection(Connection):
    """One session. After any error on the line it is dead (`is_open` false) and a new one must be opened."""

    def __init__(self, client: smtplib.SMTP) -> None:
        self._client = client
        assert client.sock is not None  # noqa: S101  connected by the caller
        self._replies = Replies(client.sock)
        self._socket = _with_timeouts_of_the_system(client.sock)
        self._has_pipelining = client.has_extn("pipelining")
        self._options = " BODY=8BITMIME" if client.has_extn("8bitmime") else ""
        self.is_open = True

    def send(self, envelopes: Sequence[Envelope]) -> list[Result]:
        results: list[Result] = []
        self._refusal = None  # what this batch gave up to later ones says nothing of them
        try:
            if self._has_pipelining:
                self._send_pipelined(envelopes, results)
            else:
                self._send_one_by_one(envelopes, results)
        except (OSError, ValueError) as error:
            self.close()
            results.extend(self._after_breakdown(envelopes, results, error))
        if self._refusal is not None and all(result.outcome in NOT_ACCEPTED for result in results):
            refusal, self._refusal = self._refusal, None
            raise refusal
        return results

    _refusal: AccountRefused | None = None
    _body_begun: int = 0  # how many envelopes of this batch had their body put on the line

    def _send_pipelined(self, envelopes: Sequence[Envelope], results: list[Result]) -> None:
        """MAIL, RCPT and DATA of a message go out together with the body of the one before it."""
        self._body_begun = 0
        if not envelopes:
            return
        self._socket.sendall(self._commands(envelopes[0]))
        for index, envelope in enumerate(envelopes):
            # 1. The answers to MAIL, RCPT and DATA of this message.
            mail, rcpt, data = self._reply(), self._reply(), self._reply()
            following = envelopes[index + 1] if index + 1 < len(envelopes) else None
            tail = self._commands(following) if following else b""
            # 2. Its body, or a lone dot where the server wants one in spite of refusing the recipient.
            if data.code == 354:
                has_recipient = mail.is_positive and rcpt.is_positive
                body = _stuffed(envelope.content) if has_recipient else b".\r\n"
                self._body_begun = index + 1 if has_recipient else self._body_begun
                self._socket.sendall(body + tail)
                final = self._reply()
            else:
                self._socket.sendall(b"RSET\r\n" + tail)
                self._reply()
                final = data
            results.append(self._verdict(envelope, mail, rcpt, final))

    def _send_one_by_one(self, envelopes: Sequence[Envelope], results: list[Result]) -> None:
        self._body_begun = 0
        for index, envelope in enumerate(envelopes):
            mail = self._ask(f"MAIL FROM:<{envelope.sender}>{self._options}\r\n".encode())
            rcpt = self._ask(f"RCPT TO:<{envelope.recipient}>\r\n".encode()) if mail.is_positive else mail
            final = self._ask(b"DATA\r\n") if rcpt.is_positive else rcpt
            if final.code == 354:
                self._body_begun = index + 1
                final = self._ask(_stuffed(envelope.content))
            else:
                self._ask(b"RSET\r\n")
            results.append(self._verdict(envelope, mail, rcpt, final))

    def _commands(self, envelope: Envelope) -> bytes:
        lines = f"MAIL FROM:<{envelope.sender}>{self._options}\r\nRCPT TO:<{envelope.recipient}>\r\nDATA\r\n"
        return lines.encode()

    def _ask(self, data: bytes) -> Reply:
        self._socket.sendall(data)
        return self._reply()

    def _reply(self) -> Reply:
        return self._replies.next()

    def _verdict(self, envelope: Envelope, mail: Reply, rcpt: Reply, final: Reply) -> Result:
        """What the three answers say of one message. The first that is no "yes" decides."""
        if not mail.is_positive:
            # About the sender, which all of the batch share: greylisting, throttling and quotas say 4xx here.
            is_for_good = mail.code >= 500
            wait = None if is_for_good else THROTTLED_WAIT
            self._refusal = AccountRefused(f"The server refuses this sender: {mail}", wait=wait, permanent=is_for_good)
            return Result(envelope.ledger_id, Outcome.UNTOUCHED, f"Sender refused: {mail}")
        if not rcpt.is_positive:
            outcome, is_soft = Outcome.RETRY if rcpt.code < 500 else Outcome.REJECTED, _is_for_now(rcpt)
            bad = outcome is Outcome.REJECTED and _names_the_address(rcpt)
            return Result(envelope.ledger_id, outcome, str(rcpt), address_is_bad=bad, is_soft_bounce=is_soft)
        if not final.is_positive:
            outcome = Outcome.RETRY if final.code < 500 else Outcome.REJECTED
            bad = outcome is Outcome.REJECTED and final.enhanced.startswith("5.1.")
            is_soft = _is_about_the_mailbox(final)  # the body was seen by now: it may be the matter
            return Result(envelope.ledger_id, outcome, str(final), address_is_bad=bad, is_soft_bounce=is_soft)
        return Result(envelope.ledger_id, Outcome.ACCEPTED, str(final), provider_id=final.text[:200])

    def _after_breakdown(
        self, envelopes: Sequence[Envelope], results: Sequence[Result], error: Exception
    ) -> list[Result]:
        """Answers for those the broken line left without one: only a body that was begun may have been accepted."""
        # As the system says that its timeout is over: with a number, and not what it was about.
        is_stuck = isinstance(error, BlockingIOError)
        done, text = len(results), "The server takes nothing more." if is_stuck else f"{error or type(error).__name__}"
        if self._body_begun <= done:
            self._refusal = AccountRefused(f"The connection broke: {text}")
        return [
            Result(envelope.ledger_id, Outcome.UNKNOWN if index < self._body_begun else Outcome.UNTOUCHED, text)
            for index, envelope in enumerate(envelopes[done:], start=done)
        ]

    def close(self) -> None:
        if self.is_open:
            self.is_open = False
            with contextlib.suppress(OSError):  # saying goodbye to a dead line
                self._client.close()


def _stuffed(content: bytes) -> bytes:
    """A body as DATA wants it: dots at line starts doubled (RFC 5321 4.5.2), ended by a lone dot."""
    if _DOT_AT_LINE_START.search(content):  # twice as fast as `in`
        content = content.replace(b"\n.", b"\n..")
    if content.startswith(b"."):
        content = b"." + content
    return content + (b".\r\n" if content.endswith(b"\r\n") else b"\r\n.\r\n")


def _names_the_address(reply: Reply) -> bool:
    """Whether a refusal is about the mailbox itself, so that it should be suppressed, and not about policy or us.

    With an enhanced code only 5.1.x (addressing) and 5.2.1 (mailbox disabled) count; without one, 550, 551 and 553,
    whose RFC 5321 meaning is that there is no such mailbox. 5.7.x is policy: blocked today, fine tomorrow.
    """
    if reply.enhanced:
        return reply.enhanced.startswith("5.1.") or reply.enhanced == "5.2.1"
    return reply.code in (550, 551, 553)


def _is_for_now(reply: Reply) -> bool:
    """Whether a recipient is refused for the mailbox's sake, for the time being: full, locked, a server in trouble.

    4.7.x is policy, about who sends and not about the mailbox; 5.2.2 is a full one that the server won't wait for.
    """
    if reply.code >= 500 or not reply.enhanced:
        return _is_about_the_mailbox(reply) or 400 <= reply.code < 500
    return not reply.enhanced.startswith("4.7.")


def _is_about_the_mailbox(reply: Reply) -> bool:
    """A mailbox that is full, or takes nothing now (RFC 3463 x.2.x; 452 and 552 where the server has no such codes)."""
    if reply.enhanced:
        return reply.enhanced.startswith("4.2.") or reply.enhanced == "5.2.2"
    return reply.code in (452, 552)


@providers.register
class Smtp(Provider):
    key = "smtp"
    label = "SMTP server"
    channel = "email"
    fields = {"host": "Host", "port": "Port", "security": "Security", "username": "User name", "password": "Password"}
    secret_fields = frozenset({"password"})

    def connect(self, config: dict[str, Any]) -> Connection:
        host, port = str(config.get("host", "")), int(config.get("port") or 587)
        security = config.get("security", "starttls")
        try:
            client = self._open(host, port, security)
            if config.get("username"):
                client.login(str(config["username"]), str(config.get("password", "")))
            return SmtpConnection(client)
        except smtplib.SMTPAuthenticationError as error:
            text = error.smtp_error.decode("utf-8", "replace") if isinstance(error.smtp_error, bytes) else str(error)
            raise AccountRefused(f"{host} refuses the user name or password: {text}", permanent=True) from error
        except (OSError, smtplib.SMTPException) as error:
            raise AccountRefused(f"{host}:{port} can't be reached: {error}") from error

    @staticmethod
    def _open(host: str, port: int, security: str) -> smtplib.SMTP:
        context = ssl.create_default_context()
        if security == "tls":
            client: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_SECONDS, context=context)
            client.ehlo_or_helo_if_needed()
            return client
        client = smtplib.SMTP(host, port, timeout=TIMEOUT_SECONDS)
        client.ehlo_or_helo_if_needed()
        if security == "starttls":
            client.starttls(context=context)
            client.ehlo()
        return client


@providers.register
class Sandbox(Smtp):
    key = "sandbox"
    label = "Sandbox mailbox (nothing leaves this machine)"
    fields = {}
    secret_fields = frozenset()

    def connect(self, config: dict[str, Any]) -> Connection:
        where = {"host": settings.SANDBOX_SMTP_HOST, "port": settings.SANDBOX_SMTP_PORT, "security": "none"}
        return super().connect(where)
