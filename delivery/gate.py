"""The one gate: an ordered list of checks that every send of any origin must pass.

Each check is one SQL condition over a contact, so the same words decide for a million people when a run is planned,
for a batch when it is claimed, and for one person when somebody asks why. The first check that objects gives the
answer: Skip with its key as the reason, or Defer until a moment.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import connection

from campaigns.models import Campaign
from contacts import permission, suppression
from contacts.channels import Channel, channels
from core import arrays
from core.registry import Registry


@dataclass(frozen=True, slots=True)
class Question:
    """Whose send is asked about. `run_id` is None while nothing is planned yet ("what would happen if").

    Without a run the campaign's own state is not asked: it says nothing about the person, and would hide what does.
    `is_plan`: of everyone at once, and what is sent will be asked about again.
    """

    campaign: Campaign
    channel: Channel
    run_id: int | None = None
    is_plan: bool = False


@dataclass(frozen=True, slots=True)
class Objection:
    """SQL that is true for a contact (alias `c`) who must not be written to now.

    `joins` bring in what the condition needs, each at most one row per contact; checks may share them. `until` is
    the moment to come back where it is another one for each contact. Everything in here is our own text, integers and
    registry keys; nothing a user typed.
    """

    condition: str
    joins: tuple[str, ...] = ()
    until: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The gate's answer for one contact. No reason: send."""

    reason: str = ""
    until: datetime | None = None

    @property
    def may_send(self) -> bool:
        return not self.reason


SEND = Verdict()


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
            joins=(f"LEFT JOIN campaigns_campaign gate_k ON gate_k.id = {int(question.campaign.pk)}",),
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
        address = f"c.{question.channel.address_field}"
        # An entry of an address that somebody has shows it. The last look asks by the hash all the same: it is the
        # entry itself, and costs 1 microsecond, which is nothing for a batch and much for a million.
        same = f"address = {address}" if question.is_plan else f"address_hash = {suppression.hash_sql(address)}"
        join = f"LEFT JOIN contacts_suppression gate_s ON gate_s.{same} AND gate_s.channel = '{question.channel.key}'"
        return Objection(joins=(join,), condition="gate_s.id IS NOT NULL")


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
        return Objection(joins=(clause.joins,), condition=clause.refused)


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


# What somebody wants. Conditions stand in CASE: most people want nothing, and NULL AND … would still look further.
_WISHES = "LEFT JOIN contacts_preference gate_p ON gate_p.contact_id = c.id"
# Only for those who want something: to look up a zone that nobody knows takes longer than all other questions together.
# OFFSET 0 keeps the planner from looking it up once for each use.
_CLOCK = """LEFT JOIN LATERAL (
        SELECT zone, statement_timestamp() AT TIME ZONE zone AS now FROM (
            SELECT CASE WHEN gate_p.contact_id IS NULL THEN NULL WHEN c.time_zone = '' THEN 'UTC'
                ELSE contacts_zone(c.time_zone) END AS zone OFFSET 0) gate_z) gate_l ON true"""


def _is_marketing(question: Question) -> bool:
    """Receipts and the like follow nobody's wishes about marketing."""
    return question.campaign.purpose == Campaign.Purpose.MARKETING


@checks.register
class Paused(Check):
    key = "paused"
    label = "Paused by the person"
    explanation = "This person wants no marketing before a day that is still to come."
    is_asked_at_plan = False  # it may be over by then; and to ask adds a third to the planning of many

    def objection(self, question: Question) -> Objection | None:
        if not _is_marketing(question):
            return None
        return Objection(joins=(_WISHES,), condition="gate_p.paused_until > statement_timestamp()")


@checks.register
class Frequency(Check):
    """Days, weeks and months are those of the person's calendar: a daily letter needn't come later every day."""

    key = "frequency"
    label = "Had enough already"
    explanation = "This person wants at most one marketing message a day, a week or a month, and has had it."
    is_asked_at_plan = False

    def objection(self, question: Question) -> Objection | None:
        if not _is_marketing(question):
            return None
        return Objection(
            joins=(_WISHES, _CLOCK),
            condition="""CASE WHEN gate_p.frequency <> 'all' THEN EXISTS (
                SELECT 1 FROM delivery_message gate_m
                JOIN delivery_run gate_r ON gate_r.id = gate_m.run_id
                JOIN campaigns_campaign gate_o ON gate_o.id = gate_r.campaign_id AND gate_o.purpose = 'marketing'
                WHERE gate_m.contact_id = c.id AND gate_m.state IN ('sending', 'sent', 'delivered', 'unknown')
                    AND coalesce(gate_m.sent_at, gate_m.state_at) >= date_trunc(
                        CASE gate_p.frequency WHEN 'daily' THEN 'day' WHEN 'weekly' THEN 'week' ELSE 'month' END,
                        gate_l.now) AT TIME ZONE gate_l.zone) END""",
        )


