"""What people want, as the gate follows it: pauses, how often, quiet hours on their own clock."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from campaigns.models import Campaign
from contacts import preferences
from contacts.models import Contact, Preference
from contacts.preferences import Wishes
from delivery import gate, why
from delivery.models import Message
from segments import membership
from team.models import User
from tests.delivery.conftest import make_campaign, make_people, plan, states

pytestmark = pytest.mark.django_db


def ask(person: Contact, campaign: Campaign, run_id: int | None = None) -> gate.Verdict:
    return gate.ask(gate.question_for(campaign, run_id=run_id), [person.pk])[person.pk]


def wants(person: Contact, **wishes: Any) -> None:
    preferences.keep(person, Wishes(**wishes), source="a test")


def sent(person: Contact, campaign: Campaign, *, ago: timedelta, state: str = "sent") -> Message:
    """A message of `campaign` that went to the person so long ago."""
    run = plan(campaign)
    Message.objects.filter(run=run, contact=person).update(state=state, sent_at=timezone.now() - ago)
    return Message.objects.get(run=run, contact=person)


def local_now(zone: str) -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp() AT TIME ZONE %s", [zone])
        moment: datetime = cursor.fetchone()[0]
        return moment


def test_who_paused_gets_no_marketing_until_then(editor: User) -> None:
    [person] = make_people(1)
    campaign = make_campaign(editor)
    wants(person, paused_until=timezone.now() + timedelta(hours=1))
    assert ask(person, campaign) == gate.Verdict("paused")
    run = plan(campaign)
    assert states(run) == {"planned": 1}
    assert ask(person, campaign, run.pk) == gate.Verdict("paused")
    Preference.objects.update(paused_until=timezone.now() - timedelta(seconds=1))
    assert ask(person, campaign).may_send


def test_receipts_come_whatever_people_want_of_marketing(editor: User) -> None:
    [person] = make_people(1)
    now = local_now("UTC")
    quiet = {"quiet_from": (now - timedelta(hours=1)).time(), "quiet_until": (now + timedelta(hours=1)).time()}
    sent(person, make_campaign(editor, name="Before"), ago=timedelta(seconds=1))
    wants(person, frequency="monthly", paused_until=timezone.now() + timedelta(days=1), **quiet)
    receipts = make_campaign(editor, name="Receipts", purpose=Campaign.Purpose.TRANSACTIONAL)
    assert ask(person, receipts, run_id=plan(receipts).pk).may_send


@pytest.mark.parametrize(("frequency", "unit"), [("daily", "day"), ("weekly", "week"), ("monthly", "month")])
def test_one_a_day_a_week_or_a_month_is_counted_on_the_persons_calendar(
    editor: User, frequency: str, unit: str
) -> None:
    [person] = make_people(1)
    wants(person, frequency=frequency, time_zone="Pacific/Auckland")
    message = sent(person, make_campaign(editor, name="Before"), ago=timedelta(0))
    campaign = make_campaign(editor, name="Now")
    assert ask(person, campaign) == gate.Verdict("frequency")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT date_trunc(%s, now() AT TIME ZONE 'Pacific/Auckland') AT TIME ZONE 'Pacific/Auckland'", [unit]
        )
        begin = cursor.fetchone()[0]
    Message.objects.filter(pk=message.pk).update(sent_at=begin)
    assert ask(person, campaign) == gate.Verdict("frequency")
    Message.objects.filter(pk=message.pk).update(sent_at=begin - timedelta(seconds=1))
    assert ask(person, campaign).may_send


@pytest.mark.parametrize(
    ("state", "counts"),
    [("sending", True), ("unknown", True), ("delivered", True), ("failed", False), ("skipped", False)],
)
def test_what_may_have_arrived_counts_and_what_did_not_does_not(editor: User, state: str, counts: bool) -> None:
    [person] = make_people(1)
    wants(person, frequency="weekly")
    sent(person, make_campaign(editor, name="Before"), ago=timedelta(0), state=state)
    assert ask(person, make_campaign(editor, name="Now")).may_send is not counts


def test_receipts_use_nothing_up(editor: User) -> None:
    [person] = make_people(1)
    wants(person, frequency="daily")
    sent(person, make_campaign(editor, name="Receipt", purpose=Campaign.Purpose.TRANSACTIONAL), ago=timedelta(0))
    assert ask(person, make_campaign(editor, name="Now")).may_send


def test_who_wants_everything_gets_everything(editor: User) -> None:
    [person] = make_people(1)
    wants(person, frequency="all")
    sent(person, make_campaign(editor, name="Before"), ago=timedelta(0))
    assert ask(person, make_campaign(editor, name="Now")).may_send


def test_two_campaigns_in_hand_at_once_both_wait_for_who_wants_few(editor: User) -> None:
    [person] = make_people(1)
    runs = [plan(make_campaign(editor, name=name)) for name in ("First", "Second")]
    Message.objects.update(state="queued")
    assert all(ask(person, run.campaign, run.pk).may_send for run in runs)
    wants(person, frequency="daily")
    for run in runs:
        verdict = ask(person, run.campaign, run.pk)
        assert verdict.reason == "one_at_a_time"
        assert verdict.until is not None
        assert timedelta(seconds=4) < verdict.until - timezone.now() < timedelta(seconds=31)
    Message.objects.filter(run=runs[0]).update(state="planned")
    assert ask(person, runs[1].campaign, runs[1].pk).may_send


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Kolkata", "America/Los_Angeles", ""])
def test_quiet_hours_wait_until_they_are_over_on_the_persons_clock(editor: User, zone: str) -> None:
    [person] = make_people(1)
    campaign = make_campaign(editor)
    now = local_now(zone or "UTC")
    end = (now + timedelta(minutes=90)).replace(second=0, microsecond=0)
    wants(person, quiet_from=(now - timedelta(hours=2)).time(), quiet_until=end.time(), time_zone=zone)
    verdict = ask(person, campaign)
    assert verdict.reason == "quiet_hours"
    assert verdict.until is not None
    assert timedelta(minutes=88) < verdict.until - timezone.now() <= timedelta(minutes=90)
    wants(person, quiet_from=end.time(), quiet_until=(now - timedelta(hours=2)).time(), time_zone=zone)
    assert ask(person, campaign).may_send


def test_why_says_that_a_message_would_only_wait(editor: User) -> None:
    [person] = make_people(1)
    campaign = make_campaign(editor)
    membership.refresh(campaign.segments.get())
    now = local_now("UTC")
    wants(person, quiet_from=(now - timedelta(hours=1)).time(), quiet_until=(now + timedelta(hours=1)).time())
    assert "would get it a little later: quiet hours" in why.explain(campaign, person).answer


def verdict_at(person: Contact, campaign: Campaign, moment: datetime) -> gate.Verdict:
    """The gate's answer with the clock set to `moment`: its own SQL, with the moment in the place of now."""
    asked = gate.clauses(gate.question_for(campaign), is_plan=False)
    statement = f"""SELECT reason, {asked.until} FROM (
        SELECT {asked.reason} AS reason{asked.moments} FROM contacts_contact c {asked.joins} WHERE c.id = %s) answers"""
    with connection.cursor() as cursor:
        cursor.execute(statement.replace("statement_timestamp()", f"timestamptz '{moment.isoformat()}'"), [person.pk])
        return gate.Verdict(*cursor.fetchone())


