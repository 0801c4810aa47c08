"""Tasks of delivery. Each only wakes up and looks: what there is to do stands in the rows."""

import gc
import mmap
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from celery import shared_task
from celery.signals import worker_process_init, worker_shutting_down
from django.conf import settings
from django.core.cache import cache
from django.utils import timezone

from delivery import engagement, outbox, sending
from delivery.confirmation import sending as confirmations
from delivery.models import WorkerBeat

DRAIN_SECONDS = 60
BEAT_EVERY = timedelta(seconds=5)
SWITCH_SECONDS = 0.0005
SLOT_SECONDS = 20  # a sender that shows no sign of life for so long is gone, and its slot is another's

# One byte shared between the worker's main process and its children, which are forked after this module is imported:
# at a warm shutdown only the main process hears of it, and the children must stop claiming at once.
_stopping = mmap.mmap(-1, 1)


@worker_shutting_down.connect
def _stop_claiming(**_: Any) -> None:
    _stopping[0] = 1


@contextmanager
def _finishing_its_group() -> Iterator[Callable[[], bool]]:
    """Let a SIGTERM end this sender after the group it has on the line, instead of in the middle of it.

    Supervisors signal whole process groups, and a pool child dies of SIGTERM at once. Yields the question to ask.
    """
    told = []
    before = signal.signal(signal.SIGTERM, lambda *_: told.append(True))
    try:
        yield lambda: bool(told) or _stopping[0] == 1
    finally:
        signal.signal(signal.SIGTERM, before)


@worker_process_init.connect
def tune(**_: Any) -> None:
    """Make Python suit a sender, which makes some hundred containers per message and waits for answers meanwhile."""
    # Out of every later garbage collection with what was loaded at start: walking all of Django again and again took
    # a fifth of the rendering time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)
    # A thread that got its answer must not wait 5 ms, Python's default, for the one that is composing: that took a
    # fifth of the messages a second.
    sys.setswitchinterval(SWITCH_SECONDS)


@shared_task
def drain(slot: int) -> None:
    """Send what is due. `slot` numbers the senders that should run at once; it only keeps the queue from filling."""
    worker = f"{socket.gethostname()[:20]}:{os.getpid()}:{slot}"
    beat = _beats(f"send:{slot}", _taken(slot))
    try:
        with _finishing_its_group() as must_stop:
            sending.drain(worker=worker, seconds=DRAIN_SECONDS, must_stop=must_stop, beat=beat)
            beat()
    finally:  # last of all, or the slot would look taken for another twenty seconds after its sender went
        cache.delete(_taken(slot))


@shared_task
def sweep() -> None:
    """Find what is to be done from the rows alone, and wake the senders that don't run."""
    WorkerBeat.objects.update_or_create(name="sweep", defaults={"at": timezone.now()})
    try:
        outbox.sweep()
    finally:  # whatever is wrong with one run, the others are sent
        _wake_senders()


@shared_task
def ask_to_confirm() -> None:
    """Give confirmations that wait for their mail a row in the ledger."""
    if confirmations.send_due():
        _wake_senders()


def _wake_senders() -> None:
    if outbox.has_due():
        for slot in range(settings.SEND_WORKERS):
            if cache.add(_taken(slot), 1, timeout=SLOT_SECONDS):
                drain.delay(slot)


@shared_task
def read_events() -> None:
    """Bring opens, clicks and deliveries from the log into the ledger until nothing new is there."""
    until = time.monotonic() + 30
    while engagement.read_events() and time.monotonic() < until:
        pass


def _taken(slot: int) -> str:
    return f"drain:{slot}"


def _beats(name: str, key: str) -> Callable[[], None]:
    """A function that, every few seconds at most, notes that this process makes progress."""
    last = [0.0]

    def beat() -> None:
        now = time.monotonic()
        if now - last[0] >= BEAT_EVERY.total_seconds():
            last[0] = now
            WorkerBeat.objects.update_or_create(name=name, defaults={"at": timezone.now()})
            cache.set(key, 1, timeout=SLOT_SECONDS)

    return beat
