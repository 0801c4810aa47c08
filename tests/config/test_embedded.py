"""The embedded servers: shared by processes, survivors of kill -9, tidy when the last user leaves."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from config import embedded

ROOT = Path(__file__).resolve().parents[2]
USER_OF_BOTH = """
import sys
from pathlib import Path
from config import embedded
print(embedded.start_postgres(Path(sys.argv[1])), embedded.start_redis(Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""
SERVERS = ("postgres", "redis-server")
pytestmark = [pytest.mark.fault, pytest.mark.xdist_group("embedded")]


@pytest.fixture
def var(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder of its own, whose servers keep what they are given as they do outside of tests."""
    monkeypatch.delenv("CARILLON_THROWAWAY", raising=False)
    folder = Path(tempfile.mkdtemp(prefix="car"))
    yield folder
    for pid in servers_of(folder):  # of a test that failed
        psutil.Process(pid).kill()
    shutil.rmtree(folder, ignore_errors=True)


class Process:
    """A process that uses both servers until told to leave."""

    def __init__(self, var: Path, *, wrapper: tuple[str, ...] = ()) -> None:
        command = [*wrapper, sys.executable, "-c", USER_OF_BOTH, str(var)]
        self.popen = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def addresses(self) -> list[str]:
        assert self.popen.stdout is not None
        line = self.popen.stdout.readline()
        assert line, self.popen.stderr.read() if self.popen.stderr else ""
        return line.split()

    def leave(self) -> None:
        self.popen.communicate("", timeout=60)
        assert self.popen.returncode == 0

    def kill(self) -> None:
        self.popen.send_signal(signal.SIGKILL)
        self.popen.communicate(timeout=30)


def servers_of(var: Path) -> list[int]:
    """Leading processes of the servers whose data is in `var`."""
    found = []
    for process in psutil.process_iter(["cmdline", "name", "status"]):
        command = " ".join(process.info["cmdline"] or [])
        if str(var) in command and process.info["name"] in SERVERS and process.info["status"] != "zombie":
            found.append(process.pid)
    return found


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)
    return condition()


def query(url: str, sql: str) -> str:
    host = url.rpartition("host=")[2]
    psql = embedded.POSTGRES_VERSIONS[embedded.POSTGRES_VERSION] / "psql"
    return subprocess.run(
        [psql, "-h", host, "-U", "postgres", "-d", "carillon", "-Atc", sql], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_two_processes_share_the_servers_and_the_last_to_leave_stops_them(var: Path) -> None:
    first, second = Process(var), Process(var)
    assert first.addresses() == second.addresses()
    assert len(servers_of(var)) == 2
    first.leave()
    assert len(servers_of(var)) == 2
    second.leave()
    assert wait_until(lambda: not servers_of(var))


def test_data_is_kept_from_one_start_to_the_next(var: Path) -> None:
    first = Process(var)
    query(first.addresses()[0], "CREATE TABLE kept AS SELECT 42 AS answer")
    first.leave()
    second = Process(var)
    assert query(second.addresses()[0], "SELECT answer FROM kept") == "42"
    second.leave()


def test_a_killed_process_leaves_servers_that_the_next_one_joins_and_stops(var: Path) -> None:
    first = Process(var)
    first.addresses()
    before = servers_of(var)
    first.kill()
    second = Process(var)
    second.addresses()
    assert servers_of(var) == before
    second.leave()
    assert wait_until(lambda: not servers_of(var))


def test_killed_servers_come_back_with_their_data(var: Path) -> None:
    first = Process(var)
    query(first.addresses()[0], "CREATE TABLE kept AS SELECT 42 AS answer")
    for pid in servers_of(var):
        psutil.Process(pid).kill()
    first.kill()
    second = Process(var)
    assert query(second.addresses()[0], "SELECT answer FROM kept") == "42"
    second.leave()


def test_a_process_number_that_now_belongs_to_something_else_does_not_stop_the_start(var: Path) -> None:
    Process(var).leave()
    stale = var / "postgres" / "data" / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n{stale.parent}\n0\n5432\n{var}\n\n0 0\n")
    process = Process(var)
    assert process.addresses()
    process.leave()


def test_a_redis_that_lost_its_socket_makes_way_for_a_new_one(var: Path) -> None:
    first = Process(var)
    Path(first.addresses()[1]).unlink()
    second = Process(var)
    second.addresses()
    assert len(servers_of(var)) == 2
    first.leave()
    second.leave()
    assert wait_until(lambda: not servers_of(var))


def test_a_half_made_data_directory_is_made_afresh(var: Path) -> None:
    for name in ("data", "data.new"):
        half = var / "postgres" / name
        half.mkdir(parents=True)
        (half / "PG_VERSION").write_text("18\n")
    process = Process(var)
    assert query(process.addresses()[0], "SELECT 1") == "1"
    process.leave()


def test_a_path_too_long_for_a_socket_gets_a_short_one(var: Path) -> None:
    deep = var / ("a-folder-with-a-long-name-" * 4) / "var"
    process = Process(deep)
    url, redis = process.addresses()
    assert len(redis) < 104
    assert query(url, "SELECT 1") == "1"
    process.leave()


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root and setpriv to change user")
def test_an_ordinary_user_needs_no_rights_of_root(var: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    os.chown(var, nobody.pw_uid, nobody.pw_gid)
    wrapper = ("setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups", "env", "HOME=/tmp")
    probe = subprocess.run([*wrapper, sys.executable, "-c", "import psutil"], cwd=ROOT, capture_output=True)
    if probe.returncode:
        pytest.skip("this Python lies where an ordinary user can't read it")
    process = Process(var, wrapper=wrapper)
    assert query(process.addresses()[0], "SELECT 1") == "1"
    process.leave()
    assert wait_until(lambda: not servers_of(var))


def test_a_disk_without_room_is_named_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(embedded.EmbeddedServerError, match="CARILLON_VAR"):
        embedded._check_disk(tmp_path, need=2**60)
