"""What every provider answers, and the words in which it answers."""

import enum
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from core.registry import Registry


class Outcome(enum.Enum):
    """What became of one message, as far as the provider's answer tells."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"  # for good, this recipient
    RETRY = "retry"  # certainly not accepted, for a reason of its own; may be tried again
    UNTOUCHED = "untouched"  # certainly not accepted, for no reason of its own: no attempt
    UNKNOWN = "unknown"  # may or may not have been accepted


class Envelope(NamedTuple):
    """One message, ready to hand over. `content` is the finished MIME, CRLF line ends, not dot-stuffed."""

    ledger_id: int
    sender: str
    recipient: str
    content: bytes


class Result(NamedTuple):
    """The provider's answer for one envelope. `address_is_bad` asks for suppression.

    `is_soft_bounce`: it is the mailbox that takes nothing now. Counted when the message is given up.
    """

    ledger_id: int
    outcome: Outcome
    detail: str = ""
    provider_id: str = ""
    address_is_bad: bool = False
    is_soft_bounce: bool = False


class AccountRefused(Exception):
    """The provider takes nothing from this account now; what was not yet handed over stays untouched.

    `wait`: we go too fast or over a quota, and this is how long to wait. `permanent`: credentials, a blocked sender.
    """

    def __init__(self, message: str, *, wait: timedelta | None = None, permanent: bool = False) -> None:
        super().__init__(message)
        self.wait = wait
        self.permanent = permanent


class Connection:
    """One open line to a provider, used by one thread at a time, kept between batches while `is_open`."""

    is_open: bool = True
    is_used: bool = False  # it lay idle between batches, so it may have gone stale

    def send(self, envelopes: Sequence[Envelope]) -> list[Result]:
        """Hand over `envelopes` and answer for each of them, in their order. Never raises for a single message.

        Raises AccountRefused only when it is certain that nothing of the batch was accepted.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Say goodbye; errors on the way out don't matter."""


class Provider:
    key: str
    label: str
    channel: str
    fields: dict[str, str]  # config key to its label in the console; keys in `secret_fields` are write-only
    secret_fields: frozenset[str] = frozenset()

    def connect(self, config: dict[str, Any]) -> Connection:
        """Open a line; raises AccountRefused when that can't be done."""
        raise NotImplementedError


providers: Registry[Provider] = Registry("provider")
