"""Real processes against the test database: workers that can be killed, a provider that counts."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest
from django.db import connection

from tests.delivery.conftest import provider, start_provider

__all__ = ["provider", "start_provider"]


def environment(**extra: str) -> dict[str, str]:
    """This process's environment with the test database in place of the embedded default one."""
    parts = connection.settings_dict
    url = f"postgresql://{parts['USER']}@/{parts['NAME']}?host={parts['HOST']}"
    if parts["PASSWORD"] or parts["PORT"]:
        url = (
            f"postgresql://{parts['USER']}:{parts['PASSWORD']}@{parts['HOST']}:{parts['PORT'] or 5432}/{parts['NAME']}"
        )
    return os.environ | {"DATABASE_URL": url, "LEASE_SECONDS": "2"} | extra


class Process:
    """A child in a process group of its own, so that a kill reaches its children too."""

    def __init__(self, *command: str, **env: str) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, *command],
            env=environment(**env),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def wait(self, seconds: float = 60) -> int:
        return self.popen.wait(seconds)

    def signal(self, number: int) -> None:
        if self.popen.poll() is None:
            os.killpg(self.popen.pid, number)

    def stop(self) -> None:
        self.signal(signal.SIGKILL)
        self.popen.wait()
        if self.popen.stdout is not None:
            self.popen.stdout.close()


@pytest.fixture
def start() -> Iterator[Callable[..., Process]]:
    running: list[Process] = []

    def run(*command: str, **env: str) -> Process:
        running.append(Process(*command, **env))
        return running[-1]

    yield run
    for process in running:
        process.stop()


@pytest.fixture
def start_sender(start: Callable[..., Process]) -> Callable[..., Process]:
    """A process that sends what is due and ends when nothing is."""
    return lambda **env: start("-m", "tests.faults.sender", **env)


def wait_until(happened: Callable[[], object], *, seconds: float = 60, what: str = "it") -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.05)
