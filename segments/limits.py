"""How long a question may take: nothing that a person wrote runs unbounded."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connection, transaction
from django.db.backends.utils import CursorWrapper
from psycopg import errors

from core.errors import Refused


@contextmanager
def limited(seconds: float) -> Iterator[CursorWrapper]:
    """A cursor whose statements may take that long each; Refused with a sentence when one takes longer."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('statement_timeout')")
            before = cursor.fetchone()[0]
            _set_timeout(cursor, f"{int(seconds * 1000)}ms")
            yield cursor
            _set_timeout(cursor, before)  # a surrounding transaction goes on with what it had
    except OperationalError as error:
        if not isinstance(error.__cause__, errors.QueryCanceled):
            raise
        raise Refused(
            "too_slow",
            f"This question takes longer than {seconds:g} seconds. Ask for fewer events or use fewer “contains” rules.",
        ) from error


def _set_timeout(cursor: CursorWrapper, value: str) -> None:
    cursor.execute("SELECT set_config('statement_timeout', %s, true)", [value])
