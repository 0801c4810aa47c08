"""`python -m config.run`: the whole console on one machine, from an empty folder to a printed address.

Checks what would make it fail, brings the database up to date, loads demo data the first time, then hands the lines
of the Procfile to the supervisor and says where the console is once it answers.
"""

import fcntl
import http.client
import os
import shutil
import socket
import sys
import threading
import time
from pathlib import Path
from typing import IO

import django
from django.core.management import call_command
from honcho.environ import parse_procfile

from config import logins
from config.supervisor import Supervisor, end_leftovers

ROOT = Path(__file__).resolve().parent.parent
NEED_BYTES = 500 * 1024**2
READY_SECONDS = 90


class CannotStart(Exception):
    """The message says what is in the way and what to do about it."""


def main() -> int:
    os.chdir(ROOT)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    var = Path(os.environ.get("CARILLON_VAR", ROOT / "var")).resolve()
    host, port = os.environ.get("HOST", "127.0.0.1"), _port(os.environ.get("PORT", "8000"))
    try:
        _check_folder(var)
        lock = _claim(var)
        if left := end_leftovers(var):
            _tell(f"An earlier start was killed; ended the {left} processes it left behind.")
        _check_port(host, port)
        _check_mail_port(port)
    except CannotStart as problem:
        sys.stderr.write(f"\n{problem}\n\n")
        return 1
    _tell(f"Starting Carillon in {ROOT} with its data in {var} …")
    _prepare()
    supervisor = Supervisor(_commands(), place=var, cwd=ROOT)
    threading.Thread(target=_announce, args=(supervisor, host, port, var), daemon=True).start()
    supervisor.run()
    lock.close()
    return 0


def _port(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 65_500:
        sys.exit(f"PORT={text} is not a port number; use one between 1024 and 65499, e.g. PORT=8001 make run")
    return int(text)


def _check_folder(var: Path) -> None:
    try:
        var.mkdir(parents=True, exist_ok=True)
        probe = var / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise CannotStart(
            f"Carillon keeps its data in {var}, which can't be written to ({error.strerror}).\n"
            "Give yourself the right to, or choose another folder: CARILLON_VAR=~/carillon make run"
        ) from error
    free = shutil.disk_usage(var).free
    if free < NEED_BYTES:
        raise CannotStart(
            f"The disk of {var} has {free // 1024**2} MB left; Carillon needs {NEED_BYTES // 1024**2} MB to start.\n"
            "Free some space, or choose a folder on another disk: CARILLON_VAR=/other/disk/carillon make run"
        )


def _claim(var: Path) -> IO[str]:
    """Two consoles over one folder would both send: the second is told where the first is."""
    lock = (var / "running").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        raise CannotStart(
            f"Carillon is already running on this data folder: {lock.read().strip()}\n"
            "Open that address, stop it with ctrl-C where it runs, or start another beside it:\n"
            "    CARILLON_VAR=/tmp/second PORT=8001 make run"
        ) from None
    lock.truncate(0)
    lock.write(_address(os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "8000"))))
    lock.flush()
    return lock


def _check_port(host: str, port: int) -> None:
    if not _is_free(host, port):
        raise CannotStart(
            f"Port {port} on {host} is taken by another program.\nStart on another one:  PORT={port + 1} make run"
        )


def _check_mail_port(port: int) -> None:
    mail_port = int(os.environ.get("SANDBOX_SMTP_PORT", port + 25))
    if "SANDBOX_SMTP_HOST" not in os.environ and not _is_free("127.0.0.1", mail_port):
        raise CannotStart(
            f"Port {mail_port}, meant for the sandbox mailbox, is taken by another program.\n"
            f"Give it another one:  SANDBOX_SMTP_PORT={mail_port + 1} make run"
        )


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port just left by us is free
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _prepare() -> None:
    """Migrate, and at the first start make logins and demo data; each is safe to repeat after a kill."""
    django.setup()
    call_command("migrate", verbosity=0, interactive=False)
    if os.environ.get("CARILLON_ENV", "local") != "production":
        call_command("load_demo", essentials_only=os.environ.get("DEMO", "1") == "0")


def _commands() -> dict[str, str]:
    return dict(parse_procfile((ROOT / "Procfile").read_text()).processes)


def _announce(supervisor: Supervisor, host: str, port: int, var: Path) -> None:
    began = time.monotonic()
    while not _answers(host, port):
        if time.monotonic() - began > READY_SECONDS:
            supervisor.say(f"The console does not answer after {READY_SECONDS} s; the lines above may say why.")
            return
        time.sleep(0.25)
    supervisor.first_is_ready.set()
    supervisor.say(logins.banner(_address(host, port), var))


def _answers(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1" if host == "0.0.0.0" else host, port, timeout=5)  # noqa: S104
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _address(host: str, port: int) -> str:
    return f"http://{'127.0.0.1' if host in ('0.0.0.0', '::') else host}:{port}/"  # noqa: S104


def _tell(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
