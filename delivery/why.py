"""Why did, or didn't, this person get it? One answer, from the ledger, or from the gate where nothing is planned."""

from dataclasses import dataclass
from datetime import datetime

from campaigns.models import Campaign
from contacts import identity
from contacts.models import Contact
from delivery import gate
from delivery.models import Message, Run
from events.models import Event
from segments.models import Membership


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the explanation. `is_good` is None where a step says neither yes nor no."""

    is_good: bool | None
    title: str
    text: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer in one sentence, the steps that lead to it, and what the person did afterwards."""

    answer: str
    got_it: bool | None
    steps: list[Step]
    messages: list[Message]
    events: list[Event]


REASONS = {
    "bounced": "The mailbox doesn't exist or takes no mail, so the address is now suppressed.",
    "soft_bounce": "The mailbox took nothing at that time. Five such messages in a row suppress the address.",
    "rejected": "The receiving server refused this message for good.",
    "gave_up": "The receiving server kept saying “later” until we gave up.",
    "render_error": "The template could not be filled in for this person.",
    "quarantined": "Preparing this message ended three workers, so it was set aside.",
    "worker_died": "A worker ended after handing it over and before the answer was recorded. It may have arrived, "
    "so it is not sent again by itself.",
    "no_answer": "The connection broke after the message was handed over. It may have arrived, "
    "so it is not sent again by itself.",
    "campaign_cancelled": "The campaign was cancelled before this message was sent.",
    "retry": "The receiving server asked to try again later.",
    "account_refused": "The sender account was refused by its provider; it is tried again.",
    "settled": "A person of the team decided what became of it.",
}


def reason_text(reason: str) -> str:
    """A sentence for a reason of the ledger, whichever part of the product gave it."""
    return gate.checks[reason].explanation if reason in gate.checks else REASONS.get(reason, "")


def reason_label(reason: str) -> str:
    """Two or three words for a reason, as lists and charts show it."""
    return gate.checks[reason].label if reason in gate.checks else reason.replace("_", " ").capitalize()


def explain(campaign: Campaign, contact: Contact) -> Explanation:
    """The whole story of one person and one campaign, that of contacts merged into them included."""
    people = identity.keys(contact)
    messages = list(
        Message.objects.filter(run__campaign=campaign, contact__in=people).select_related("run", "variant", "account")
    )
    events = list(
        Event.objects.filter(contact_id__in=people, campaign_id=campaign.pk).order_by("occurred_at", "id")[:200]
    )
    steps = [_audience_step(campaign, contact)]
    if messages:
        steps += [_message_step(message) for message in reversed(messages)]
        return Explanation(_answer(messages[0]), _got_it(messages[0]), steps, messages, events)
    planned = Run.objects.filter(campaign=campaign).exclude(status=Run.Status.PLANNING).exists()
    if planned:
        answer = "No: when the campaign went out, this person was not in its audience."
        return Explanation(answer, False, steps, [], events)
    verdict = gate.ask(gate.question_for(campaign), [contact.pk])[contact.pk]
    steps.append(_gate_step(verdict))
    return Explanation(_forecast(bool(steps[0].is_good), verdict), None, steps, [], events)


def _audience_step(campaign: Campaign, contact: Contact) -> Step:
    inside = set(
        Membership.objects.filter(contact=contact, segment__in=_segments(campaign)).values_list("segment_id", flat=True)
    )
    wanted = [segment for segment in campaign.segments.all() if segment.pk in inside]
    excluded = [segment for segment in campaign.excluded_segments.all() if segment.pk in inside]
    if excluded:
        names = ", ".join(f"“{segment.name}”" for segment in excluded)
        return Step(False, "Left out of the audience", f"Today in the excluded segment {names}.")
    if wanted:
        names = ", ".join(f"“{segment.name}”" for segment in wanted)
        return Step(True, "In the audience", f"Today in {names}.")
    return Step(False, "Not in the audience", "Today in none of the campaign's segments.")


def _segments(campaign: Campaign) -> list[int]:
    chosen = campaign.segments.values_list("pk", flat=True)
    return [*chosen, *campaign.excluded_segments.values_list("pk", flat=True)]


def _gate_step(verdict: gate.Verdict) -> Step:
    if verdict.may_send:
        return Step(True, "Nothing speaks against it", "Address, suppression and consent are fine today.")
    is_good = None if verdict.until is not None else False
    return Step(is_good, gate.checks[verdict.reason].label, gate.checks[verdict.reason].explanation)


def _forecast(is_inside: bool, verdict: gate.Verdict) -> str:
    if not is_inside:
        return "Not sent yet, and this person would not be in its audience today."
    if verdict.may_send:
        return "Not sent yet. As things stand today, this person would get it."
    label = gate.checks[verdict.reason].label.lower()
    if verdict.until is not None:
        return f"Not sent yet. As things stand now, this person would get it a little later: {label}."
    return f"Not sent yet. As things stand today, this person would not get it: {label}."


def _message_step(message: Message) -> Step:
    title = f"{message.get_state_display()}{f': {reason_label(message.reason).lower()}' if message.reason else ''}"
    text = " ".join(part for part in (reason_text(message.reason), message.detail) if part)
    return Step(_got_it(message), title, text, message.sent_at or message.state_at)


def _got_it(message: Message) -> bool | None:
    if message.state in (Message.State.SENT, Message.State.DELIVERED):
        return True
    if message.state in (Message.State.FAILED, Message.State.SKIPPED, Message.State.CANCELLED):
        return False
    return None


def _answer(message: Message) -> str:
    state = Message.State
    if message.state == state.DELIVERED:
        return "Yes: it was sent, and the receiving side confirmed its delivery."
    if message.state == state.SENT:
        return "Yes: it was sent, and the receiving server accepted it."
    if message.state == state.UNKNOWN:
        return "Perhaps: it was handed over, but no answer came back."
    if message.state in (state.PLANNED, state.QUEUED, state.SENDING):
        waiting = f" ({reason_label(message.reason).lower()})" if message.reason else ""
        return f"Not yet: it is waiting for its turn{waiting}."
    return f"No: {reason_label(message.reason).lower()}."
