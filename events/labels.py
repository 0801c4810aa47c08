"""Who was it: a person, a security scanner or a mail client that loads images ahead. With a reason, and revisable.

Nothing is thrown away: figures, segments and tests read the events labelled human, and any label can be changed later
when a new scanner becomes known (`relabel`).
"""

import re
from collections.abc import Sequence

from django.db import connection, transaction

from events import ingest, names, stream
from events.models import Event

TOO_SOON_SECONDS = 2.0  # nobody receives, reads and clicks a message within two seconds of its leaving us
BURST_SECONDS = 1.0  # two different links of one message within a second: gateways follow all of them at once

# A part of the user agent in lower case, and what it means. First match wins.
SCANNERS = {
    "barracuda": "Barracuda gateway",
    "proofpoint": "Proofpoint gateway",
    "mimecast": "Mimecast gateway",
    "safelinks": "Outlook Safe Links",
    "bingpreview": "Outlook Safe Links (BingPreview)",
    "microsoft office existence discovery": "Microsoft Office link check",
    "symantec": "Symantec gateway",
    "messagelabs": "Symantec gateway",
    "trendmicro": "Trend Micro gateway",
    "trend micro": "Trend Micro gateway",
    "fireeye": "FireEye gateway",
    "cloudmark": "Cloudmark filter",
    "forcepoint": "Forcepoint gateway",
    "websense": "Forcepoint gateway",
    "zscaler": "Zscaler gateway",
    "sophos": "Sophos gateway",
    "ironport": "Cisco gateway",
    "fortiguard": "Fortinet gateway",
    "virustotal": "VirusTotal",
    "urlscan": "urlscan.io",
    "headlesschrome": "browser without a screen",
    "phantomjs": "browser without a screen",
    "puppeteer": "browser without a screen",
    "facebookexternalhit": "link preview",
    "slackbot": "link preview",
    "twitterbot": "link preview",
    "skypeuripreview": "link preview",
    "telegrambot": "link preview",
    "discordbot": "link preview",
    "linkedinbot": "link preview",
    "whatsapp/": "link preview",
    "python-requests": "program (python-requests)",
    "python-urllib": "program (urllib)",
    "aiohttp": "program (aiohttp)",
    "httpx": "program (httpx)",
    "curl/": "program (curl)",
    "wget/": "program (wget)",
    "go-http-client": "program (Go)",
    "apache-httpclient": "program (Java)",
    "java/": "program (Java)",
    "libwww-perl": "program (Perl)",
    "axios/": "program (Node)",
    "node-fetch": "program (Node)",
}
_BOT = re.compile(r"\b[a-z]*(bot|crawler|spider|scanner|linkcheck)\b")
# Gmail loads images ahead of time under this made-up browser, which never existed, and on opening under its proxy's.
GMAIL_AHEAD = "edge/12.246 mozilla/5.0"
APPLE_PRIVACY = "mozilla/5.0"
# These fetch when the person opens the message, and hide only who and where that person is.
PROXIES_OF_PEOPLE = {"googleimageproxy": "Gmail's image proxy", "yahoomailproxy": "Yahoo's image proxy"}

# The campaign and the moments let the index find the rows: ids alone would be looked for in every partition.
_RELABEL = """
    UPDATE events_event SET label = %(label)s, label_reason = %(reason)s
    WHERE id = ANY(%(ids)s) AND occurred_at BETWEEN %(since)s AND %(until)s AND name <> 'message.sent'
      AND (campaign_id = ANY(%(campaigns)s) OR campaign_id IS NULL)
      AND (label, label_reason) IS DISTINCT FROM (%(label)s, %(reason)s)
    RETURNING campaign_id"""
