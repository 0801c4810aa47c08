"""The supervisor: restarts what dies, ends all of it in order, and finds what a killed one left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from config.supervisor import end_leftovers

ROOT = Path(__file__).resolve().parents[2]
SUPERVISE = """
import sys
from pathlib import Path
from config.supervisor import Supervisor
var = Path(sys.argv[1])
commands = dict(pair.split("=", 1) for pair in sys.argv[2:])
supervisor = Supervisor(commands, place=var, cwd=var)
supervisor.first_is_ready.set()
supervisor.run()
"""
# Notes its number and lives on, with a child in the background that would outlive it.
WORKER = "w=sh -c 'sleep 300 & echo $$ $! >> pids; wait'"
STUBBORN = "w=sh -c 'trap \"\" TERM; echo $$ 0 >> pids; while :; do sleep 0.1; done'"
pytestmark = pytest.mark.fault


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []

    def run(*commands: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", SUPERVISE, str(tmp_path), *commands]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        started.append(subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()
    end_leftovers(tmp_path)


def pids(folder: Path) -> list[list[int]]:
    """One line per start of the worker: its own number and its child's."""
    noted = folder / "pids"
    return [[int(word) for word in line.split()] for line in noted.read_text().splitlines()] if noted.exists() else []


def lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def test_a_stop_ends_everything_with_its_children(start: Callable[..., subprocess.Popen[str]], tmp_path: Path) -> None:
    supervisor = start(WORKER)
    wait_until(lambda: pids(tmp_path))
    supervisor.send_signal(signal.SIGINT)
    output, _ = supervisor.communicate(timeout=15)
    assert supervisor.returncode == 0
    assert "Stopped." in output
    wait_until(lambda: not any(lives(pid) for pid in pids(tmp_path)[0]))


def test_a_killed_process_is_started_again_without_its_orphans(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    supervisor = start(WORKER)
    wait_until(lambda: pids(tmp_path))
    worker, child = pids(tmp_path)[0]
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: len(pids(tmp_path)) == 2)
    assert not lives(child)
    supervisor.send_signal(signal.SIGTERM)
    output, _ = supervisor.communicate(timeout=15)
    assert "w ended unasked (signal SIGKILL)" in output


def test_what_dies_at_once_is_started_again_ever_more_slowly(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    supervisor = start("w=sh -c 'echo $$ 0 >> pids; exit 3'")
    time.sleep(3)
    supervisor.send_signal(signal.SIGINT)
    output, _ = supervisor.communicate(timeout=15)
    assert 2 <= len(pids(tmp_path)) <= 4
    assert "exit code 3" in output


def test_a_second_interrupt_ends_what_does_not_want_to(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    supervisor = start(STUBBORN)
    wait_until(lambda: pids(tmp_path))
    supervisor.send_signal(signal.SIGINT)
    time.sleep(1)
    assert supervisor.poll() is None
    supervisor.send_signal(signal.SIGINT)
    supervisor.communicate(timeout=5)
    assert not lives(pids(tmp_path)[0][0])


def test_the_next_start_ends_what_a_killed_supervisor_left(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    supervisor = start(WORKER)
    wait_until(lambda: pids(tmp_path))
    supervisor.kill()
    assert lives(pids(tmp_path)[0][0])
    assert end_leftovers(tmp_path) >= 2
    wait_until(lambda: not any(lives(pid) for pid in pids(tmp_path)[0]))
    assert end_leftovers(tmp_path) == 0


def test_what_belongs_to_another_place_is_left_alone(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    start(WORKER)
    wait_until(lambda: pids(tmp_path))
    assert end_leftovers(tmp_path / "elsewhere") == 0
    assert all(lives(pid) for pid in pids(tmp_path)[0])
