"""Runs: opening them, freezing their audience into the ledger, and ending them. The only writer of Run.status."""

import contextlib
import logging
import time
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import DatabaseError, connection, transaction
from django.db.models import Max, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from campaigns import allocation, approval, audience, lifecycle
from campaigns.models import Campaign
from contacts.models import Contact
from core.errors import Refused
from delivery import gate, ledger
from delivery.models import Message, Run, RunStatusChange
from segments import membership
from segments.models import Segment

logger = logging.getLogger(__name__)

MOVES: dict[str, tuple[str, ...]] = {
    Run.Status.PLANNING: (Run.Status.SENDING, Run.Status.CANCELLED),
    Run.Status.SENDING: (Run.Status.FINISHED, Run.Status.CANCELLED),
    Run.Status.FINISHED: (),
    Run.Status.CANCELLED: (),
}


REFRESHING_SECONDS = 30  # for one run in one call: a task has five minutes, and others want to be planned too
# A triggered campaign that is paused goes on collecting; its messages wait.
ADDS = (Campaign.Status.SENDING, Campaign.Status.PAUSED)


def sweep() -> None:
    """Find all work that the rows show: what a broker message would have told, had none been lost."""
    ledger.reap()
    for run in Run.objects.filter(status__in=[Run.Status.PLANNING, Run.Status.SENDING]).select_related(
        "campaign__topic"
    ):
        close_if_quiet(run)
    for campaign in Campaign.objects.filter(status=Campaign.Status.SENDING, kind=Campaign.Kind.BROADCAST):
        open_run(campaign)
    for run in Run.objects.filter(status=Run.Status.PLANNING).select_related("campaign__topic"):
        _plan_or_pause(run)


def has_due() -> bool:
    """Whether any row may be claimed now. Each question is one probe into the index of planned rows."""
    running = Run.objects.filter(status=Run.Status.SENDING, campaign__status=Campaign.Status.SENDING)
    return any(
        Message.objects.filter(run=run, state=Message.State.PLANNED, due_at__lte=Now()).exists() for run in running
    )


def open_run(campaign: Campaign) -> Run:
    """The run of the campaign's planned instant; the same one however often and from wherever it is asked for."""
    run, _ = Run.objects.get_or_create(campaign=campaign, planned_at=campaign.planned_at or timezone.now())
    return run


def _plan_or_pause(run: Run) -> None:
    """What keeps one run from being planned keeps no other from it."""
    try:
        plan(run)
    except Refused as refused:  # a segment takes too long, there is no variant: for a person to see to
        with contextlib.suppress(Refused):  # somebody paused or cancelled it first
            lifecycle.pause(run.campaign, by=None, reason=f"Its audience can't be put together. {refused.message}")
    except DatabaseError:
        logger.exception("run %s of campaign %s could not be planned; it is tried again", run.pk, run.campaign.uuid)


def plan(run: Run) -> bool:
    """Write the ledger rows of a run in one statement and let it send; False if another process is at it or was.

    Everyone whom the segments name gets a row: those whom the gate refuses now are `skipped` with the reason, so that
    a run's rows always add up to its audience.

    Segments that take minutes are refreshed one after another, in as many calls as that takes: False until they are.
    """
    began = time.monotonic()
    while _refresh_next(run):
        if time.monotonic() - began > REFRESHING_SECONDS:
            return False
    with transaction.atomic():
        campaign = _planned_here(run)
        if campaign is None or _behind(run, campaign).exists():
            return False
        if _is_no_longer_what_was_approved(campaign):
            return False
        for segment in _segments(campaign).exclude(kind=Segment.Kind.DYNAMIC):  # only loses those erased
            membership.refresh(segment)
        run.audience_count = freeze_audience(run, campaign)
        Run.objects.filter(pk=run.pk).update(audience_count=run.audience_count)
        _move(run, Run.Status.PLANNING, Run.Status.SENDING)
    logger.info("run %s of campaign %s planned: %s people", run.pk, campaign.uuid, run.audience_count)
    return True


def _refresh_next(run: Run) -> bool:
    """Refresh one segment that is behind the run, and keep that whatever happens next; False when there is none."""
    with transaction.atomic():
        campaign = _planned_here(run)
        segment = _behind(run, campaign).first() if campaign is not None else None
        if segment is not None:
            membership.refresh(segment)
        return segment is not None


def _planned_here(run: Run) -> Campaign | None:
    """The campaign of a run to be planned, which nobody else does until the transaction ends; None if it isn't ours."""
    if not Run.objects.select_for_update(skip_locked=True).filter(pk=run.pk, status=Run.Status.PLANNING).exists():
        return None
    return Campaign.objects.filter(pk=run.campaign_id, status=Campaign.Status.SENDING).first()


def _behind(run: Run, campaign: Campaign) -> QuerySet[Segment]:
    """The segments that follow rules and were not brought up to date since the run was opened, by the database's clock.

    Since then, and not a minute ago: of several that take minutes each, one would always be older.
    """
    is_behind = Q(kind=Segment.Kind.DYNAMIC) & (Q(followed_until=None) | Q(followed_until__lt=run.opened_at))
    is_untaken = Q(kind=Segment.Kind.SNAPSHOT, refreshed_at=None)
    return _segments(campaign).filter(is_behind | is_untaken).order_by("pk")


def _segments(campaign: Campaign) -> QuerySet[Segment]:
    return (campaign.segments.all() | campaign.excluded_segments.all()).distinct()


def _is_no_longer_what_was_approved(campaign: Campaign) -> bool:
    """A segment's rules may have changed since the start: then the campaign pauses for a person to decide."""
    given = approval.granted(campaign)
    changed = approval.changes(given, campaign) if given is not None else []
    if changed:
        reason = f"Paused before anything was sent: {' and '.join(changed)} changed since it was approved."
        lifecycle.pause(campaign, by=None, reason=reason)
    return bool(changed)


