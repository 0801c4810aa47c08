"""The figures of a campaign are what a count by hand gives."""

from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from analytics import counts, figures, metrics, tasks
from campaigns.models import Campaign
from delivery import live
from delivery.models import Run
from events import names
from team.models import User
from templates_app.models import Link
from tests.analytics.factories import add_messages, happen, make_campaign

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _empty_cache():
    cache.clear()


def values(campaign: Campaign) -> dict[str, Any]:
    return {metric["key"]: metric["value"] for metric in figures.figures(campaign).metrics}


def of_what(campaign: Campaign, key: str) -> str:
    [word] = [metric["of_what"] for metric in figures.figures(campaign).metrics if metric["key"] == key]
    return word


def test_every_figure_of_a_small_campaign_is_right() -> None:
    campaign, run = make_campaign()
    sent = add_messages(run, 40, "sent")
    add_messages(run, 5, "skipped", "no_consent")
    add_messages(run, 2, "skipped", "suppressed")
    [bounced] = add_messages(run, 1, "failed", "bounced")
    add_messages(run, 1, "failed", "render_error")
    add_messages(run, 1, "unknown", "worker_died")
    first, second = Link.objects.order_by("position")
    for message in sent[:10]:
        happen(names.OPENED, message)
    happen(names.OPENED, sent[0], minutes=3)
    for message in sent[8:14]:
        happen(names.OPENED, message, label="prefetch")
    for message in sent[:4]:
        happen(names.CLICKED, message, minutes=5, link=first)
    happen(names.CLICKED, sent[0], minutes=9, link=second)
    happen(names.CLICKED, sent[20], label="scanner", link=second)
    happen(names.UNSUBSCRIBED, sent[1], minutes=10)
    happen(names.BOUNCED, bounced)
    tasks.roll_up()
    found = values(campaign)
    assert {key: found[key] for key in found if key not in {rate.key for rate in metrics.rates()}} == {
        "planned": 50, "sent": 40, "delivered": None, "skipped": 7, "opened": 10, "opened_any": 14, "clicked": 4,
        "clicked_any": 5, "unsubscribed": 1, "bounced": 1, "failed": 1, "unknown": 1, "complained": 0,
    }  # fmt: skip
    assert found["open_rate"] == 10 / 40
    assert found["click_rate"] == 4 / 40
    assert found["click_to_open_rate"] == 4 / 10
    assert found["bounce_rate"] == 1 / 43
    told = figures.figures(campaign)
    assert [(row["outcome"], row["label"], row["count"]) for row in told.not_sent] == [
        ("Not sent", "No consent", 5), ("Not sent", "Suppressed", 2), ("Bounced", "Bounced", 1),
        ("Failed", "Render error", 1), ("Unknown", "Worker died", 1),
    ]  # fmt: skip
    assert [(row["url"], row["people"], row["clicks"]) for row in told.links] == [
        ("https://example.com/a", 4, 4), ("https://example.com/b", 1, 1),
    ]  # fmt: skip
    assert told.series["points"] == [
        {"at": "2026-03-01T12:00:00+00:00", "sent": 40, "opened": 10, "clicked": 4, "unsubscribed": 1}
    ]
    assert sum(told.states.values()) == 50


def test_rates_are_of_delivered_where_nearly_all_deliveries_are_confirmed() -> None:
    campaign, run = make_campaign()
    delivered = add_messages(run, 39, "delivered")
    add_messages(run, 1, "sent")
    for message in delivered[:15]:
        happen(names.OPENED, message)
    tasks.roll_up()
    found = values(campaign)
    assert (found["sent"], found["delivered"], found["open_rate"]) == (40, 39, 15 / 39)
    assert of_what(campaign, "open_rate") == "delivered"


def test_a_few_confirmed_deliveries_change_no_rate() -> None:
    campaign, run = make_campaign()
    delivered = add_messages(run, 1, "delivered")
    sent = add_messages(run, 39, "sent")
    for message in [*delivered, *sent[:9]]:
        happen(names.OPENED, message)
    tasks.roll_up()
    found = values(campaign)
    assert (found["sent"], found["delivered"], found["open_rate"]) == (40, 1, 10 / 40)
    assert of_what(campaign, "open_rate") == "sent"


def test_what_was_opened_counts_as_delivered_whoever_confirms_it() -> None:
    campaign, run = make_campaign()
    for message in add_messages(run, 39, "delivered") + add_messages(run, 1, "sent"):
        happen(names.OPENED, message)
    tasks.roll_up()
    rate = metrics.OpenRate().of(counts.of_campaigns([campaign.pk])[campaign.pk])
    assert (rate.count, rate.of) == (40, 40)


