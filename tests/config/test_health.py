"""Alive and ready: what probes see when parts are missing."""

from datetime import timedelta

import pytest
from django.test import Client, override_settings
from django.utils import timezone

from delivery.models import WorkerBeat


def test_alive_asks_nothing_of_the_database(client: Client) -> None:
    assert client.get("/healthz").content == b"ok\n"


@pytest.mark.django_db
def test_ready_once_a_sweep_has_gone_through_beat_broker_and_worker(client: Client) -> None:
    assert client.get("/readyz").status_code == 503
    WorkerBeat.objects.create(name="sweep", at=timezone.now())
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["ready"] is True


@pytest.mark.django_db
def test_not_ready_when_workers_live_and_do_nothing(client: Client) -> None:
    WorkerBeat.objects.create(name="sweep", at=timezone.now() - timedelta(minutes=5))
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "300 s ago" in answer.json()["checks"]["workers"]


@pytest.mark.django_db
@override_settings(REDIS_URL="redis://127.0.0.1:1/0")
def test_not_ready_without_the_broker(client: Client) -> None:
    WorkerBeat.objects.create(name="sweep", at=timezone.now())
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["broker"] == "does not answer"


@pytest.mark.django_db
@override_settings(SECURE_SSL_REDIRECT=True, SECURE_REDIRECT_EXEMPT=[r"^healthz$", r"^readyz$"])
def test_probes_need_no_tls(client: Client) -> None:
    assert client.get("/healthz").status_code == 200
    assert client.get("/admin/login/").status_code == 301
