"""A source with its key, and somebody who sends to it."""

import base64
import json
from typing import Any

import pytest
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client

from events.models import Source
from events.tracking import catalogue, live, pace, sources


class Sender:
    """A program with a write key."""

    def __init__(self, source: Source, key: str) -> None:
        self.source, self.key = source, key
        self.client = Client()

    def post(self, path: str, body: Any, *, strict: bool = False, **headers: str) -> HttpResponse:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        basic = base64.b64encode(f"{self.key}:".encode()).decode()
        sent = {"Authorization": f"Basic {basic}"} | ({"X-Strict-Mode": "1"} if strict else {}) | headers
        return self.client.post(f"/v1/{path}", raw, content_type="application/json", headers=sent)

    def say(self, kind: str, **message: Any) -> dict[str, Any]:
        """One message that must be answered well; returns the answer."""
        answer = self.post(kind, message)
        assert answer.status_code == 200, answer.content
        return json.loads(answer.content)

    def batch(self, *messages: dict[str, Any], **around: Any) -> dict[str, Any]:
        return self.say("batch", batch=list(messages), **around)

    def shown(self, which: str = "taken") -> list[live.Line]:
        return live.lines(self.source.pk, which)


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    """What a process and Redis remember of sources, attributes and limits outlives a test's transaction."""
    cache.clear()
    sources.forget_remembered()
    catalogue.forget_remembered()
    pace.forget_remembered()


def _sender(name: str, kind: str) -> Sender:
    source, key = sources.add(name=name, kind=kind, by=None)
    return Sender(source, key)


@pytest.fixture
def server(db: None) -> Sender:
    """A server of the shop, whose key is secret."""
    return _sender("Shop", Source.Kind.SERVER)


@pytest.fixture
def website(db: None) -> Sender:
    """The shop's website, whose key anyone can read."""
    return _sender("Website", Source.Kind.WEBSITE)
