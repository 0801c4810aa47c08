"""What events are called. Names of messages' events are ours; anything else is the name an integrator chose."""

MESSAGE_SENT = "message.sent"
DELIVERED = "message.delivered"
OPENED = "message.opened"
CLICKED = "message.clicked"
BOUNCED = "message.bounced"
COMPLAINED = "message.complained"
UNSUBSCRIBED = "message.unsubscribed"
FAILED = "message.failed"

# Another contact was merged into this one: what is known about them may all be different now.
CONTACT_MERGED = "contact.merged"

# How the log calls a visit to a page of a website and to a screen of an app; which one is in its properties.
PAGE = "page"
SCREEN = "screen"

# Nobody outside may write these: a browser that could would open and click messages, and enter segments.
OURS = ("message.", "segment.", "log.")

WORDS = {
    MESSAGE_SENT: "Sent",
    DELIVERED: "Delivered",
    OPENED: "Opened",
    CLICKED: "Clicked",
    BOUNCED: "Bounced",
    COMPLAINED: "Complained",
    UNSUBSCRIBED: "Unsubscribed",
    FAILED: "Failed",
    PAGE: "Visited a page",
    SCREEN: "Opened a screen",
}


def words(name: str) -> str:
    """What people read for an event: our own word, or the name an integrator chose."""
    return WORDS.get(name, name)


# Says to the log's readers that older events of its campaign carry another label now (labels.relabel).
RELABELLED = "log.relabelled"

# Says to the log's readers that older events, of a visitor unknown until then, are this contact's now
# (tracking/joining.py). Its properties name them: {"names": [...]}.
JOINED = "log.joined"
