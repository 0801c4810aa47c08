"""Many writers and two workers of one reader at the same time."""

import random
import threading
import time

import pytest
from django.db import connections, transaction

from events import ingest, stream


@pytest.mark.django_db(transaction=True)
def test_nothing_is_lost_or_read_twice_while_many_write_and_two_read() -> None:
    writers, per_writer, seen = 6, 60, []
    is_over = threading.Event()

    def write(number: int) -> None:
        rng = random.Random(number)
        try:
            for step in range(per_writer):
                with transaction.atomic():
                    ingest.record(f"{number}.{step}")
                    time.sleep(rng.random() * 0.004)
        finally:
            connections.close_all()

    def follow() -> None:
        try:
            while True:
                was_over = is_over.is_set()
                with stream.read("r", 7) as events:
                    names = [event.name for event in events]
                seen.extend(names)
                if was_over and not names:
                    return
        finally:
            connections.close_all()

    writing = [threading.Thread(target=write, args=[number]) for number in range(writers)]
    reading = [threading.Thread(target=follow) for _ in range(2)]
    for thread in writing + reading:
        thread.start()
    for thread in writing:
        thread.join()
    is_over.set()
    for thread in reading:
        thread.join()
    # A reader that found the other one at work may have left; what is left then is read here.
    while True:
        with stream.read("r") as events:
            if not events:
                break
            seen.extend(event.name for event in events)
    assert sorted(seen) == sorted(f"{number}.{step}" for number in range(writers) for step in range(per_writer))
