"""The addresses that go into messages: tracked links, the open pixel, unsubscribing. Made here, read by tracking.py.

A token names rows by number and never carries an address of ours to redirect to, except for links that hold a person's
own data: their rendered address is part of what is signed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from django.conf import settings

from contacts import preferences
from core import tokens
from templates_app.models import Link

OPEN, CLICK, UNSUBSCRIBE = "open", "click", "unsubscribe"


def packed(*numbers: int) -> bytes:
    """Numbers as LEB128, seven bits a byte: a token stays short."""
    out = bytearray()
    for number in numbers:
        while number > 0x7F:
            out.append(number & 0x7F | 0x80)
            number >>= 7
        out.append(number)
    return bytes(out)


def unpacked(payload: bytes, count: int) -> tuple[list[int], bytes]:
    """`count` numbers from the front of `payload` and what follows them; raises BadToken when it is cut short."""
    numbers, position = [], 0
    for _ in range(count):
        number = shift = 0
        while True:
            if position >= len(payload) or shift > 63:
                raise tokens.BadToken("payload is cut short")
            byte = payload[position]
            position += 1
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        numbers.append(number)
    return numbers, payload[position:]


@dataclass(frozen=True, slots=True)
class LinkMaker:
    """Makes every address of a message; the signing keys are prepared once per batch."""

    base: str
    sign_open: Callable[[bytes], str]
    sign_click: Callable[[bytes], str]
    sign_unsubscribe: Callable[[bytes], str]
    sign_preferences: Callable[[bytes], str]
    link_tails: dict[int, bytes] = field(default_factory=dict)

    @classmethod
    def make(cls) -> "LinkMaker":
        return cls(
            base=settings.PUBLIC_URL.rstrip("/"),
            sign_open=tokens.signer(OPEN),
            sign_click=tokens.signer(CLICK),
            sign_unsubscribe=tokens.signer(UNSUBSCRIBE),
            sign_preferences=tokens.signer(preferences.PURPOSE),
        )

    def pixel(self, message_id: int) -> str:
        """The image tag whose loading is an open."""
        address = f"{self.base}/o/{self.sign_open(packed(message_id))}.gif"
        return f'<img src="{address}" width="1" height="1" alt="" style="display:block;border:0">'

    def click(self, message_id: int) -> Callable[[Link, str], str]:
        """The function that turns a link of the version into this message's tracked address."""
        base, sign, head, tails = f"{self.base}/c/", self.sign_click, packed(message_id), self.link_tails

        def tracked(link: Link, rendered: str) -> str:
            tail = tails.get(link.pk)
            if tail is None:
                tail = tails[link.pk] = packed(link.pk)
            return base + sign(head + tail + rendered.encode() if link.is_dynamic else head + tail)

        return tracked

    def unsubscribe(self, message_id: int) -> str:
        return f"{self.base}/u/{self.sign_unsubscribe(packed(message_id))}"

    def preferences(self, contact_id: int) -> str:
        return f"{self.base}/p/{self.sign_preferences(preferences.payload(contact_id))}"
