"""Test sends: one message to one person, by the same renderer, gate and account as the real ones."""

import secrets

from campaigns import context
from campaigns.models import Campaign, Sender
from contacts.models import Contact
from core.errors import Refused
from delivery import accounts, gate
from delivery.accounts import Lines
from delivery.mime import BadHeader, Skeleton
from delivery.providers.base import AccountRefused, Envelope, Outcome
from templates_app import publishing, rendering
from templates_app.models import TemplateVersion

PREFIX = "[Test] "


def send_test(version: TemplateVersion, *, to: Contact, sender: Sender | None = None, name: str = "Test") -> str:
    """Send `version` (a draft too), filled in for `to`, to their address, as the campaign `name` would.

    Returns what the provider said; Refused says why not.
    """
    sender = sender or Sender.objects.filter(is_default=True).first() or Sender.objects.first()
    if sender is None:
        raise Refused("no_sender", "There is no sender yet. Add one under Campaigns, Senders.")
    campaign = Campaign(
        name=name, channel=version.template.channel, sender=sender, purpose=Campaign.Purpose.TRANSACTIONAL
    )
    _ask_gate(campaign, to)
    envelope = _envelope(version, to, campaign)
    account = accounts.account_for(campaign)
    if account is None:
        raise Refused("no_account", "No sender account carries email yet. Add one under Delivery, Sender accounts.")
    lines = Lines(account)
    try:
        [result] = lines.send(lines.take(), [envelope])
    except AccountRefused as refusal:
        raise Refused("account_refused", f"{account.name} refuses to send: {refusal}") from refusal
    finally:
        lines.close()
    if result.outcome is not Outcome.ACCEPTED:
        raise Refused("not_accepted", f"{account.name} did not take the message: {result.detail}")
    return result.detail


def _ask_gate(campaign: Campaign, to: Contact) -> None:
    """Everything but marketing consent is asked: a test is no marketing."""
    verdict = gate.ask(gate.question_for(campaign), [to.pk])[to.pk]
    if not verdict.may_send:
        check = gate.checks[verdict.reason]
        raise Refused(verdict.reason, f"Not sent to {to}. {check.explanation}")


def _envelope(version: TemplateVersion, to: Contact, campaign: Campaign) -> Envelope:
    sender = campaign.sender
    assert sender is not None  # noqa: S101  chosen above
    try:
        # The links are plain: a click on one must not count, and none of them changes anything for anybody.
        content = publishing.renderer_of(version).render(context.example(campaign, to))
        skeleton = Skeleton.make(from_name=sender.name, from_email=sender.email, reply_to=sender.reply_to)
        content = rendering.Content(f"{PREFIX}{content.subject}", content.preheader, content.html, content.text)
        # A name of its own each time: mailboxes drop a second message that has the id of one they hold.
        name = f"test.{secrets.token_hex(12)}"
        raw = skeleton.assemble(content, to_name=to.full_name, to_email=to.email or "", message_id=name)
    except (rendering.RenderError, BadHeader) as error:
        raise Refused("render_error", f"The template can't be filled in for {to}: {error}") from error
    return Envelope(0, sender.email, to.email or "", raw)
