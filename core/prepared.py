"""Statements that stay prepared: the server parses and plans them once per connection.

For the few that are asked thousands of times a minute, with some rows each: of those, parsing and planning take longer
than the rows do.
"""

from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper
from psycopg import Cursor


class _Prepared(Cursor[Any]):
    def execute(self, query: Any, params: Any = None, **options: Any) -> "_Prepared":
        return super().execute(query, params, **options | {"prepare": True})


def cursor() -> CursorWrapper:
    """A cursor as `connection.cursor()` gives them, for use with `with`.

    Values travel apart from the text, so what type each has must be clear from the statement, as in `%s::bigint[]`.
    """
    wrapper = connection.cursor()
    # Any number will do: Django turns preparing off altogether, as it can't know what pools connections.
    connection.connection.prepare_threshold = 5
    wrapper.cursor = _Prepared(connection.connection)
    return wrapper
