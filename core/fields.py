"""Model fields: JSON that is encrypted at rest."""

import base64
import functools
import hashlib
import json
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models


class EncryptedJSONField(models.TextField):
    """A JSON value that the database, its backups and its dumps hold only as ciphertext.

    Written with the first of FIELD_KEYS, read with any of them, so that keys can be rotated.
    """

    # For type checkers alone: it takes and gives what JSON can say, unlike the text field it is stored as.
    _pyi_private_set_type: Any
    _pyi_private_get_type: Any

    def get_prep_value(self, value: Any) -> str:
        return _box().encrypt(json.dumps(value or {}).encode()).decode()

    def from_db_value(self, value: str | None, *_: object) -> Any:
        if not value:
            return {}
        try:
            return json.loads(_box().decrypt(value.encode()))
        except InvalidToken as error:
            raise ValueError("None of FIELD_KEYS opens this stored secret: was a key removed too early?") from error

    def to_python(self, value: Any) -> Any:
        return json.loads(value) if isinstance(value, str) and value else value


@functools.cache
def _box_of(secrets: tuple[str, ...]) -> MultiFernet:
    keys = [hashlib.blake2b(secret.encode(), digest_size=32, person=b"carillon fields").digest() for secret in secrets]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in keys])


def _box() -> MultiFernet:
    return _box_of(tuple(settings.FIELD_KEYS))
