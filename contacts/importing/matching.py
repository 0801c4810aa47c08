"""Whom each row means: by external id, else by email, else (if the row has neither) by phone."""

from django.db.backends.utils import CursorWrapper
from psycopg import sql

from contacts.importing.columns import Incoming, Sql

_TWO_PEOPLE = "The external id and the email belong to two different contacts."
_OTHER_ID = "The contact with this email has another external id."
_SHARED_PHONE = "Several contacts have this phone number. Add an email or an external id."


def match(cursor: CursorWrapper, incoming: Incoming, *, where: Sql | None = None) -> None:
    """Fill the temporary table `matched` with (row_number, contact_id, problem) of the rows that mean someone known.

    It is gone at the end of the transaction; matching again within it starts afresh.
    """
    cursor.execute("DROP TABLE IF EXISTS pg_temp.matched")
    cursor.execute(
        "CREATE TEMP TABLE matched (row_number bigint PRIMARY KEY, contact_id bigint, problem text) ON COMMIT DROP"
    )
    keys = incoming.select(("external_id", "email", "phone"), where=where)
    cursor.execute(
        sql.SQL(
            "INSERT INTO matched SELECT i.row_number, coalesce({ids}), {problem} FROM ({keys}) i{joins}"
            " WHERE coalesce({ids}) IS NOT NULL"
        ).format(ids=_ids(incoming), problem=_problem(incoming), keys=keys, joins=_joins(incoming))
    )
    cursor.execute("ANALYZE matched")


def _joins(incoming: Incoming) -> Sql:
    joins = []
    if incoming.has("external_id"):
        joins.append(sql.SQL(" LEFT JOIN contacts_contact x ON x.external_id = i.external_id"))
    if incoming.has("email"):
        joins.append(sql.SQL(" LEFT JOIN contacts_contact e ON e.email = i.email"))
    if incoming.has("phone"):
        joins.append(
            sql.SQL(
                " LEFT JOIN LATERAL (SELECT min(id) AS id, count(*) AS found FROM contacts_contact p"
                " WHERE p.phone = i.phone AND i.external_id IS NULL AND i.email IS NULL) p ON true"
            )
        )
    return sql.SQL("").join(joins)


def _ids(incoming: Incoming) -> Sql:
    aliases = {"external_id": "x.id", "email": "e.id", "phone": "p.id"}
    return sql.SQL(", ").join(sql.SQL(alias) for field, alias in aliases.items() if incoming.has(field))


def _problem(incoming: Incoming) -> Sql:
    cases = []
    if incoming.has("external_id") and incoming.has("email"):
        cases.append(sql.SQL("WHEN x.id <> e.id THEN {}").format(_TWO_PEOPLE))
        cases.append(
            sql.SQL("WHEN x.id IS NULL AND e.external_id IS NOT NULL AND i.external_id IS NOT NULL THEN {}").format(
                _OTHER_ID
            )
        )
    if incoming.has("phone"):
        cases.append(sql.SQL("WHEN p.found > 1 THEN {}").format(_SHARED_PHONE))
    return sql.SQL("CASE {} ELSE NULL END").format(sql.SQL(" ").join(cases or [sql.SQL("WHEN false THEN ''").format()]))


# Empty cells never erase: what the row does not say stays as it is.
MERGED = {
    "external_id": "coalesce(i.external_id, c.external_id)",
    "email": "coalesce(i.email, c.email)",
    "phone": "coalesce(i.phone, c.phone)",
    "first_name": "coalesce(i.first_name, c.first_name)",
    "last_name": "coalesce(i.last_name, c.last_name)",
    "locale": "coalesce(i.locale, c.locale)",
    "time_zone": "coalesce(i.time_zone, c.time_zone)",
    "attributes": "c.attributes || i.attributes",
    "tags": "c.tags || ARRAY(SELECT unnest(i.tags || {tag}::varchar[]) EXCEPT SELECT unnest(c.tags) ORDER BY 1)",
}


def _merged(field: str, tag: str) -> Sql:
    return sql.SQL(MERGED[field]).format(tag=sql.Literal([tag] if tag else []))


def _fields(incoming: Incoming, tag: str) -> list[str]:
    has = {
        "attributes": any(one.kind for one in incoming.columns),
        "tags": bool(tag) or incoming.has("tags"),
    }
    return [field for field in MERGED if has.get(field, incoming.has(field))]


def changes(incoming: Incoming, tag: str) -> Sql:
    """A condition over c (the contact) and i (the row): something would change."""
    fields = _fields(incoming, tag)
    tests = [sql.SQL("c.{} IS DISTINCT FROM {}").format(sql.Identifier(field), _merged(field, tag)) for field in fields]
    return sql.SQL("({})").format(sql.SQL(" OR ").join(tests))


def assignments(incoming: Incoming, tag: str) -> Sql:
    fields = _fields(incoming, tag)
    return sql.SQL(", ").join(sql.SQL("{} = {}").format(sql.Identifier(field), _merged(field, tag)) for field in fields)
