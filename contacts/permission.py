"""Whether consent allows a message: the one rule, over states for one person and as SQL for many.

A message without a topic needs consent to its channel. One of a topic goes by how people join that topic:

    comes with the channel     the channel granted, and the topic not withdrawn
    needs consent of its own   the topic granted, and the channel not withdrawn
"""

from dataclasses import dataclass

from contacts.channels import channels
from contacts.models import Topic


def permits(topic: Topic | None, *, channel_state: bool | None, topic_state: bool | None) -> bool:
    """True: granted, False: withdrawn, None: neither."""
    if topic is None:
        return channel_state is True
    if topic.opt_in == Topic.OptIn.CHANNEL:
        return channel_state is True and topic_state is not False
    return topic_state is True and channel_state is not False


@dataclass(frozen=True, slots=True)
class Clause:
    """`refused` is SQL that is true for a contact whom consent does not allow to be written to; `joins` brings it in.

    Both hold our own text, channel keys and numbers only: the topic's key, which a person chose, is looked up by id.
    """

    joins: str
    refused: str


def clause(topic: Topic | None, *, channel: str, contact: str = "c.id", name: str = "gate") -> Clause:
    """The same rule for the contact whose id is the expression `contact`; aliases begin with `name`."""
    key = channels[channel].key
    whole = _join(f"{name}_g", contact, key, "''")
    if topic is None:
        return Clause(whole, f"{name}_g.is_granted IS NOT TRUE")
    own = _join(f"{name}_t", contact, key, f"(SELECT key FROM contacts_topic WHERE id = {int(topic.pk)})")  # noqa: S608  a number
    granted, kept = ("g", "t") if topic.opt_in == Topic.OptIn.CHANNEL else ("t", "g")
    refused = f"({name}_{granted}.is_granted IS NOT TRUE OR {name}_{kept}.is_granted IS FALSE)"
    return Clause(f"{whole} {own}", refused)


def _join(alias: str, contact: str, channel: str, topic: str) -> str:
    return (
        f"LEFT JOIN contacts_consentstate {alias} ON {alias}.contact_id = {contact}"
        f" AND {alias}.channel = '{channel}' AND {alias}.topic = {topic}"
    )
