"""The tracking API by HTTP in batches of 100, beside a minimal Django view that COPYs the same batches unchecked.

Everything is included: granian, the whole middleware, the key, validation, deduplication, finding and making people,
visitors joined to people, companies, catalogue, the log with its indexes, the live view, a commit that waits for the
disk. Both servers have two processes; the senders share the same two cores. Rounds alternate, and the best of each
counts: what others do on the machine only ever slows.
"""

import base64
import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

from django.db import connection

from bench import scratch
from bench.result import Result
from events import partitions
from events.tracking import sources

BATCH, SENDERS, ROUNDS = 100, 8, 3
PLACES = ["/pricing", "/features", "/blog/bells", "/account", "/checkout"]


def run(scale: float = 1.0) -> list[Result]:
    people, batches = max(1_000, int(1_000_000 * scale)), max(50, int(600 * min(1.0, scale * 4)))
    with scratch.database() as url:
        partitions.ensure()
        _make_people(people)
        _, key = sources.add(name="Bench", by=None)
        ours, bare, peak = _race(url, key, people, batches)
        stored, taken = _stored(), batches * BATCH
    print(f"    {stored:,} events in the log after {2 * ROUNDS} rounds of {taken:,}")
    return [
        Result("track by HTTP, batches of 100, beside an unchecked COPY", ours, bare, "events/s", ours / bare, peak,
               "at least 0.25x and 20,000/s"),
    ]  # fmt: skip


def _make_people(count: int) -> None:
    scratch.execute(
        """
        INSERT INTO contacts_contact (email, external_id, first_name, attributes)
        SELECT 'person' || n || '@example.com', 'p-' || n, 'Given' || n %% 5000, jsonb_build_object('plan', 'gold')
        FROM generate_series(1, %s) n
        """,
        count,
    )
    scratch.execute(
        "INSERT INTO contacts_identity (kind, value, contact_id)"
        " SELECT 'anonymous', 'visitor-' || external_id, id FROM contacts_contact WHERE id %% 2 = 0"
    )
    scratch.execute("VACUUM ANALYZE")


def _race(url: str, key: str, people: int, batches: int) -> tuple[float, float, float]:
    with (
        _serve("config.wsgi", "config.settings", url) as ours,
        _serve("bench.bare_site", "bench.bare_site", url) as bare,
    ):
        header = base64.b64encode(f"{key}:".encode()).decode()
        best, peak = {"ours": 0.0, "bare": 0.0}, 0.0
        for _ in range(8):  # every process has imported and prepared what it needs
            for server in (ours, bare):
                _send_all(server.port, header, [_batch(people, random.Random(), is_bare=server is bare)])
        for number in range(ROUNDS):
            for name, server in (("ours", ours), ("bare", bare)):
                rng = random.Random(number)
                bodies = [_batch(people, rng, is_bare=name == "bare") for _ in range(batches)]
                scratch.settled()
                seconds = scratch.timed(partial(_send_all, server.port, header, bodies))
                best[name] = max(best[name], batches * BATCH / seconds)
            peak = max(peak, ours.peak_mb())
    return best["ours"], best["bare"], peak


class _Server:
    def __init__(self, process: subprocess.Popen, port: int) -> None:
        self.process, self.port = process, port

    def peak_mb(self) -> float:
        found = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, text=True, check=False
        )
        return max((scratch.peak_mb(int(pid)) for pid in found.stdout.split()), default=0.0)


@contextmanager
def _serve(module: str, settings: str, url: str) -> Iterator[_Server]:
    port = _free_port()
    environment = os.environ | {
        "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": settings, "TRACKING_RATE_PER_MINUTE": "100000000",
    }  # fmt: skip
    command = [
        sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port),
        "--workers", "2", "--blocking-threads", "4", "--http", "1", "--no-ws", "--log-level", "warning",
        f"{module}:application",
    ]  # fmt: skip
    process = subprocess.Popen(command, env=environment)
    try:
        deadline = time.monotonic() + 60
        while not _answers(port) and time.monotonic() < deadline:
            time.sleep(0.1)
        yield _Server(process, port)
    finally:
        process.terminate()
        process.wait()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _batch(people: int, rng: random.Random, *, is_bare: bool) -> bytes:
    """A hundred messages: what people do, for the most part, some visits of visitors, and who they are now and then.

    The bare view can only take what has a name: for it the others are tracked events of the same size.
    """
    now = datetime.now(UTC)
    messages = [_message(rng.randrange(people) + 1, rng, now, is_bare) for _ in range(BATCH)]
    return json.dumps({"batch": messages, "sentAt": now.isoformat()}).encode()


def _message(number: int, rng: random.Random, now: datetime, is_bare: bool) -> dict[str, object]:
    message: dict[str, object] = {
        "type": "track", "messageId": str(uuid.UUID(int=rng.getrandbits(64) + time.time_ns() * 2**64)),
        "timestamp": (now - timedelta(seconds=rng.randrange(5))).isoformat(), "integrations": {},
        "context": {"library": {"name": "analytics-python", "version": "2.3.3"}}, "userId": f"p-{number}",
        "event": rng.choice(["Product Viewed", "Product Added", "Order Completed"]),
        "properties": {
            "product_id": f"sku-{rng.randrange(500)}", "price": rng.randrange(9999) / 100, "currency": "EUR",
            "quantity": rng.randrange(1, 5), "path": rng.choice(PLACES), "coupon": None, "is_gift": False,
        },
    }  # fmt: skip
    kind = 0 if is_bare else rng.randrange(100)
    if kind >= 95:
        plan = rng.choice(["gold", "gold", "gold", "free"])
        message |= {"type": "identify", "traits": {"email": f"person{number}@example.com", "plan": plan}}
        message["userId"] = f"p-{number}" if kind < 99 else f"new-{uuid.uuid4().hex}"
        message["traits"] = {"plan": plan} if kind == 99 else message["traits"]
    elif kind >= 85:
        message |= {"type": "page", "name": "Page", "anonymousId": f"visitor-p-{number}", "userId": None}
    elif kind == 84:
        message |= {"type": "group", "groupId": f"c-{number % 500}", "traits": {"name": f"Company {number % 500}"}}
    return message


def _send_all(port: int, header: str, bodies: list[bytes]) -> None:
    waiting, failures = list(bodies), []
    senders = [threading.Thread(target=_send, args=(port, header, waiting, failures)) for _ in range(SENDERS)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert not failures, failures[:3]


def _send(port: int, header: str, waiting: list[bytes], failures: list[bytes]) -> None:
    with socket.create_connection(("127.0.0.1", port)) as line:
        while waiting:
            body = waiting.pop()
            head = (
                f"POST /v1/batch HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic {header}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            line.sendall(head.encode() + body)
            answer = _answer(line)
            if b" 200 " not in answer[:20]:
                failures.append(answer)


def _answer(line: socket.socket) -> bytes:
    answer = b""
    while b"}" not in answer:
        part = line.recv(65536)
        if not part:
            return answer or b"closed"
        answer += part
    return answer


def _stored() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM events_event")
        return int(cursor.fetchone()[0])