# Other clicks are looked for around each fresh one, in either direction: they may have been read before.
_IN_BURSTS = """
    WITH fresh AS (
        SELECT message_id, campaign_id, occurred_at, properties->>'link' AS link FROM events_event
        WHERE (xid, id) > (%s::text::xid8, %s) AND (xid, id) <= (%s::text::xid8, %s)
          AND name = 'message.clicked' AND label = 'human' AND message_id IS NOT NULL AND campaign_id IS NOT NULL
    ), burst AS (
        SELECT DISTINCT fresh.message_id, fresh.campaign_id, fresh.occurred_at FROM fresh JOIN events_event AS other
            ON other.campaign_id = fresh.campaign_id AND other.message_id = fresh.message_id
            AND other.name = 'message.clicked' AND other.properties->>'link' <> fresh.link
            AND other.occurred_at BETWEEN fresh.occurred_at - %s * interval '1 s'
                                      AND fresh.occurred_at + %s * interval '1 s'
    )
    SELECT DISTINCT ON (event.id) event.* FROM burst JOIN events_event AS event
        ON event.campaign_id = burst.campaign_id AND event.message_id = burst.message_id
        AND event.name IN ('message.opened', 'message.clicked') AND event.label = 'human'
        AND event.occurred_at BETWEEN burst.occurred_at - %s * interval '1 s'
                                  AND burst.occurred_at + %s * interval '1 s'
    ORDER BY event.id"""


def label_of(user_agent: str, method: str, seconds_since_sent: float | None) -> tuple[str, str]:
    """The label of one open or click and the reason for it; the reason is empty for an ordinary person."""
    agent = user_agent.strip().lower()
    if method.upper() == "HEAD":
        return Event.Label.SCANNER, "asked for the headers only"
    if not agent:
        return Event.Label.SCANNER, "no user agent"
    if agent == APPLE_PRIVACY:
        return Event.Label.PREFETCH, "Apple Mail Privacy Protection"
    if agent.endswith(GMAIL_AHEAD):
        return Event.Label.PREFETCH, "Gmail, ahead of opening"
    if scanner := _scanner(agent):
        return Event.Label.SCANNER, scanner
    return _by_time(agent, seconds_since_sent)


def _scanner(agent: str) -> str:
    for part, reason in SCANNERS.items():
        if part in agent:
            return reason
    return "calls itself a bot" if _BOT.search(agent) else ""


def _by_time(agent: str, seconds: float | None) -> tuple[str, str]:
    proxy = next((name for part, name in PROXIES_OF_PEOPLE.items() if part in agent), "")
    if seconds is not None and seconds < TOO_SOON_SECONDS:
        label = Event.Label.PREFETCH if proxy else Event.Label.SCANNER
        return label, f"within {TOO_SOON_SECONDS:g} s of sending"
    return Event.Label.HUMAN, proxy


def relabel(events: Sequence[Event], *, label: str, reason: str) -> int:
    """Give these opens and clicks another label; returns how many changed.

    Each touched campaign gets a `log.relabelled` event in the same transaction, so that readers which have counted
    the old labels count again.
    """
    if not events:
        return 0
    moments = [event.occurred_at for event in events]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            _RELABEL,
            {
                "ids": [event.id for event in events],
                "campaigns": list({event.campaign_id for event in events}),
                "since": min(moments),
                "until": max(moments),
                "label": label,
                "reason": reason,
            },
        )
        touched = [campaign for (campaign,) in cursor.fetchall()]
        _announce({campaign for campaign in touched if campaign is not None})
    return len(touched)


def _announce(campaigns: set[int]) -> None:
    ingest.record_many({"name": names.RELABELLED, "campaign_id": campaign} for campaign in sorted(campaigns))


def label_bursts(batch: int = 50_000) -> int | None:
    """Relabel those who followed several links at once as the scanners they are.

    Returns how many events of the next batch changed, None when there is nothing new to look at.

    Only a second click shows that the first was not a person's, so this reads the log after the fact, with a cursor
    of its own. What was opened in the same second was opened by the scanner too.
    """
    with stream.read_span("events.bursts", batch) as span:
        if span is None:
            return None
        found = Event.objects.raw(_IN_BURSTS, [*span.params, *[BURST_SECONDS] * 4])
        return relabel(list(found), label=Event.Label.SCANNER, reason="several links at once")
