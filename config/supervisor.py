"""Runs the lines of the Procfile as one: prefixed output, restarts with a pause, an orderly end.

Each process leads a process group of its own, so that a pool's or a server's children end with it, and carries a mark,
so that a start after `kill -9` of the supervisor finds and ends what that left behind.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil
from honcho.colour import get_colours
from honcho.printer import Message, Printer

PATIENCE_SECONDS = 12  # between "please end" and "end": longer than a batch takes to reach its next commit
HEAD_START_SECONDS = 15  # of the first process over the others, at most
STABLE_SECONDS = 30  # who lived this long is restarted at once, as if it had never died
LONGEST_PAUSE_SECONDS = 30
MARK = "CARILLON_SUPERVISED"  # in the environment of all that we start: the place they belong to
EMBEDDED = ("postgres", "redis-server")  # whichever process happened to start them, they end by their own rule


@dataclass
class Child:
    name: str
    command: str
    colour: str
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0
    start_at: float = 0
    failures: int = 0

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Supervisor:
    """Keeps every command running until told to stop; the first stop is polite, the second is not.

    The first command starts alone: the others wait for `first_is_ready` (set by whoever can tell), because all of
    them load at the same time what one processor loads faster for one.
    """

    def __init__(self, commands: dict[str, str], *, place: Path, cwd: Path) -> None:
        colours = get_colours()
        self.children = [Child(name, command, next(colours)) for name, command in commands.items()]
        self.place, self.cwd = place, cwd
        self.stop_requests = 0
        self.first_is_ready = threading.Event()
        self._printer = Printer(sys.stdout, width=max(map(len, commands), default=0))
        self._printing = threading.Lock()

    def run(self) -> None:
        """Start everything and return once all of it has ended."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_stop_signal)
        began = time.monotonic()
        while not self.stop_requests:
            may_all_run = self.first_is_ready.is_set() or time.monotonic() - began > HEAD_START_SECONDS
            for child in self.children if may_all_run else self.children[:1]:
                self._look_after(child)
            time.sleep(0.1)
        self._stop()

    def say(self, text: str, *, name: str = "carillon", colour: str | None = None) -> None:
        with self._printing:
            for line in text.splitlines():
                self._printer.write(Message("line", f"{line}\n", datetime.now(), name, colour))
            sys.stdout.flush()

    def _on_stop_signal(self, number: int, frame: object) -> None:
        self.stop_requests += 1

    def _look_after(self, child: Child) -> None:
        if child.is_running:
            return
        if child.process is not None:
            self._bury(child)
        if time.monotonic() >= child.start_at and not self.stop_requests:
            self._start(child)

    def _bury(self, child: Child) -> None:
        """Take note of a death that nobody asked for, and say when the process will be back."""
        assert child.process is not None  # noqa: S101
        _signal_group(child.process.pid, signal.SIGKILL)  # its own children would keep its port and its work
        lived = time.monotonic() - child.started_at
        child.failures = 1 if lived > STABLE_SECONDS else child.failures + 1
        pause = min(2 ** (child.failures - 1) - 1, LONGEST_PAUSE_SECONDS)
        child.start_at = time.monotonic() + pause
        self.say(f"{child.name} ended unasked ({_how(child.process.returncode)}); starting it again in {pause} s")
        child.process = None

    def _start(self, child: Child) -> None:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        child.process = subprocess.Popen(  # noqa: S602 (lines of the Procfile, written for a shell)
            f"exec {child.command}",
            shell=True,
            cwd=self.cwd,
            env={**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1", MARK: str(self.place)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        child.started_at = time.monotonic()
        threading.Thread(target=self._relay, args=(child, child.process), daemon=True).start()

    def _relay(self, child: Child, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None  # noqa: S101
        for line in process.stdout:
            self.say(line.decode(errors="replace").rstrip(), name=child.name, colour=child.colour)

    def _stop(self) -> None:
        """Ask every process to end, wait, and then don't ask."""
        self.say("Stopping. Press ctrl-C again to end at once.")
        running = [child.process for child in self.children if child.process and child.is_running]
        everyone = _families(running)
        for process in running:
            process.send_signal(signal.SIGTERM)  # only the leader: it tells its own children, in its own order
        deadline = time.monotonic() + PATIENCE_SECONDS
        while any(process.poll() is None for process in running):
            if time.monotonic() > deadline or self.stop_requests > 1:
                break
            time.sleep(0.05)
        for process in running:
            _signal_group(process.pid, signal.SIGKILL)
            process.wait()
        _wait_until_gone(everyone)
        self.say("Stopped.")


def _families(leaders: list[subprocess.Popen[bytes]]) -> list[psutil.Process]:
    found: list[psutil.Process] = []
    for leader in leaders:
        with contextlib.suppress(psutil.NoSuchProcess):
            found += psutil.Process(leader.pid).children(recursive=True)
    return found


def _wait_until_gone(processes: list[psutil.Process], seconds: float = 3) -> None:
    """Killed is not yet gone; who lives still counts as a user of the embedded servers, which we may stop next."""
    deadline = time.monotonic() + seconds
    while any(_lives(process) for process in processes) and time.monotonic() < deadline:
        time.sleep(0.02)


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def end_leftovers(place: Path) -> int:
    """End the processes that a killed supervisor of `place` left running; returns how many there were.

    They are known by a variable in their environment: a list kept in a file misses what was starting when it died.
    """
    left = [process for process in psutil.process_iter() if _belongs_to(process, place)]
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    _wait_until_gone(left)
    return len(left)


def _belongs_to(process: psutil.Process, place: Path) -> bool:
    try:
        return bool(process.environ().get(MARK) == str(place) and process.name() not in EMBEDDED and _lives(process))
    except (psutil.Error, OSError):
        return False  # gone meanwhile, or another user's


def _signal_group(leader: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # all gone already
        os.killpg(leader, number)


def _how(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
