"""`make run`: what is in the way is said with the way out, and the whole stack starts, serves and ends."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.config.test_embedded import servers_of

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def console(var: Path, port: int, **extra: str) -> subprocess.Popen[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("CARILLON", "DJANGO"))}
    environment |= {"CARILLON_VAR": str(var), "PORT": str(port), "PYTHONPATH": str(ROOT)} | extra
    return subprocess.Popen(
        [sys.executable, "-m", "config.run"],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def refusal(var: Path, port: int, **extra: str) -> str:
    process = console(var, port, **extra)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1, output
    assert "Traceback" not in output
    return output


def test_a_taken_port_is_named_with_another_to_try(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"PORT={port + 1} make run" in refusal(tmp_path, port)


def test_a_taken_mailbox_port_is_named_too(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert "SANDBOX_SMTP_PORT=" in refusal(tmp_path, free_port(), SANDBOX_SMTP_PORT=str(port))


@pytest.mark.parametrize("port", ["", "web", "0", "70000", "-1"])
def test_what_is_no_port_is_refused(tmp_path: Path, port: str) -> None:
    environment = os.environ | {"CARILLON_VAR": str(tmp_path), "PORT": port}
    done = subprocess.run(
        [sys.executable, "-m", "config.run"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert "is not a port number" in done.stderr


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.touch()
    output = refusal(blocker / "var", free_port())
    assert "can't be written to" in output
    assert "CARILLON_VAR=" in output


class Stack:
    """A whole console in its own processes, and what it has printed so far."""

    def __init__(self, var: Path) -> None:
        self.var, self.port = var, free_port()
        self.process = console(var, self.port, SANDBOX_SMTP_PORT=str(free_port()))
        self.output = ""
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output += line

    def wait_for(self, text: str, seconds: float = 150) -> None:
        deadline = time.monotonic() + seconds
        while text not in self.output:
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.1)

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + 90
        while self.get("/readyz")[0] != 200:
            assert time.monotonic() < deadline, self.get("/readyz")[1] + self.output
            time.sleep(0.5)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=30)

    def processes(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)


@pytest.fixture(scope="module")
def var() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="car") as folder:
        yield Path(folder)


@pytest.mark.fault
@pytest.mark.timeout(600)
def test_the_whole_console_starts_survives_kills_and_ends_without_orphans(var: Path) -> None:
    first = Stack(var)
    first.wait_for("Stop with ctrl-C")
    first.wait_until_ready()

    assert first.get("/healthz") == (200, "ok\n")
    assert "Carillon" in first.get("/admin/login/")[1]
    logins = var / "logins.txt"
    assert logins.stat().st_mode & 0o077 == 0
    for line in logins.read_text().splitlines():
        assert line.split()[1] in first.output

    second = console(var, free_port())
    output, _ = second.communicate(timeout=60)
    assert second.returncode == 1
    assert f"already running on this data folder: http://127.0.0.1:{first.port}/" in output

    # A worker that is killed comes back, and the console doesn't notice.
    victims = [process for process in first.processes() if "worker" in process.cmdline()]
    victims[0].kill()
    first.wait_for("ended unasked (signal SIGKILL)", seconds=10)
    assert first.get("/healthz")[0] == 200

    everything = first.processes()
    began = time.monotonic()
    first.stop()
    assert time.monotonic() - began < 15
    assert not [process for process in everything if process.is_running() and process.status() != "zombie"]
    assert not servers_of(var)

    # The second start keeps people's data and their logins, and loads nothing again.
    again = Stack(var)
    again.wait_for("Stop with ctrl-C")
    assert "demo data" not in again.output
    assert re.findall(r"marketer +(\S+)", again.output) == re.findall(r"marketer +(\S+)", first.output)
    again.process.kill()
    again.process.wait()

    # And a start after kill -9 of the supervisor ends what that left, its port included.
    third = Stack(var)
    third.wait_for("processes it left behind")
    third.wait_for("Stop with ctrl-C")
    third.stop()
    assert not servers_of(var)
