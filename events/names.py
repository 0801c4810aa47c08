"""What events are called. Names of messages' events are ours; anything else is the name an integrator chose."""

MESSAGE_SENT = "message.sent"
DELIVERED = "message.delivered"
OPENED = "message.opened"
CLICKED = "message.clicked"
BOUNCED = "message.bounced"
COMPLAINED = "message.complained"
UNSUBSCRIBED = "message.unsubscribed"
FAILED = "message.failed"

WORDS = {
    MESSAGE_SENT: "Sent",
    DELIVERED: "Delivered",
    OPENED: "Opened",
    CLICKED: "Clicked",
    BOUNCED: "Bounced",
    COMPLAINED: "Complained",
    UNSUBSCRIBED: "Unsubscribed",
    FAILED: "Failed",
}


def words(name: str) -> str:
    """What people read for an event: our own word, or the name an integrator chose."""
    return WORDS.get(name, name)


# Says to the log's readers that older events of its campaign carry another label now (labels.relabel).
RELABELLED = "log.relabelled"
