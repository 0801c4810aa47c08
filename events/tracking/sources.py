"""Sources and their write keys: made, revoked, and found by the key that a request brings."""

import hashlib
import secrets
import time

from django.db import transaction
from django.utils import timezone

from core.errors import Refused
from events.models import Source, WriteKey
from team.models import User

REMEMBERED_SECONDS = 5.0  # after which a revoked key or a source that was switched off is noticed everywhere
MOST_REMEMBERED = 1_000
_known: dict[str, tuple[float, Source | None]] = {}


@transaction.atomic
def add(*, name: str, kind: str = Source.Kind.SERVER, description: str = "", by: User | None) -> tuple[Source, str]:
    """A new source with its first key, which nobody can read again."""
    if Source.objects.filter(name=name.strip()).exists():
        raise Refused("name_taken", f"There is a source called “{name.strip()}” already. Choose another name.")
    source = Source.objects.create(name=name.strip(), kind=kind, description=description)
    return source, issue(source, by=by)[1]


def issue(source: Source, *, by: User | None) -> tuple[WriteKey, str]:
    """One more key; the others go on working, so that a program can be switched over before its old key is revoked."""
    secret = secrets.token_urlsafe(24)
    key = f"wk_{secret}"
    return WriteKey.objects.create(source=source, prefix=secret[:6], key_hash=_hash(key), created_by=by), key


def revoke(key: WriteKey) -> bool:
    """End a key; False if it had been revoked before. Every process notices within REMEMBERED_SECONDS."""
    _known.clear()
    return bool(WriteKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now()))


def switch(source: Source, *, on: bool) -> None:
    """Take what its keys bring, or refuse it."""
    _known.clear()
    Source.objects.filter(pk=source.pk).update(is_enabled=on, updated_at=timezone.now())


def of_key(key: str) -> Source | None:
    """The source that may be written to with `key`; None if it is unknown, revoked, or of a source switched off."""
    digest = _hash(key)
    until, source = _known.get(digest, (0.0, None))
    if time.monotonic() >= until:
        source = _look_up(digest)
        if len(_known) >= MOST_REMEMBERED:
            _known.clear()  # somebody is guessing
        _known[digest] = (time.monotonic() + REMEMBERED_SECONDS, source)
    return source


def forget_remembered() -> None:
    """Look every key up again: for what changes sources in this process, and wants to see it at once."""
    _known.clear()


def _look_up(digest: str) -> Source | None:
    return Source.objects.filter(keys__key_hash=digest, keys__revoked_at=None, is_enabled=True).first()


def _hash(key: str) -> str:
    # A key carries 192 bits of randomness, so a fast hash is enough: there is nothing to guess.
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