def test_too_few_people_are_called_too_few() -> None:
    campaign, run = make_campaign()
    [message, *_] = add_messages(run, 29, "sent")
    happen(names.OPENED, message)
    tasks.roll_up()
    rate = next(metric for metric in figures.figures(campaign).metrics if metric["key"] == "open_rate")
    assert (rate["is_enough"], rate["note"]) == (False, "Too few to say: under 30")


def test_a_campaign_without_a_run_has_empty_figures_and_no_rate() -> None:
    campaign = Campaign.objects.create(name="New")
    told = figures.figures(campaign)
    assert told.progress["planned"] == 0
    assert told.series["points"] == told.links == told.variants == []
    assert all(metric["value"] is None for metric in told.metrics if metric["kind"] == "rate")


def test_variants_are_compared_honestly() -> None:
    campaign, run = make_campaign(variants=3)
    for variant, clicks in enumerate([10, 12, 60]):
        messages = add_messages(run, 200, "sent", variant=variant)
        for message in messages[:clicks]:
            happen(names.CLICKED, message)
    tasks.roll_up()
    first, alike, better = figures.figures(campaign).variants
    assert first["compared"] is None
    assert alike["compared"]["says"] == "No difference shown"
    assert better["compared"]["says"] == "Higher by 25.0 points"
    assert better["compared"]["low"] > 0


def test_a_late_bounce_leaves_sent_and_enters_bounced() -> None:
    campaign, run = make_campaign()
    messages = add_messages(run, 3, "sent")
    happen(names.BOUNCED, messages[0], minutes=60)
    type(messages[0]).objects.filter(pk=messages[0].pk).update(state="failed", reason="bounced")
    add_messages(run, 0, "sent")  # recounts
    tasks.roll_up()
    found = values(campaign)
    assert (found["sent"], found["bounced"]) == (2, 1)


def test_hours_without_answers_are_shown_and_long_series_become_days() -> None:
    campaign, run = make_campaign()
    messages = add_messages(run, 2, "sent")
    happen(names.OPENED, messages[0], minutes=60 * 3)
    tasks.roll_up()
    points = figures.figures(campaign).series["points"]
    assert [point["opened"] for point in points] == [0, 0, 0, 1]
    happen(names.OPENED, messages[1], minutes=60 * 24 * 10)
    tasks.roll_up()
    series = figures.figures(campaign).series
    assert (series["step"], len(series["points"])) == ("day", 11)
    assert sum(point["opened"] for point in series["points"]) == 2


def test_progress_tells_pace_and_end_while_sending(monkeypatch: pytest.MonkeyPatch) -> None:
    campaign, run = make_campaign(status=Campaign.Status.SENDING)
    waiting = add_messages(run, 60, "planned")
    clock = 1000.0
    monkeypatch.setattr(live.time, "time", lambda: clock)
    assert figures.figures(campaign).progress["per_minute"] is None
    type(waiting[0]).objects.filter(pk__in=[row.pk for row in waiting[:20]]).update(state="sent")
    cache.delete(live.key(run.pk))
    clock += 10
    progress = figures.figures(campaign).progress
    assert (progress["done"], progress["waiting"], progress["per_minute"]) == (20, 40, 120)
    assert progress["ends_at"] is not None


def test_a_live_ledger_is_counted_at_most_every_two_seconds(django_assert_num_queries: Any) -> None:
    _campaign, run = make_campaign(status=Campaign.Status.SENDING)
    add_messages(run, 3, "planned")
    run = Run.objects.get(pk=run.pk)
    counts.of_run(run)
    with django_assert_num_queries(0):
        assert counts.of_run(run).total() == 3


def test_uncounted_events_are_admitted() -> None:
    campaign, run = make_campaign()
    [message] = add_messages(run, 1, "sent")
    tasks.roll_up()
    assert figures.behind_seconds() == 0
    happen(names.OPENED, message)
    assert figures.figures(campaign).behind_seconds >= 0
    assert values(campaign)["opened"] == 0


@pytest.fixture
def address() -> str:
    campaign, _ = make_campaign()
    return reverse("analytics:campaign-figures", args=[campaign.uuid])


def test_those_who_see_campaigns_see_figures(client: Client, address: str, editor: User, approver: User) -> None:
    for user in (editor, approver):
        client.force_login(user)
        answer = client.get(address)
        assert answer.status_code == 200
        assert answer.json()["progress"]["planned"] == 0


def test_strangers_and_visitors_do_not(client: Client, address: str, stranger: User) -> None:
    assert client.get(address).status_code == 403
    client.force_login(stranger)
    assert client.get(address).status_code == 403
    assert client.get(reverse("analytics:underway")).status_code == 403


def test_unknown_and_deleted_campaigns_have_no_figures(client: Client, address: str, editor: User) -> None:
    client.force_login(editor)
    assert client.get(address.replace(address[-12:], "0" * 12)).status_code == 404
    assert client.post(address).status_code == 405
    Campaign.objects.update(deleted_at="2026-01-01T00:00Z")
    assert client.get(address).status_code == 404
