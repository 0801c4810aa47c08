"""Figures over the API: right, guarded, and clear about wrong requests."""

import csv
import io
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone
from openpyxl import load_workbook
from rest_framework.test import APIClient

from analytics import tasks
from campaigns.models import Campaign
from delivery.models import Account
from events import names
from team import apikeys
from team.models import User
from tests.analytics.factories import add_messages, happen, make_campaign

pytestmark = pytest.mark.django_db(transaction=True)
OF_ONE = ["stats", "analytics", "metrics", "funnel", "platforms", "report"]
DASHBOARD = ["overview", "campaigns", "channels", "queue", "engagement"]


@pytest.fixture
def api(editor: User) -> APIClient:
    cache.clear()
    client = APIClient()
    client.force_login(editor)
    return client


@pytest.fixture
def campaign() -> Campaign:
    campaign, run = make_campaign("=SUM(1) & Söhne", variants=2)
    for variant, clicks in enumerate([10, 40]):
        messages = add_messages(run, 100, "sent", variant=variant)
        for message in messages[:clicks]:
            happen(names.CLICKED, message)
        for message in messages[: clicks + 10]:
            happen(names.OPENED, message)
    add_messages(run, 7, "skipped", "no_consent")
    tasks.roll_up()
    Campaign.objects.filter(pk=campaign.pk).update(finished_at=timezone.now())
    return campaign


def of(campaign: Campaign, what: str) -> str:
    return f"/api/campaigns/{campaign.uuid}/{what}"


@pytest.mark.parametrize("what", OF_ONE)
def test_both_spellings_of_each_address_answer(api: APIClient, campaign: Campaign, what: str) -> None:
    assert api.get(of(campaign, what)).status_code == 200
    assert api.get(of(campaign, what) + "/").status_code == 200


def test_stats_count_everyone_in_the_audience(api: APIClient, campaign: Campaign) -> None:
    told = api.get(of(campaign, "stats")).json()
    assert told["states"] == {"sent": 200, "skipped": 7}
    assert told["progress"]["planned"] == 207
    assert told["not_sent"][0]["label"] == "No consent"


def test_the_funnel_never_widens(api: APIClient, campaign: Campaign) -> None:
    told = api.get(of(campaign, "funnel")).json()
    assert [(stage["key"], stage["count"], stage["lost"]) for stage in told] == [
        ("planned", 207, 0), ("sent", 200, 7), ("opened", 70, 130), ("clicked", 50, 20),
    ]  # fmt: skip


def test_every_metric_comes_with_its_definition(api: APIClient, campaign: Campaign) -> None:
    told = api.get(of(campaign, "metrics")).json()
    assert all(metric["definition"].endswith(".") and metric["formula"] for metric in told)


def test_platforms_say_only_what_is_shown(api: APIClient, campaign: Campaign) -> None:
    told = api.get(of(campaign, "platforms")).json()
    assert [channel["channel"] for channel in told["channels"]] == ["email"]
    first, second = told["variants"]
    assert first["compared"] is None
    assert second["compared"]["says"] == "Higher by 30.0 points"


def test_the_report_comes_as_a_spreadsheet_without_formulas(api: APIClient, campaign: Campaign) -> None:
    answer = api.get(of(campaign, "report"), {"format": "csv"})
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert rows[0] == ["'=SUM(1) & Söhne"]
    assert ["Sent", "200"] == next(row[:2] for row in rows if row and row[0] == "Sent")
    book = load_workbook(io.BytesIO(api.get(of(campaign, "report"), {"format": "xlsx"}).content))
    assert book.sheetnames[:2] == ["Summary", "Not sent, failed or unknown"]
    assert book["Summary"]["A1"].value == "'=SUM(1) & Söhne"


def test_a_name_with_characters_that_excel_can_t_hold_is_written_without_them(
    api: APIClient, campaign: Campaign
) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(name="Spring\x0b sale")
    book = load_workbook(io.BytesIO(api.get(of(campaign, "report"), {"format": "xlsx"}).content))
    assert book["Summary"]["A1"].value == "Spring sale"


def test_the_report_comes_on_paper_and_shows_markup_as_text(api: APIClient, campaign: Campaign) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(name='#panic("no") *x* $y$')
    answer = api.get(of(campaign, "report"), {"format": "pdf"})
    assert answer.content.startswith(b"%PDF")


def test_an_unknown_format_is_refused(api: APIClient, campaign: Campaign) -> None:
    answer = api.get(of(campaign, "report"), {"format": "exe"})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["format"])