@checks.register
class OneAtATime(Check):
    """Two campaigns that take somebody in hand at once don't see each other as sent: both wait, each its own while.

    A row is `queued`, and others see that, before its worker asks. So of two workers at least one sees both.
    """

    key = "one_at_a_time"
    label = "Another message first"
    explanation = "This person wants few messages, and another is just being prepared: it is asked again in a moment."
    is_asked_at_plan = False

    def objection(self, question: Question) -> Objection | None:
        if not _is_marketing(question) or question.run_id is None:
            return None
        return Objection(
            joins=(_WISHES,),
            condition="""CASE WHEN gate_p.frequency <> 'all' THEN (
                SELECT count(*) FROM delivery_message gate_m
                JOIN delivery_run gate_r ON gate_r.id = gate_m.run_id
                JOIN campaigns_campaign gate_o ON gate_o.id = gate_r.campaign_id AND gate_o.purpose = 'marketing'
                WHERE gate_m.contact_id = c.id AND gate_m.state = 'queued') > 1 END""",
            until="statement_timestamp() + (5 + 25 * random()) * interval '1 s'",
        )


@checks.register
class QuietHours(Check):
    key = "quiet_hours"
    label = "Quiet hours"
    explanation = "It is quiet where this person is: the message waits until their quiet hours are over."
    is_asked_at_plan = False

    def objection(self, question: Question) -> Objection | None:
        if not _is_marketing(question):
            return None
        return Objection(
            joins=(_WISHES, _CLOCK),
            condition="""CASE WHEN gate_p.quiet_from < gate_p.quiet_until
                THEN gate_l.now::time >= gate_p.quiet_from AND gate_l.now::time < gate_p.quiet_until
                ELSE gate_l.now::time >= gate_p.quiet_from OR gate_l.now::time < gate_p.quiet_until END""",
            until="""(gate_l.now::date + gate_p.quiet_until
                + CASE WHEN gate_p.quiet_until > gate_l.now::time THEN interval '0' ELSE interval '1 day' END
                ) AT TIME ZONE gate_l.zone""",
        )


@dataclass(frozen=True, slots=True)
class Clauses:
    """The gate as SQL over a source that has contacts_contact as `c`: text expressions, '' and NULL for "send".

    `until` goes outside of the SELECT that has `reason` and `moments` as columns.
    """

    joins: str
    reason: str
    moments: str
    until: str


def clauses(question: Question, *, is_plan: bool) -> Clauses:
    """The whole list as one CASE, in order, so that the first objection wins."""
    asked, joins = replace(question, is_plan=is_plan), list[str]()
    reasons, moments, untils = [], [], []
    for check in checks.values():
        objection = check.objection(asked) if check.is_asked_at_plan or not is_plan else None
        if objection is None:
            continue
        joins += objection.joins
        reasons.append(f"WHEN {objection.condition} THEN '{check.key}'")
        if objection.until:
            moments.append(f", {objection.until} AS until_{check.key}")
        until = f"until_{check.key}" if objection.until else check.defer_until
        untils.append(f"WHEN '{check.key}' THEN {until or 'NULL'}")
    return Clauses(
        joins="\n".join(dict.fromkeys(joins)),
        reason=f"CASE {' '.join(reasons)} ELSE '' END",
        moments="".join(moments),
        until=f"CASE reason {' '.join(untils)} END::timestamptz",
    )


def ask(question: Question, contact_ids: Sequence[int]) -> dict[int, Verdict]:
    """The verdict for each contact, with everything that can change between planning and sending asked anew."""
    gate = clauses(question, is_plan=False)
    statement = f"""
        SELECT id, reason, {gate.until} FROM (
            SELECT c.id, {gate.reason} AS reason{gate.moments} FROM contacts_contact c {gate.joins}
            WHERE c.id = ANY(%s::bigint[])) answers
    """  # noqa: S608  built from our own checks
    with connection.cursor() as cursor:
        cursor.execute(statement, [arrays.of_numbers(contact_ids)])
        answers = {row[0]: Verdict(*row[1:]) if row[1] else SEND for row in cursor.fetchall()}
    # A contact whose row is gone altogether can't be written to either.
    return {contact_id: answers.get(contact_id, Verdict("erased")) for contact_id in contact_ids}


def question_for(campaign: Campaign, *, run_id: int | None = None) -> Question:
    return Question(campaign=campaign, channel=channels[campaign.channel], run_id=run_id)
