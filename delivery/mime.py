"""The bytes of an email, built fast: EmailMessage.as_bytes() makes 650 a second, which would be the bottleneck.

What is the same for everyone (sender, list headers) is made once per batch as a skeleton; per person only the parts
that differ are encoded, by C functions of the standard library, and joined.
"""

import binascii
import functools
import re
import secrets
import time
from dataclasses import dataclass
from email.utils import formatdate

from templates_app.rendering import Content

# What may end a header early or hide a second one from a reader: RFC 5322 line ends and Unicode's.
_BREAKS = re.compile("[\r\n\x00\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_PLAIN_PHRASE = re.compile(r"[A-Za-z0-9 !#$%&'*+/=?^_`{|}~.,-]{1,120}")
_ENCODED_WORD_BYTES = 42  # 42 bytes are 56 characters of base64, within the 75 of RFC 2047


class BadHeader(ValueError):
    """A header value holds a line break: refused, because it would add headers of its own."""


@dataclass(frozen=True, slots=True)
class Skeleton:
    """What all messages of a batch share. Names and addresses are checked when it is made."""

    fixed: bytes
    domain: str
    boundary: bytes

    @classmethod
    def make(cls, *, from_name: str, from_email: str, reply_to: str = "", list_id: str = "") -> "Skeleton":
        domain = from_email.rpartition("@")[2]
        boundary = f"=_carillon_{secrets.token_hex(12)}"
        lines = [f"From: {mailbox(from_name, from_email)}"]
        if reply_to:
            lines.append(f"Reply-To: {mailbox('', reply_to)}")
        if list_id:
            lines.append(f"List-Id: <{checked(list_id)}>")
        lines += ["MIME-Version: 1.0", f'Content-Type: multipart/alternative; boundary="{boundary}"']
        return cls("\r\n".join(lines).encode() + b"\r\n", domain, boundary.encode())

    def assemble(
        self,
        content: Content,
        *,
        to_name: str,
        to_email: str,
        message_id: str,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> bytes:
        """The finished message with CRLF line ends. `message_id` is the part before the @; raises BadHeader."""
        lines = [
            f"Subject: {encoded_text(content.subject)}",
            f"To: {mailbox(to_name, to_email)}",
            f"Date: {_date(int(time.time()))}",
            f"Message-ID: <{message_id}@{self.domain}>",
            *(f"{name}: {checked(value)}" for name, value in headers),
        ]
        delimiter = b"\r\n--" + self.boundary
        part = delimiter + b'\r\nContent-Type: text/%s; charset="utf-8"\r\nContent-Transfer-Encoding: %s\r\n\r\n'
        text_encoding, text = encoded_body(content.text)
        html_encoding, html = encoded_body(content.html)
        return b"".join(
            (
                self.fixed,
                "\r\n".join(lines).encode("utf-8"),
                b"\r\n",
                part % (b"plain", text_encoding),
                text,
                part % (b"html", html_encoding),
                html,
                delimiter,
                b"--\r\n",
            )
        )


def checked(value: str) -> str:
    """`value` if it stays on one line; raises BadHeader otherwise."""
    if _BREAKS.search(value):
        raise BadHeader("A header value may not contain a line break.")
    return value


@functools.lru_cache(maxsize=4096)
def encoded_text(text: str) -> str:
    """Unstructured header text, as RFC 2047 encoded words where it is not plain ASCII or too long for a line."""
    checked(text)
    if text.isascii() and len(text) < 900 and "=?" not in text:
        return text
    words, chunk = [], b""
    for character in text:
        encoded = character.encode("utf-8", "replace")
        if len(chunk) + len(encoded) > _ENCODED_WORD_BYTES:
            words.append(chunk)
            chunk = b""
        chunk += encoded
    words.append(chunk)
    return "\r\n ".join(f"=?utf-8?b?{binascii.b2a_base64(word, newline=False).decode()}?=" for word in words)


def mailbox(name: str, address: str) -> str:
    """`"Name" <address>`; raises BadHeader when either holds a line break or the address could end early."""
    if not address.isascii() or set(address) & set('<>,;" \t') or _BREAKS.search(address):
        raise BadHeader(f"{address!r} is not an address that can stand in a header.")
    if not name:
        return f"<{address}>"
    if _PLAIN_PHRASE.fullmatch(name):
        return f'"{name}" <{address}>'
    return f"{encoded_text(name) if not name.isascii() else _quoted(name)} <{address}>"


def _quoted(name: str) -> str:
    escaped = checked(name).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def encoded_body(text: str) -> tuple[bytes, bytes]:
    """(transfer encoding, body): as it is where its lines are short enough, else quoted-printable.

    8bit is what Django and most senders use for UTF-8; quoting 16 KB costs more than rendering it.
    """
    raw = text.encode("utf-8", "replace")
    if b"\r" in raw:
        raw = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if b"\x00" in raw or not _has_short_lines(raw):
        return b"quoted-printable", binascii.b2a_qp(raw, istext=True).replace(b"\n", b"\r\n")
    return (b"7bit" if raw.isascii() else b"8bit"), raw.replace(b"\n", b"\r\n")


def _has_short_lines(raw: bytes, limit: int = 990) -> bool:
    """Whether every line fits RFC 5322's 998 octets."""
    start, end = 0, len(raw)
    while end - start > limit:
        # The last line end that still fits; stepping from one to the next looks at few of them.
        at = raw.rfind(b"\n", start, start + limit + 1)
        if at < 0:
            return False
        start = at + 1
    return True


@functools.lru_cache(maxsize=4)
def _date(second: int) -> str:
    return formatdate(second)
