"""The suppression list as a file: CSV at any size, which an import takes back."""

import csv
from collections.abc import Iterator

from django.db import transaction
from django.db.models import QuerySet

from contacts.models import Suppression
from core.tabular import escape_cell

HEADER = ("address", "channel", "reason", "detail", "added_by", "added_at")
BATCH = 2000


class _Line:
    """A file to the CSV writer: hands each line back instead of keeping it."""

    def write(self, line: str) -> str:
        return line


def csv_lines(queryset: QuerySet[Suppression]) -> Iterator[str]:
    """Line by line, with memory that stays flat. Of an erased address nothing but its reason and day can be told."""
    writer = csv.writer(_Line())
    yield "\ufeff" + writer.writerow(HEADER)
    with transaction.atomic():
        rows = queryset.values_list("address", "channel", "reason", "detail", "created_by__username", "created_at")
        for *texts, at in rows.iterator(chunk_size=BATCH):
            yield writer.writerow([*(escape_cell(text or "") for text in texts), at.isoformat()])
