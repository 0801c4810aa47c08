"""What a mail server may answer that no honest one would, and what is left of it in the ledger."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from delivery.providers import providers
from delivery.providers.base import AccountRefused, Connection, Envelope, Outcome

ENVELOPE = Envelope(1, "news@example.com", "person@example.com", b"Subject: Hi\r\n\r\nHi\r\n")


@pytest.fixture
def connect() -> Iterator[Callable[[bytes], Connection]]:
    """A server without pipelining that answers hello, and then one fixed line to whatever it is told."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve(answer: bytes) -> None:
        line, _ = server.accept()
        with line, line.makefile("rb") as said, contextlib.suppress(OSError):  # hung up on
            line.sendall(b"220 odd\r\n")
            for number, _ in enumerate(said):
                line.sendall(answer if number else b"250 odd\r\n")

    def start(answer: bytes) -> Connection:
        threading.Thread(target=serve, args=(answer,), daemon=True).start()
        config = {"host": "127.0.0.1", "port": server.getsockname()[1], "security": "none"}
        return providers["smtp"].connect(config)

    yield start
    server.close()


def test_what_the_ledger_can_t_hold_is_left_out_of_an_answer(connect: Callable[[bytes], Connection]) -> None:
    with pytest.raises(AccountRefused) as refusal:
        connect(b"451 4.3.0 not\0 now\r\n").send([ENVELOPE])
    assert str(refusal.value) == "The server refuses this sender: 451 4.3.0 not now"


def test_an_answer_without_an_end_is_cut_off(connect: Callable[[bytes], Connection]) -> None:
    line = connect(b"250-and on\r\n" * 1000)
    with pytest.raises(AccountRefused, match="does not end"):
        line.send([ENVELOPE])
    assert not line.is_open


def test_a_server_that_falls_silent_leaves_nothing_waiting(
    connect: Callable[[bytes], Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("delivery.providers.smtp.TIMEOUT_SECONDS", 1)
    line = connect(b"250 half an answ")  # no line end ever comes
    with pytest.raises(AccountRefused, match="The server does not answer"):
        line.send([ENVELOPE])
    assert not line.is_open


def test_an_answer_without_a_line_end_is_not_kept_growing(connect: Callable[[bytes], Connection]) -> None:
    line = connect(b"250 and on " * 10_000)
    with pytest.raises(AccountRefused, match="line without an end"):
        line.send([ENVELOPE])


def test_an_answer_of_several_lines_is_one(connect: Callable[[bytes], Connection]) -> None:
    line = connect(b"451-4.3.0 not now,\r\n451 later\r\n")
    with pytest.raises(AccountRefused, match="451 4.3.0 not now, later"):
        line.send([ENVELOPE])


def test_a_server_that_says_goodbye_in_several_lines_is_gone(connect: Callable[[bytes], Connection]) -> None:
    line = connect(b"421-4.3.2 closing\r\n421 down\r\n")
    with pytest.raises(AccountRefused, match="421 4.3.2 closing down"):
        line.send([ENVELOPE])
    assert not line.is_open


def test_of_a_message_that_the_server_stops_taking_nobody_knows_what_became(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("delivery.providers.smtp.TIMEOUT_SECONDS", 1)
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        line, _ = server.accept()
        with line, line.makefile("rb") as said:
            line.sendall(b"220 slow\r\n")
            for answer in (b"250 hello\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go on\r\n"):
                said.readline()
                line.sendall(answer)
            is_over.wait(30)

    is_over = threading.Event()
    threading.Thread(target=serve, daemon=True).start()
    line = providers["smtp"].connect({"host": "127.0.0.1", "port": server.getsockname()[1], "security": "none"})
    [result] = line.send([ENVELOPE._replace(content=b"x" * 900 + b"\r\n" + b"y" * 30_000_000)])
    is_over.set()
    server.close()
    assert (result.outcome, result.detail) == (Outcome.UNKNOWN, "The server takes nothing more.")
    assert not line.is_open
