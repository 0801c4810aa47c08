"""The sandbox mailbox: a real SMTP session against the running server, and what it keeps."""

import signal
import smtplib
import socket
from collections.abc import Callable, Iterator

import pytest

from delivery import accounts, sandbox
from delivery.models import Account, SandboxMail
from delivery.providers.base import AccountRefused
from tests.faults.conftest import Process, start, wait_until

__all__ = ["start"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def server(transactional_db: None, start: Callable[..., Process], settings: object) -> Iterator[Process]:  # noqa: F811
    settings.SANDBOX_SMTP_HOST, settings.SANDBOX_SMTP_PORT = "127.0.0.1", free_port()
    process = start("manage.py", "sandbox_mail", SANDBOX_SMTP_PORT=str(settings.SANDBOX_SMTP_PORT))
    account = Account(name="Sandbox", provider="sandbox", config={})
    wait_until(lambda: accounts.check_connection(account) == "", what="the server's first answer")
    return process


def session(settings: object) -> smtplib.SMTP:
    return smtplib.SMTP(settings.SANDBOX_SMTP_HOST, settings.SANDBOX_SMTP_PORT, timeout=10)


def kept(count: int) -> list[SandboxMail]:
    wait_until(lambda: SandboxMail.objects.count() >= count, what=f"keeping {count} mails", seconds=20)
    return list(SandboxMail.objects.order_by("pk"))


def test_a_mail_is_kept_as_it_came_with_its_ledger_row(server: Process, settings: object) -> None:
    raw = "Subject: =?utf-8?b?R3LDvMOfZQ==?=\r\nX-Carillon-Message: 42\r\n\r\nHello\r\n.dot\r\n"
    with session(settings) as client:
        client.sendmail("news@example.com", ["a@example.com", "b@example.com"], raw)
    first, second = kept(2)
    assert (first.recipient, second.recipient) == ("a@example.com", "b@example.com")
    assert (first.subject, first.sender, first.message_id) == ("Grüße", "news@example.com", 42)
    assert bytes(first.raw).endswith(b"\r\n.dot\r\n")


@pytest.mark.parametrize(
    "headers",
    [
        b"",
        b"Subject: a\x00b\r\n",
        b"Subject: \xff\xfe\r\n",
        b"X-Carillon-Message: 99999999999999999999999\r\n",
        "X-Carillon-Message: ²\r\n".encode(),
        b"Content-Type: nonsense; charset\r\n",
    ],
)
def test_an_odd_mail_is_kept_and_the_server_goes_on(server: Process, settings: object, headers: bytes) -> None:
    with session(settings) as client:
        client.sendmail("news@example.com", ["odd@example.com"], headers + b"\r\nHi\r\n")
        client.sendmail("news@example.com", ["next@example.com"], b"Subject: Next\r\n\r\nHi\r\n")
    assert [mail.recipient for mail in kept(2)] == ["odd@example.com", "next@example.com"]


def test_a_mail_that_is_too_large_is_refused_and_not_kept(server: Process, settings: object) -> None:
    with session(settings) as client, pytest.raises(smtplib.SMTPException):
        client.sendmail("news@example.com", ["a@example.com"], b"x" * 70 + b"\r\n" + b"y\r\n" * 4 * 1024**2)
    assert not SandboxMail.objects.exists()


def test_what_was_accepted_is_kept_when_the_server_is_told_to_stop(server: Process, settings: object) -> None:
    with session(settings) as client:
        for number in range(20):
            client.sendmail("news@example.com", [f"p{number}@example.com"], b"Subject: x\r\n\r\nHi\r\n")
        server.signal(signal.SIGTERM)
    assert server.wait(30) == 0
    assert SandboxMail.objects.count() == 20


def test_a_second_server_at_the_same_port_says_what_to_do(
    server: Process,
    settings: object,
    start: Callable[..., Process],  # noqa: F811
) -> None:
    second = start("manage.py", "sandbox_mail", SANDBOX_SMTP_PORT=str(settings.SANDBOX_SMTP_PORT))
    assert second.wait(60) == 1
    assert "set SANDBOX_SMTP_PORT" in second.popen.stdout.read()


def test_without_the_server_the_account_says_that_it_can_t_be_reached(db: None, settings: object) -> None:
    settings.SANDBOX_SMTP_HOST, settings.SANDBOX_SMTP_PORT = "127.0.0.1", free_port()
    account = Account.objects.create(name="Sandbox", provider="sandbox", config={})
    with pytest.raises(AccountRefused, match="can't be reached"):
        accounts.Lines(account).take()


def test_only_the_newest_mails_are_kept(db: None) -> None:
    rows = [SandboxMail(sender="a@x.example", recipient=f"{number}@x.example", raw=b"") for number in range(7)]
    SandboxMail.objects.bulk_create(rows)
    sandbox.prune(keep=3)
    assert [mail.recipient for mail in SandboxMail.objects.order_by("pk")] == [f"{n}@x.example" for n in (4, 5, 6)]
    sandbox.prune(keep=3)
    assert SandboxMail.objects.count() == 3