NIGHT = {"quiet_from": time(22), "quiet_until": time(7, 30)}


@pytest.mark.parametrize(
    ("moment", "until"),
    [
        (datetime(2026, 6, 1, 19, 59, tzinfo=UTC), None),  # 21:59 in Berlin
        (datetime(2026, 6, 1, 20, 0, tzinfo=UTC), datetime(2026, 6, 2, 5, 30, tzinfo=UTC)),
        (datetime(2026, 6, 1, 22, 30, tzinfo=UTC), datetime(2026, 6, 2, 5, 30, tzinfo=UTC)),  # after midnight there
        (datetime(2026, 6, 2, 5, 30, tzinfo=UTC), None),
        (datetime(2026, 3, 28, 23, 0, tzinfo=UTC), datetime(2026, 3, 29, 5, 30, tzinfo=UTC)),  # an hour is left out
        (datetime(2026, 10, 24, 21, 0, tzinfo=UTC), datetime(2026, 10, 25, 6, 30, tzinfo=UTC)),  # an hour comes twice
    ],
)
def test_a_night_that_spans_midnight_ends_in_the_morning_there(
    editor: User, moment: datetime, until: datetime | None
) -> None:
    [person] = make_people(1)
    wants(person, time_zone="Europe/Berlin", **NIGHT)
    verdict = verdict_at(person, make_campaign(editor), moment)
    assert verdict.until == until
    assert verdict.may_send is (until is None)


@pytest.mark.parametrize("minute", range(0, 60, 7))
def test_who_waited_until_the_end_is_not_told_to_wait_again(editor: User, minute: int) -> None:
    """On the days when clocks change, too: else a message could wait for ever."""
    [person] = make_people(1)
    campaign = make_campaign(editor)
    wants(person, time_zone="Europe/Berlin", quiet_from=time(1, minute), quiet_until=time(2, minute))
    for day in (
        datetime(2026, 3, 29, tzinfo=UTC),
        datetime(2026, 10, 25, tzinfo=UTC),
        datetime(2026, 7, 1, tzinfo=UTC),
    ):
        for hour in range(-2, 4):
            until = verdict_at(person, campaign, day + timedelta(hours=hour, minutes=30)).until
            if until is not None:
                assert verdict_at(person, campaign, until).may_send, (day, hour, until)


def test_a_zone_that_the_database_does_not_know_counts_as_utc_and_stops_no_batch(editor: User) -> None:
    people = make_people(2)
    campaign = make_campaign(editor)
    Contact.objects.filter(pk=people[0].pk).update(time_zone="Mars/Olympus")
    Preference.objects.create(contact=people[0], frequency="daily", **NIGHT)
    midnight = datetime(2026, 6, 1, 0, 0, tzinfo=UTC)
    assert verdict_at(people[0], campaign, midnight).until == datetime(2026, 6, 1, 7, 30, tzinfo=UTC)
    assert verdict_at(people[1], campaign, midnight).may_send


def test_the_clock_is_not_looked_at_for_who_wants_nothing(editor: User) -> None:
    """It took ten times as long as everything else that the gate asks. So here whoever looks fails."""
    people = make_people(2)
    Contact.objects.update(time_zone="Europe/Berlin")
    campaign = make_campaign(editor)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE OR REPLACE FUNCTION contacts_zone(name text) RETURNS text LANGUAGE plpgsql STABLE AS "
            "$$ BEGIN RAISE EXCEPTION 'looked at the clock'; END $$"
        )
    assert ask(people[0], campaign).may_send
    wants(people[1], frequency="daily", time_zone="Europe/Berlin")
    with pytest.raises(DatabaseError, match="looked at the clock"), transaction.atomic():
        ask(people[1], campaign)


def test_quiet_hours_that_never_end_are_not_kept() -> None:
    [person] = make_people(1)
    with pytest.raises(IntegrityError), transaction.atomic():
        Preference.objects.create(contact=person, quiet_from=time(8), quiet_until=time(8))
