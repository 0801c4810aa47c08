"""A database of a bench's own, beside the configured one and gone afterwards; and the memory that processes took."""

import os
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.management import call_command
from django.db import connection, connections

NAME = "carillon_bench"


@contextmanager
def database() -> Iterator[str]:
    """Switch this process to an empty, migrated scratch database; yields its URL for child processes."""
    settings = connection.settings_dict
    before = settings["NAME"]
    _recreate(before, NAME)
    settings["NAME"] = NAME
    connection.close()
    try:
        call_command("migrate", verbosity=0)
        host = f"?host={settings['HOST']}" if settings["HOST"].startswith("/") else ""
        place = "" if host else f"{settings['HOST']}:{settings['PORT'] or 5432}"
        secret = f":{settings['PASSWORD']}" if settings["PASSWORD"] else ""
        yield f"postgresql://{settings['USER']}{secret}@{place}/{NAME}{host}"
    finally:
        connections.close_all()
        settings["NAME"] = before
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")


def _recreate(current: str, name: str) -> None:
    assert current != name
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        cursor.execute(f"CREATE DATABASE {name}")


def timed(work: Callable[[], object]) -> float:
    """Seconds that `work` took."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def execute(statement: str, *parameters: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def own_peak_mb() -> float:
    """The most resident memory this process ever had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def peak_mb(pid: int) -> float:
    """The most resident memory a running process ever had, in MB; 0 where the kernel doesn't tell."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


def settled() -> None:
    """Let the server finish what earlier steps left it to do, so that they are not paid for by the next."""
    execute("CHECKPOINT")
    os.sync()