def test_campaigns_are_compared_with_the_first(api: APIClient, campaign: Campaign) -> None:
    other, run = make_campaign("Other")
    messages = add_messages(run, 100, "sent")
    happen(names.CLICKED, messages[0])
    tasks.roll_up()
    told = api.post("/api/campaigns/compare", {"campaigns": [campaign.uuid, other.uuid]}).json()
    assert [line["compared"] and line["compared"]["says"] for line in told["campaigns"]] == [
        None, "Lower by 24.0 points",
    ]  # fmt: skip
    assert "audiences" in told["caution"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"campaigns": []},
        {"campaigns": ["x", "y"]},
        {"campaigns": [str(uuid.uuid4())]},
        {"campaigns": [str(uuid.uuid4()), str(uuid.uuid4())], "metric": "password"},
        {"campaigns": [str(uuid.uuid4()), str(uuid.uuid4())], "metrics": "click_rate"},
        ["x"],
    ],
)
def test_wrong_comparisons_are_refused(api: APIClient, body: Any) -> None:
    answer = api.post("/api/campaigns/compare", body)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")


def test_a_lucky_small_campaign_does_not_lead(api: APIClient, campaign: Campaign) -> None:
    lucky, run = make_campaign("Lucky")
    for message in add_messages(run, 30, "sent")[:9]:
        happen(names.CLICKED, message)
    tiny, run = make_campaign("Tiny")
    happen(names.CLICKED, add_messages(run, 1, "sent")[0])
    Campaign.objects.update(finished_at=timezone.now())
    tasks.roll_up()
    told = api.get("/api/campaigns/top-performing").json()
    assert [line["campaign"]["name"] for line in told] == [campaign.name, "Lucky"]


@pytest.mark.parametrize("query", [{"days": "0"}, {"days": "x"}, {"limit": "1e3"}, {"days": "٣"}, {"metric": "id"}])
def test_wrong_rankings_are_refused(api: APIClient, query: dict[str, str]) -> None:
    assert api.get("/api/campaigns/top-performing", query).status_code == 400


@pytest.mark.parametrize("what", DASHBOARD)
def test_the_dashboard_answers_when_there_is_nothing_yet_and_when_there_is(
    api: APIClient, what: str, django_db_blocker: object
) -> None:
    assert api.get(f"/api/dashboard/{what}").status_code == 200
    _, run = make_campaign(status=Campaign.Status.SENDING)
    happen(names.OPENED, add_messages(run, 3, "sent")[0])
    Account.objects.create(name="Relay", provider="smtp", failing_since=timezone.now())
    tasks.roll_up()
    assert api.get(f"/api/dashboard/{what}/").status_code == 200


def test_engagement_is_told_in_the_asked_zone(api: APIClient) -> None:
    _, run = make_campaign()
    [message] = add_messages(run, 1, "sent")
    minutes = int((timezone.now() - timedelta(days=2) - run.planned_at).total_seconds() // 60)
    happen(names.OPENED, message, minutes=minutes)
    tasks.roll_up()
    for zone in ("UTC", "Asia/Tokyo"):
        [cell] = api.get("/api/dashboard/engagement", {"zone": zone}).json()["cells"]
        assert cell["opened"] == 1
    assert api.get("/api/dashboard/engagement", {"zone": "Mars/Base'; --"}).status_code == 400


def test_engagement_is_told_in_the_zone_of_the_key_s_owner_unless_asked(api: APIClient) -> None:
    User.objects.update(time_zone="Asia/Tokyo")
    assert api.get("/api/dashboard/engagement").json()["zone"] == "Asia/Tokyo"


def test_a_key_needs_the_scope_and_its_owner_the_role(campaign: Campaign, editor: User, stranger: User) -> None:
    def ask(owner: User, scopes: list[str]) -> int:
        _, key = apikeys.issue(owner, name="k", scopes=scopes)
        return APIClient().get(of(campaign, "stats"), headers={"Authorization": f"Bearer {key}"}).status_code

    assert ask(editor, ["campaigns:read"]) == 200
    assert ask(editor, ["contacts:read"]) == 403
    assert ask(stranger, ["campaigns:read"]) == 403
    assert APIClient().get(of(campaign, "stats")).status_code == 401


def test_reading_keys_may_compare(campaign: Campaign, editor: User) -> None:
    _, key = apikeys.issue(editor, name="k", scopes=["campaigns:read"])
    body = {"campaigns": [campaign.uuid, campaign.uuid]}
    answer = APIClient().post("/api/campaigns/compare", body, headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 200


def test_unknown_campaigns_are_not_found(api: APIClient) -> None:
    assert api.get(f"/api/campaigns/{uuid.uuid4()}/stats").status_code == 404
