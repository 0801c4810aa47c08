"""The whole stack of workers and schedulers, disturbed while a campaign goes out."""

import signal
from collections.abc import Callable, Iterator

import pytest
from django.core.cache import cache
from django.utils import timezone

from campaigns import lifecycle
from campaigns.models import Campaign
from delivery.models import Message, Run
from team.models import User
from tests.delivery.conftest import Provider, make_account, make_campaign, make_people
from tests.faults.conftest import Process, wait_until
from tests.faults.test_crashes import PEOPLE, agree

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.fault]


@pytest.fixture
def slow_provider(start_provider: Callable[..., Provider]) -> Provider:
    return start_provider("--delay", "0.02")


@pytest.fixture(autouse=True)
def _empty_broker() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def start_workers(start: Callable[..., Process], *, beats: int = 1) -> list[Process]:
    celery = ("-m", "celery", "-A", "config")
    workers = [
        start(*celery, "worker", "-Q", queue, "-c", "2", "-n", f"{queue}@test", "--without-gossip", "--without-mingle")
        for queue in ("send", "default")
    ]
    return workers + [start(*celery, "beat", "--pidfile=", "-l", "warning") for _ in range(beats)]


def launch(campaign: Campaign) -> None:
    """What lifecycle.launch leaves behind; approval is its own tests' business."""
    Campaign.objects.filter(pk=campaign.pk).update(status="sending", planned_at=timezone.now())


def is_finished(campaign: Campaign) -> bool:
    return Campaign.objects.filter(pk=campaign.pk, status=Campaign.Status.FINISHED).exists()


def run_of(campaign: Campaign) -> Run:
    return Run.objects.get(campaign=campaign)


def test_redis_flushed_in_the_middle_of_a_run_loses_nothing(
    editor: User, slow_provider: Provider, start: Callable[..., Process]
) -> None:
    make_account(slow_provider, max_connections=1)
    make_people(PEOPLE)
    campaign = make_campaign(editor)
    start_workers(start)
    wait_until(lambda: len(slow_provider.accepted()) > 20, what="sending")
    cache._cache.get_client().flushall()
    wait_until(lambda: is_finished(campaign), what="the end of the run")
    agree(run_of(campaign), slow_provider, unknown_at_most=0)


def test_two_schedulers_open_one_run(editor: User, slow_provider: Provider, start: Callable[..., Process]) -> None:
    make_account(slow_provider)
    make_people(PEOPLE)
    campaign = make_campaign(editor)
    start_workers(start, beats=2)
    wait_until(lambda: is_finished(campaign), what="the end of the run")
    agree(run_of(campaign), slow_provider, unknown_at_most=0)


def test_pausing_and_resuming_in_the_middle_sends_everybody_once(
    editor: User, approver: User, slow_provider: Provider, start: Callable[..., Process]
) -> None:
    make_account(slow_provider, max_connections=1)
    make_people(PEOPLE)
    campaign = make_campaign(editor)
    start_workers(start)
    wait_until(lambda: len(slow_provider.accepted()) > 20, what="sending")
    campaign.refresh_from_db()
    lifecycle.pause(campaign, by=approver, reason="A typo in the subject?")
    wait_until(lambda: not Message.objects.filter(state__in=["queued", "sending"]).exists(), what="quiet")
    stopped_at = len(slow_provider.accepted())
    assert stopped_at < PEOPLE
    campaign.refresh_from_db()
    lifecycle.resume(campaign, by=approver)
    wait_until(lambda: is_finished(campaign), what="the end of the run")
    agree(run_of(campaign), slow_provider, unknown_at_most=0)


def test_a_deploy_gives_back_what_was_not_handed_over(
    editor: User, slow_provider: Provider, start: Callable[..., Process]
) -> None:
    make_account(slow_provider, max_connections=1)
    make_people(PEOPLE)
    campaign = make_campaign(editor)
    workers = start_workers(start)
    wait_until(lambda: len(slow_provider.accepted()) > 20, what="sending")
    for worker in workers:
        worker.signal(signal.SIGTERM)
    for worker in workers:
        worker.wait(30)
    assert not Message.objects.filter(state__in=["queued", "sending", "unknown"]).exists()
    assert Message.objects.filter(state="planned").exists()
    start_workers(start)
    wait_until(lambda: is_finished(campaign), what="the end of the run")
    agree(run_of(campaign), slow_provider, unknown_at_most=0)
