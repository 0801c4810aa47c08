"""The confirmation mail that comes with the product: a template for each language, and the campaign that carries them.

They are ordinary templates and an ordinary triggered campaign, so that a team can look at them, copy and replace them.
"""

import json
from pathlib import Path

from campaigns import lifecycle
from campaigns.models import Campaign, Sender, Variant
from templates_app import publishing
from templates_app.models import Template

NAME = "Confirmation mails"
_HERE = Path(__file__).parent


def make(sender: Sender) -> Campaign:
    """The campaign, sending, with a variant in each language."""
    campaign = Campaign.objects.create(
        name=NAME,
        description="Asks people to confirm what they signed up for (double opt-in). Copy it to write your own.",
        kind=Campaign.Kind.TRIGGERED,
        purpose=Campaign.Purpose.TRANSACTIONAL,
        sender=sender,
        tracks_opens=False,  # they confirm by a button, and nothing more need be known
        tracks_clicks=False,
    )
    for key, (language, texts) in zip("ABCDEFGHIJ", _texts().items(), strict=False):
        Variant.objects.create(campaign=campaign, key=key, template=_template(language, texts))
    lifecycle.begin(campaign)
    return campaign


def _texts() -> dict[str, dict[str, str]]:
    """By language, English first: it is for everyone whose language is none of the others."""
    texts: dict[str, dict[str, str]] = json.loads((_HERE / "texts.json").read_text(encoding="utf-8"))
    return texts


def _template(language: str, texts: dict[str, str]) -> Template:
    plain_intro = texts["intro"].replace("<strong>", "").replace("</strong>", "")
    words = texts | {"language": language, "plain_intro": plain_intro}
    template = publishing.create(
        by=None,
        name=publishing.free_name(f"Confirm a subscription ({texts['name']})"),
        description="Asks somebody to confirm what they signed up for.",
        category="transactional",
        language=language,
        content={
            "subject": texts["subject"],
            "preheader": texts["preheader"],
            "source": _filled("layout.html", words),
            "text_source": _filled("layout.txt", words),
        },
    )
    publishing.publish(template, by=None)
    return template


def _filled(layout: str, words: dict[str, str]) -> str:
    source = (_HERE / layout).read_text(encoding="utf-8")
    for key, text in words.items():
        source = source.replace(f"[[{key}]]", text)
    return source
