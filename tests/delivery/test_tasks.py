"""Tasks only wake and look; a sender's slot is taken for exactly as long as it shows signs of life."""

from datetime import timedelta

import pytest
from django.core.cache import cache

from core.errors import Refused
from delivery import sending, tasks
from delivery.models import WorkerBeat

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_slot_is_free_the_moment_its_sender_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "BEAT_EVERY", timedelta(0))
    cache.set("drain:3", 1, 20)
    tasks.drain(3)
    assert cache.get("drain:3") is None
    assert WorkerBeat.objects.filter(name="send:3").exists()


def test_a_slot_is_free_when_its_sender_broke_down(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(**_: object) -> None:
        raise Refused("broken", "The disk is full.")

    monkeypatch.setattr(sending, "drain", breaks)
    cache.set("drain:3", 1, 20)
    with pytest.raises(Refused):
        tasks.drain(3)
    assert cache.get("drain:3") is None