def freeze_audience(run: Run, campaign: Campaign) -> int:
    """INSERT ... SELECT of the whole audience, the gate's static checks included; returns the number of rows.

    A run's rows are written once, under the lock of its row. So there is no ON CONFLICT, which would look into every
    unique index twice; and in the order of the people, so that both large indexes grow at their end.
    """
    verdicts, who_params = verdicts_sql(campaign)
    variant, variant_params = allocation.variant_sql(campaign)
    statement = f"""
        INSERT INTO delivery_message (run_id, contact_id, variant_id, step, channel, state, reason)
        SELECT %s, contact_id, {variant}, 0, %s,
            CASE WHEN reason = '' THEN 'planned' ELSE 'skipped' END, reason
        FROM ({verdicts}) verdicts
        ORDER BY contact_id
    """  # noqa: S608  our own clauses; values are parameters
    with connection.cursor() as cursor:
        # The default row estimate for a large anti-join invites nested loops; planning a million that way takes hours.
        cursor.execute("SET LOCAL enable_nestloop = off")
        cursor.execute("SET LOCAL work_mem = '256MB'")
        cursor.execute(statement, [run.pk, *variant_params, campaign.channel, *who_params])
        return int(cursor.rowcount)


@transaction.atomic
def add(
    campaign: Campaign, contact: Contact, *, data: dict[str, Any] | None = None, due_at: datetime | None = None
) -> Message:
    """One message of a triggered campaign to one person, in their language: a row of its standing run.

    Every call is a message. Call it in the transaction that notes on a row of your own why there is one: then there is
    never one without the other. `data` is `data` in the template: plain JSON. The gate is asked when it is sent.
    """
    if campaign.kind != Campaign.Kind.TRIGGERED or campaign.status not in ADDS:
        raise Refused(
            "not_sending", f"“{campaign}” takes no messages: it must be a triggered campaign that was launched."
        )
    run = _standing_run(campaign)
    Contact.objects.select_for_update(no_key=True).get(pk=contact.pk)  # their messages are numbered one after another
    last = Message.objects.filter(run=run, contact=contact).aggregate(last=Max("step"))["last"]
    return Message.objects.create(
        run=run, contact=contact, variant=allocation.variant_for(campaign, contact), channel=campaign.channel,
        step=0 if last is None else last + 1, state=Message.State.PLANNED, data=data, due_at=due_at or timezone.now(),
    )  # fmt: skip


def _standing_run(campaign: Campaign) -> Run:
    """The one run of a triggered campaign: its rows come one by one, so there is nothing to plan."""
    run = open_run(campaign)
    if run.status == Run.Status.PLANNING and not _move(run, Run.Status.PLANNING, Run.Status.SENDING):
        run.refresh_from_db()
    return run


def verdicts_sql(campaign: Campaign) -> tuple[str, list[Any]]:
    """Whom planning would write a row for (`contact_id`) and the static checks' `reason` to skip it, as SQL."""
    who, params = audience.audience_sql(campaign)
    asked = gate.clauses(gate.question_for(campaign), is_plan=True)
    sql = f"""
        SELECT c.id AS contact_id, {asked.reason} AS reason
        FROM ({who}) audience JOIN contacts_contact c ON c.id = audience.contact_id {asked.joins}"""  # noqa: S608
    return sql, params


def close_if_quiet(run: Run) -> None:
    """End a run that has nothing left to do, and its campaign; a triggered one goes on till its campaign ends."""
    status, is_triggered = run.campaign.status, run.campaign.kind == Campaign.Kind.TRIGGERED
    if status == Campaign.Status.CANCELLED or (is_triggered and status == Campaign.Status.FINISHED):
        while ledger.cancel_rest(run.pk):
            pass
        if ledger.is_quiet(run.pk):
            _finish(run, Run.Status.CANCELLED if status == Campaign.Status.CANCELLED else Run.Status.FINISHED)
    elif not is_triggered and status == Campaign.Status.SENDING and run.status == Run.Status.SENDING:
        _finish_with_campaign(run)


def _finish_with_campaign(run: Run) -> None:
    """Both or neither: a campaign that was paused in this moment would never find its run again."""
    with transaction.atomic():
        # Held, so that nobody plans a row again (settling.py) between the question and the end.
        Run.objects.select_for_update().get(pk=run.pk)
        if ledger.is_quiet(run.pk) and lifecycle.finish(run.campaign):
            _finish(run, Run.Status.FINISHED)


def recount(run_ids: Iterable[int]) -> None:
    """Renew the kept counts of those runs that are over: of a row of theirs more is known now."""
    for run_id in Run.objects.filter(pk__in=set(run_ids), status__in=Run.OVER).values_list("pk", flat=True):
        Run.objects.filter(pk=run_id).update(final_counts=ledger.counts(run_id))


def _finish(run: Run, status: str) -> None:
    with transaction.atomic():
        if _move(run, run.status, status):
            counts = ledger.counts(run.pk)
            Run.objects.filter(pk=run.pk).update(
                finished_at=timezone.now(), final_counts=counts, audience_count=sum(counts.values())
            )


def _move(run: Run, old: str, new: str, reason: str = "") -> bool:
    """Compare-and-set with its history row; False if another process got there first."""
    if new not in MOVES[old]:
        raise ValueError(f"No move from {old} to {new}")
    if not Run.objects.filter(pk=run.pk, status=old).update(status=new):
        return False
    RunStatusChange.objects.create(run=run, from_status=old, to_status=new, reason=reason)
    run.status = new
    return True
