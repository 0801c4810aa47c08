"""How a contact stands with us, as a coloured word: consent, suppressed, erased, merged."""

from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

_CONSENT = {True: ("ok", "Consent"), False: ("warn", "Withdrawn"), None: ("muted", "No consent")}


def badge(text: str, tone: str) -> SafeString:
    return format_html('<span class="c-badge c-badge--{}">{}</span>', tone, text)


def of_consent(contact: Any) -> SafeString:
    """Of a contact from `lists.with_standing`."""
    tone, text = _CONSENT[contact.email_consent]
    return badge(text, tone)


def in_a_word(contact: Any) -> SafeString:
    """What matters most; of a contact from `lists.with_standing`."""
    if contact.merged_into_id:
        return badge("Merged", "muted")
    if contact.erased_at:
        return badge("Erased", "muted")
    if contact.suppression:
        return badge("Suppressed", "bad")
    return of_consent(contact)
