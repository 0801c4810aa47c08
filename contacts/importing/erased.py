"""Who was erased is left out of the rows of files that are on their way in."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from django.db import connection, transaction
from django.db.models import F
from psycopg import sql

from contacts.importing import staging
from contacts.models import Contact, Erasure, Identity, ImportJob

Status = ImportJob.Status
STAGED = (Status.CHECKING, Status.READY, Status.IMPORTING)
_NO_DIGIT = re.compile(r"\D")


@dataclass(frozen=True)
class Names:
    """What somebody was called by whom we know: addresses and ids, of today and of before."""

    emails: frozenset[str]
    phones: frozenset[str]
    ids: frozenset[str]

    @classmethod
    def of(cls, contact: Contact) -> "Names":
        had: dict[str, set[str]] = {kind: set() for kind in Identity.Kind.values}
        for kind, value in contact.identities.values_list("kind", "value"):
            had[kind].add(value)
        own = {"email": contact.email, "phone": contact.phone, "external": contact.external_id}
        for kind, name in own.items():
            had[kind] |= {name} if name else set()
        return cls(frozenset(had["email"]), frozenset(had["phone"]), frozenset(had["external"]))

    @classmethod
    def read(cls, known: dict[str, list[str]]) -> "Names":
        return cls(*(frozenset(known.get(name, ())) for name in ("emails", "phones", "ids")))

    def as_json(self) -> dict[str, list[str]]:
        return {"emails": sorted(self.emails), "phones": sorted(self.phones), "ids": sorted(self.ids)}

    def __bool__(self) -> bool:
        return bool(self.emails or self.phones or self.ids)

    def are_in(self, row: Sequence[object], *, id_at: int | None = None) -> bool:
        """Whether a row names them: an address anywhere in a cell, a number however it is written.

        An id may be as short as “1”: only in the column of ids, whose position is `id_at`, does it name anybody.
        """
        cells = [cell for cell in row if isinstance(cell, str) and cell]
        if id_at is not None and id_at < len(row) and _plain(str(row[id_at])) in self.ids:
            return True
        return any(self._is_in(cell) for cell in cells)

    def are_in_name(self, name: str) -> bool:
        """Whether a file is called after them."""
        return any(part in name.lower() for part in self.emails)

    def _is_in(self, cell: str) -> bool:
        is_number = bool(self.phones) and f"+{_digits(cell)}" in self.phones
        return is_number or bool(self._address and self._address.search(cell.lower()))

    @cached_property
    def _address(self) -> "re.Pattern[str] | None":
        """Any of the addresses by itself, not as the end or the beginning of another one."""
        if not self.emails:
            return None
        return re.compile(rf"(?<![\w.+-])(?:{'|'.join(map(re.escape, sorted(self.emails)))})(?![\w-]|\.\w)")


def _plain(cell: str) -> str:
    return cell.strip().removeprefix("'")  # error files put one before what looks like a formula


def id_column(job: ImportJob) -> int | None:
    """The position of the column with people's ids, if the file has one."""
    return next((at for at, name in enumerate(job.header) if job.mapping.get(name) == "external_id"), None)


def _digits(text: str) -> str:
    return _NO_DIGIT.sub("", text).lstrip("0")


def leave_out_of_open(names: Names) -> None:
    """Take their rows out of what is being imported, in the erasure's transaction: the next chunk finds none.

    A chunk looks for known people and for rows in statements that see either both the person and the rows, or neither.
    """
    for job in ImportJob.objects.filter(status__in=STAGED) if names else ():
        leave_out(job, names)


def leave_out_erased(job: ImportJob) -> None:
    """The same for everyone who was erased since the upload: for rows that were being read meanwhile."""
    for erased in Erasure.objects.filter(finished_at=None, at__gte=job.created_at):
        leave_out(job, Names.read(erased.known))


def leave_out(job: ImportJob, names: Names) -> int:
    """Forget the job's staged rows that mean them; how many there were. What names them in passing stays a row."""
    found, values = _naming(job, names)
    if not found or not staging.exist(job):
        return 0
    tables = staging.tables(job)
    condition = sql.SQL(" OR ").join(found)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql.SQL("DELETE FROM {} r WHERE {} RETURNING row_number").format(tables.rows, condition), values)
        rows = [number for (number,) in cursor.fetchall()]
        if rows:
            _forget_rows(job, rows, names)
            ImportJob.objects.filter(pk=job.pk).update(row_count=F("row_count") - len(rows))
    return len(rows)


def _naming(job: ImportJob, names: Names) -> tuple[list[sql.Composed], list[list[str]]]:
    """Conditions over the staged row `r`, and their values, by the columns that say whom a row means.

    A number says it only in a row that has nothing else: people share them.
    """
    wanted = {"email": names.emails, "external_id": names.ids, "phone": names.phones}
    columns = {
        job.mapping.get(name, ""): sql.SQL("r.{}").format(staging.column(at)) for at, name in enumerate(job.header)
    }
    keys = [key for key in wanted if key in columns]
    alone = [sql.SQL(" AND coalesce(btrim({}), '') = ''").format(columns[key]) for key in keys if key != "phone"]
    conditions, values = [], []
    for key in (key for key in keys if wanted[key]):
        rest = sql.SQL("").join(alone) if key == "phone" else sql.SQL("")
        conditions.append(sql.SQL("({} = ANY(%s){})").format(sql.SQL(_AS_STORED[key]).format(columns[key]), rest))
        values.append(sorted(wanted[key]))
    return conditions, values


# A cell as the contact's row would have it, near enough.
_AS_STORED = {
    "email": "lower(btrim({}))",
    "external_id": "btrim({})",
    "phone": "'+' || ltrim(regexp_replace({}, '[^0-9]', '', 'g'), '0')",
}


def _forget_rows(job: ImportJob, rows: list[int], names: Names) -> None:
    tables = staging.tables(job)
    with connection.cursor() as cursor:
        for table in (tables.errors, tables.replaced):
            if staging.exists(table):
                cursor.execute(sql.SQL("DELETE FROM {} WHERE row_number = ANY(%s)").format(table), [rows])
        if staging.exists(tables.readings):
            everything = sorted(names.emails | names.phones | names.ids)
            cursor.execute(
                sql.SQL("DELETE FROM {} WHERE value = ANY(%s) OR lower(btrim(raw)) = ANY(%s)").format(tables.readings),
                [everything, everything],
            )
