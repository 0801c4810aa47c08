"""The links of a message: found in its HTML, judged, numbered, and replaced by the tag that fills in an address."""

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from templates_app.filling import LINK
from templates_app.masking import Mask

_PIECES = re.compile(
    r"<!--[\s\S]*?-->"
    r"|<(?:style|script|title|textarea)\b[\s\S]*?</(?:style|script|title|textarea)\s*>"
    r"|<(?P<name>a|area)\b(?P<attributes>(?:[^>\"']|\"[^\"]*\"|'[^']*')*)>",
    re.IGNORECASE,
)
_HREF = re.compile(r'(\shref=")([^"]*)(")', re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>")
_ALT = re.compile(r'\salt="([^"]*)"', re.IGNORECASE)
_CONTROL = re.compile("[\x00-\x1f\x7f\u2028\u2029]")
_LIQUID = re.compile(r"\{\{.*?\}\}|\{%.*?%\}")
_UNTRACKED = re.compile(r"\{\{-?\s*(?:unsubscribe_url|preferences_url)\s*-?\}\}")
_KEPT_SCHEMES = {"mailto", "tel", "sms"}
MAX_LINKS = 500
MAX_URL = 2_000


class BadLink(ValueError):
    """A link that must not be sent; the message says which and what to do."""

    def __init__(self, url: str, message: str) -> None:
        super().__init__(message)
        self.url = url


@dataclass(slots=True)
class FoundLink:
    """A link that is to be tracked. `url` may hold Liquid."""

    position: int
    url: str
    text: str

    @property
    def is_dynamic(self) -> bool:
        return "{{" in self.url or "{%" in self.url


def number(masked: str, mask: Mask) -> tuple[str, list[FoundLink]]:
    """`masked` with every http(s) address replaced by its numbered tag, and the links in order. Raises BadLink."""
    links: list[FoundLink] = []

    def rewrite(match: re.Match[str]) -> str:
        if not match["name"]:
            return match.group()
        return _HREF.sub(_numbered(links, mask, masked, match.end()), match.group(), count=1)

    return _PIECES.sub(rewrite, masked), links


def _numbered(links: list[FoundLink], mask: Mask, masked: str, end: int) -> Callable[[re.Match[str]], str]:
    def replace(href: re.Match[str]) -> str:
        url = mask.restore(html.unescape(href[2])).strip(" ")
        text = _text_after(masked, end, mask)
        if not is_tracked(url, text):
            return href.group()
        if len(links) == MAX_LINKS:
            raise BadLink(url, f"A message may have at most {MAX_LINKS} links.")
        links.append(FoundLink(len(links), url, text))
        return f"{href[1]}{{% {LINK} {len(links) - 1} %}}{href[3]}"

    return replace


def is_tracked(url: str, text: str = "") -> bool:
    """Whether clicks on `url` are counted (web addresses); False for those left alone; BadLink if refused."""
    named = f"The link “{text}”" if text else "A link"
    if _CONTROL.search(url):
        raise BadLink(url, f"{named} has a line break or an invisible character in its address. Write it in one line.")
    if len(url) > MAX_URL:
        raise BadLink(url, f"{named} has an address longer than {MAX_URL} characters.")
    if not url or url.startswith("#") or _UNTRACKED.fullmatch(url):
        return False
    head = re.split(r"[/?#]", url, maxsplit=1)[0]
    if "{{" in head or "{%" in head:
        return _starts_dynamically(head)
    return _is_web_address(url, named)


def _starts_dynamically(head: str) -> bool:
    """An address whose beginning is filled in per person is checked then; `mailto:{{ … }}` stays as it is."""
    scheme = re.match(r"([a-zA-Z]+):", head)
    return not (scheme and scheme[1].lower() in _KEPT_SCHEMES)


def _is_web_address(url: str, named: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError as error:
        raise BadLink(url, f"{named} has an address that can't be read: “{url}”.") from error
    if parts.scheme in _KEPT_SCHEMES:
        return False
    if parts.scheme not in {"http", "https", ""}:
        raise BadLink(url, f"{named} starts with “{parts.scheme}:”. Use https://, mailto: or tel:.")
    if not parts.scheme or not host:
        raise BadLink(url, f"{named} goes to “{url}”, which is no full web address. Start it with https://.")
    if " " in _LIQUID.sub("", url):
        raise BadLink(url, f"{named} has a space in its address. Write %20 instead.")
    return True


def _text_after(masked: str, end: int, mask: Mask) -> str:
    """What the link says: its text, or else what its image says."""
    close = masked.find("</a", end)
    inner = masked[end:close] if 0 <= close < end + 5_000 else ""
    text = " ".join(html.unescape(_TAG.sub(" ", inner)).split())
    if not text and (alt := _ALT.search(inner)):
        text = html.unescape(alt[1])
    return mask.restore(text)[:200]
