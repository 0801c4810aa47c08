"""People, scanners and mail clients that load ahead are told apart, and a label can be changed afterwards."""

from datetime import timedelta

import pytest
from django.utils import timezone

from events import ingest, labels, names, stream
from events.models import Event

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36"
CAMINO = "Mozilla/5.0 (Macintosh; U; Intel Mac OS X 10.6; en; rv:1.9.0.19) Gecko/2011032020 Camino/2.0.7"


@pytest.mark.parametrize(
    ("agent", "method", "seconds", "label"),
    [
        (CHROME, "GET", 300, "human"),
        (CHROME, "GET", None, "human"),
        (CHROME, "HEAD", 300, "scanner"),
        (CHROME, "GET", 0.4, "scanner"),
        (CHROME, "GET", 1.99, "scanner"),
        (CHROME, "GET", 2.0, "human"),
        (CHROME, "GET", -3, "scanner"),
        ("", "GET", 300, "scanner"),
        ("   ", "GET", 300, "scanner"),
        ("Mozilla/5.0", "GET", 300, "prefetch"),
        (f"{CHROME} Edge/12.246 Mozilla/5.0", "GET", 300, "prefetch"),
        ("Mozilla/5.0 (Windows NT 5.1) Firefox/11.0 (via ggpht.com GoogleImageProxy)", "GET", 900, "human"),
        ("Mozilla/5.0 (Windows NT 5.1) Firefox/11.0 (via ggpht.com GoogleImageProxy)", "GET", 1, "prefetch"),
        ("YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html", "GET", 900, "human"),
        (f"{CHROME} BingPreview/1.0b", "GET", 900, "scanner"),
        ("BarracudaCentral/1.0", "GET", 900, "scanner"),
        ("Googlebot/2.1 (+http://www.google.com/bot.html)", "GET", 900, "scanner"),
        ("SomeNewBot/0.1", "GET", 900, "scanner"),
        ("python-requests/2.31", "GET", 900, "scanner"),
        (CAMINO, "GET", 900, "human"),
    ],
)
def test_who_asked_is_told_from_how_they_asked(agent: str, method: str, seconds: float | None, label: str) -> None:
    assert labels.label_of(agent, method, seconds)[0] == label


def test_every_label_but_an_ordinary_persons_has_a_reason_the_log_can_hold() -> None:
    assert labels.label_of(CHROME, "GET", 60) == ("human", "")
    for agent in ["", "Mozilla/5.0", *labels.SCANNERS]:
        label, reason = labels.label_of(agent, "GET", 60)
        assert label != "human"
        assert 0 < len(reason) <= 120


def click(message: int, link: int, *, after: float = 0, name: str = names.CLICKED) -> int:
    return ingest.record(
        name, campaign_id=1, message_id=message, occurred_at=START + timedelta(seconds=after), properties={"link": link}
    )


START = timezone.now() - timedelta(hours=1)


@pytest.mark.django_db(transaction=True)
def test_several_links_within_a_second_are_a_scanners() -> None:
    machine = [click(1, 1), click(1, 2, after=0.3), click(1, 0, after=0.1, name=names.OPENED)]
    people = [click(2, 1), click(2, 1, after=0.2), click(3, 1), click(3, 2, after=5), click(4, 2, after=0.1)]
    assert labels.label_bursts() == 3
    assert set(Event.objects.filter(label="scanner").values_list("id", flat=True)) == set(machine)
    assert set(Event.objects.filter(label="human", message_id__gt=1).values_list("id", flat=True)) == set(people)


@pytest.mark.django_db(transaction=True)
def test_a_burst_split_over_two_readings_is_still_found() -> None:
    click(1, 1)
    assert labels.label_bursts() == 0
    click(1, 2, after=0.5)
    assert labels.label_bursts() == 2


@pytest.mark.django_db(transaction=True)
def test_relabelling_is_told_to_the_logs_readers_once_per_campaign() -> None:
    click(1, 1)
    click(2, 1)
    events = list(Event.objects.all())
    with stream.read("r"):
        pass
    assert labels.relabel(events, label="scanner", reason="new gateway") == 2
    with stream.read("r") as told:
        assert [(event.name, event.campaign_id) for event in told] == [(names.RELABELLED, 1)]
    assert labels.relabel(events, label="scanner", reason="new gateway") == 0
    with stream.read("r") as told:
        assert told == []


@pytest.mark.django_db
def test_relabelling_nothing_changes_nothing() -> None:
    assert labels.relabel([], label="scanner", reason="x") == 0
