"""Short signed tokens for public links: an open pixel, a click, an unsubscribe.

A token is base64url(key id, payload, MAC). The MAC covers the purpose, so a click token cannot unsubscribe anyone,
and the key id lets keys be rotated while old links keep working. Verification is constant in time.
"""

import base64
import binascii
import functools
import hashlib
import hmac
from collections.abc import Callable

from django.conf import settings

_URL_SAFE = bytes.maketrans(b"+/", b"-_")
MAC_BYTES = 12  # 96 bits: forging one needs 2**95 guesses against a live server


class BadToken(ValueError):
    """The token was not made by us, for this purpose, or was damaged on its way."""


def sign(purpose: str, payload: bytes) -> str:
    return signer(purpose)(payload)


def signer(purpose: str) -> Callable[[bytes], str]:
    """A function from payload to token, with the key schedule done once: the sending path signs millions."""
    key = _keys()[0]
    keyed = hashlib.blake2b(key=key, digest_size=MAC_BYTES, person=_person(purpose))
    head = bytes([_id(key)])

    def make(payload: bytes) -> str:
        mac = keyed.copy()
        mac.update(payload)
        encoded = binascii.b2a_base64(head + payload + mac.digest(), newline=False)
        return encoded.translate(_URL_SAFE, b"=").decode("ascii")

    return make


def verify(purpose: str, token: str) -> bytes:
    """The payload of a token made for `purpose`; raises BadToken for anything else."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise BadToken("not base64") from error
    if len(raw) <= 1 + MAC_BYTES or len(raw) > 4096:
        raise BadToken("wrong length")
    keys = [key for key in _keys() if _id(key) == raw[0]]
    if not keys:
        raise BadToken("unknown key")
    payload, mac = raw[1:-MAC_BYTES], raw[-MAC_BYTES:]
    if not any(hmac.compare_digest(mac, _mac(purpose, payload, key)) for key in keys):
        raise BadToken("signature does not match")
    # base64 ignores spare bits at the end, so several spellings decode alike; only ours is accepted.
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != token:
        raise BadToken("not in canonical form")
    return payload


def _mac(purpose: str, payload: bytes, key: bytes) -> bytes:
    return hashlib.blake2b(payload, key=key, digest_size=MAC_BYTES, person=_person(purpose)).digest()


def _id(key: bytes) -> int:
    """One byte, so that few keys have to be tried. Of 256 rotations one brings an id that an old key has too."""
    return key[0]


def _person(purpose: str) -> bytes:
    return hashlib.sha256(purpose.encode()).digest()[: hashlib.blake2b.PERSON_SIZE]


@functools.cache
def _keys_of(secrets: tuple[str, ...]) -> list[bytes]:
    return [hashlib.blake2b(secret.encode(), person=b"carillon tokens").digest() for secret in secrets]


def _keys() -> list[bytes]:
    """The signing key first."""
    return _keys_of(tuple(settings.TOKEN_KEYS))
