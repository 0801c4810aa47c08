"""Pages of very large tables in the console: nothing counts a million rows to show fifty."""

from functools import cached_property
from typing import Any

from django.core.paginator import Paginator
from django.db import connections

COUNT_UP_TO = 10_000
PAGES_DEEP = 1_000  # OFFSET reads what it skips: nobody leafs further, people search


class EstimatingPaginator(Paginator):
    """Counts exactly up to COUNT_UP_TO rows. Beyond, a filtered list ends there, and a whole table has the planner's
    estimate, which autovacuum keeps within a few percent."""

    template_name = "core/pagination.html"
    scope = ""  # follows the count where only a part was looked at: "among the newest 100,000"

    @cached_property
    def count(self) -> int:
        if self._seen <= COUNT_UP_TO or self._is_filtered:
            return self._seen
        with connections[self._rows.db].cursor() as cursor:
            cursor.execute(
                "SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass", [self._rows.model._meta.db_table]
            )
            return max(self._seen, int(cursor.fetchone()[0]))

    @cached_property
    def num_pages(self) -> int:
        return min(PAGES_DEEP, super().num_pages)

    @property
    def count_in_words(self) -> str:
        """The count as it is shown, which says where it is not exact."""
        if self._seen <= COUNT_UP_TO:
            return f"{self.count:,}"
        return f"more than {COUNT_UP_TO:,}" if self._is_filtered else f"about {self.count:,}"

    @cached_property
    def _seen(self) -> int:
        # Of the key alone: what a list adds to each row to show it would be worked out for all of these.
        return int(self._rows.order_by().values("pk")[: COUNT_UP_TO + 1].count())

    @property
    def _rows(self) -> Any:
        return self.object_list

    @property
    def _is_filtered(self) -> bool:
        return bool(self._rows.query.where)
