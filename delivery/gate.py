"""The one gate: an ordered list of checks that every send of any origin must pass.

Each check is one SQL condition over a contact, so the same words decide for a million people when a run is planned,
for a batch when it is claimed, and for one person when somebody asks why. The first check that objects gives the
answer: Skip with its key as the reason, or Defer until a moment.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from campaigns.models import Campaign
from contacts import permission
from contacts.channels import Channel, channels
from core.registry import Registry


@dataclass(frozen=True, slots=True)
class Question:
    """Whose send is asked about. `run_id` is None while nothing is planned yet ("what would happen if").

    Without a run the campaign's own state is not asked: it says nothing about the person, and would hide what does.
    """

    campaign: Campaign
    channel: Channel
    run_id: int | None = None


@dataclass(frozen=True, slots=True)
class Objection:
    """SQL that is true for a contact (alias `c`) who must not be written to now.

    `join` brings in what the condition needs and must add at most one row per contact. Everything in here is our own
    text, integers and registry keys; nothing a user typed.
    """

    condition: str
    join: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The gate's answer for one contact. No reason: send."""

    reason: str = ""
    until: datetime | None = None

    @property
    def may_send(self) -> bool:
        return not self.reason


class Check:
    """One question of the gate. `key` is the reason stored in the ledger, `label` what people read."""

    key: str
    label: str
    explanation: str
    is_asked_at_plan = True
    defer_until: str | None = None  # SQL for the moment to come back; None: skip for good

    def objection(self, question: Question) -> Objection | None:
        """When this check says no; None where it has nothing to say about such sends."""
        raise NotImplementedError


checks: Registry[Check] = Registry("gate check")


@checks.register
class CampaignState(Check):
    key = "campaign_state"
    label = "Campaign not sending"
    explanation = "The campaign was paused, so this waits."
    is_asked_at_plan = False
    defer_until = "statement_timestamp()"

    def objection(self, question: Question) -> Objection | None:
        if question.run_id is None:
            return None
        return Objection(
            join=f"LEFT JOIN campaigns_campaign gate_k ON gate_k.id = {int(question.campaign.pk)}",
            condition="gate_k.status IS DISTINCT FROM 'sending'",
        )


@checks.register
class Erased(Check):
    key = "erased"
    label = "Erased"
    explanation = "This person asked for their data to be erased."

    def objection(self, question: Question) -> Objection:
        return Objection(condition="c.erased_at IS NOT NULL")


@checks.register
class NoAddress(Check):
    key = "no_address"
    label = "No address"
    explanation = "There is no address for this channel."

    def objection(self, question: Question) -> Objection:
        return Objection(condition=f"c.{question.channel.address_field} IS NULL")


@checks.register
class Suppressed(Check):
    key = "suppressed"
    label = "Suppressed"
    explanation = "The address is on the suppression list: it bounced, complained or was added by hand."

    def objection(self, question: Question) -> Objection:
        channel = question.channel
        return Objection(
            join=f"LEFT JOIN contacts_suppression gate_s ON gate_s.address = c.{channel.address_field}"
            f" AND gate_s.channel = '{channel.key}'",
            condition="gate_s.id IS NOT NULL",
        )


@checks.register
class NoConsent(Check):
    key = "no_consent"
    label = "No consent"
    explanation = (
        "Marketing needs consent to its topic or channel, and this person has not given it or has withdrawn it."
    )

    def objection(self, question: Question) -> Objection | None:
        if question.campaign.purpose != Campaign.Purpose.MARKETING:
            return None
        clause = permission.clause(question.campaign.topic, channel=question.channel.key)
        return Objection(join=clause.joins, condition=clause.refused)


@checks.register
class Duplicate(Check):
    """Guards what UNIQUE(run, contact, ...) can't see: another run of the same broadcast, another contact's row."""

    key = "duplicate"
    label = "Already sent"
    explanation = "The same campaign already went to this person or address."
    is_asked_at_plan = False

    def objection(self, question: Question) -> Objection | None:
        if question.run_id is None or question.campaign.kind != Campaign.Kind.BROADCAST:
            return None
        field = question.channel.address_field
        return Objection(
            condition=f"""EXISTS (
                SELECT 1 FROM contacts_contact gate_c
                JOIN delivery_message gate_m ON gate_m.contact_id = gate_c.id
                JOIN delivery_run gate_r ON gate_r.id = gate_m.run_id
                WHERE gate_c.{field} = c.{field} AND gate_r.campaign_id = {int(question.campaign.pk)}
                    AND gate_m.state IN ('sending', 'sent', 'delivered', 'unknown')
                    AND (gate_m.run_id <> {int(question.run_id)} OR gate_c.id <> c.id))"""  # noqa: S608  a column of ours and integers
        )


@dataclass(frozen=True, slots=True)
class Clauses:
    """The gate as SQL over a source that has contacts_contact as `c`: text expressions, '' and NULL for "send"."""

    joins: str
    reason: str
    until: str


def clauses(question: Question, *, is_plan: bool) -> Clauses:
    """The whole list as one CASE, in order, so that the first objection wins."""
    joins, reasons, moments = [], [], []
    for check in checks.values():
        if is_plan and not check.is_asked_at_plan:
            continue
        objection = check.objection(question)
        if objection is None:
            continue
        joins.append(objection.join)
        reasons.append(f"WHEN {objection.condition} THEN '{check.key}'")
        moments.append(f"WHEN '{check.key}' THEN {check.defer_until or 'NULL'}")
    return Clauses(
        joins="\n".join(join for join in joins if join),
        reason=f"CASE {' '.join(reasons)} ELSE '' END",
        until=f"CASE reason {' '.join(moments)} END::timestamptz",
    )


def ask(question: Question, contact_ids: Sequence[int]) -> dict[int, Verdict]:
    """The verdict for each contact, with everything that can change between planning and sending asked anew."""
    gate = clauses(question, is_plan=False)
    statement = f"""
        SELECT id, reason, {gate.until} FROM (
            SELECT c.id, {gate.reason} AS reason FROM contacts_contact c {gate.joins} WHERE c.id = ANY(%s)) answers
    """  # noqa: S608  built from our own checks
    with connection.cursor() as cursor:
        cursor.execute(statement, [list(contact_ids)])
        answers = {contact_id: Verdict(reason, until) for contact_id, reason, until in cursor.fetchall()}
    # A contact whose row is gone altogether can't be written to either.
    return {contact_id: answers.get(contact_id, Verdict("erased")) for contact_id in contact_ids}


def question_for(campaign: Campaign, *, run_id: int | None = None) -> Question:
    return Question(campaign=campaign, channel=channels[campaign.channel], run_id=run_id)
