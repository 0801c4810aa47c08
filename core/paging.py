"""Pages of very large tables in the console: nothing counts a million rows to show fifty."""

from functools import cached_property
from typing import Any

from django.core.paginator import Paginator
from django.db import connections

COUNT_UP_TO = 10_000


class KeysetFriendlyPaginator(Paginator):
    """Counts exactly up to COUNT_UP_TO and takes the planner's estimate for an unfiltered table beyond that."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        seen = int(rows.order_by().values("pk")[: COUNT_UP_TO + 1].count())
        if seen <= COUNT_UP_TO or rows.query.where:
            return seen
        with connections[rows.db].cursor() as cursor:
            cursor.execute(
                "SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass", [rows.model._meta.db_table]
            )
            return max(seen, int(cursor.fetchone()[0]))
