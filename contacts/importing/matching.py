"""Whom each row means: by external id, else by email, else (if the row has neither) by phone.

Names that contacts had before they were merged count too, after those of today. They find the contact and don't
rename it; where nobody was merged, nothing is asked about them.
"""

from django.db.backends.utils import CursorWrapper
from psycopg import sql

from contacts.identity import FORMER
from contacts.importing.columns import Incoming, Sql
from contacts.importing.targets import ADDRESSES
from contacts.models import Identity

_TWO_PEOPLE = "The external id and the email belong to two different contacts."
_OTHER_ID = "The contact with this email has another external id."
_SHARED_PHONE = "Several contacts have this phone number. Add an email or an external id."


def match(cursor: CursorWrapper, incoming: Incoming, *, tag: str = "", where: Sql | None = None) -> None:
    """Fill the temporary table `matched` with the rows that mean someone known: contact_id, problem, is_changed.

    `is_changed` says whether the row with `tag` would change the contact, so that unchanged ones are read once and
    never written. The table is gone at the end of the transaction; matching again within it starts afresh.
    """
    cursor.execute("DROP TABLE IF EXISTS pg_temp.matched")
    cursor.execute(
        "CREATE TEMP TABLE matched (row_number bigint PRIMARY KEY, contact_id bigint, problem text, is_changed bool)"
        " ON COMMIT DROP"
    )
    cursor.execute(sql.SQL("INSERT INTO matched {}").format(known(incoming, tag=tag, where=where)))
    cursor.execute("ANALYZE matched")


def known(incoming: Incoming, *, tag: str = "", where: Sql | None = None) -> Sql:
    """The statement behind `match`."""
    return sql.SQL(
        "SELECT i.row_number, c.id AS contact_id, {problem} AS problem, {changes} AS is_changed FROM ({rows}) i{joins}"
    ).format(
        problem=_problem(incoming), changes=changes(incoming, tag), rows=incoming.select(where=where),
        joins=_joins(incoming),
    )  # fmt: skip


def has_one_unique_key(incoming: Incoming) -> bool:
    """Whether each row can mean one contact at most, and each contact one row: no conflicts to look for."""
    given = [field for field in ADDRESSES if incoming.has(field)]
    return given in (["email"], ["external_id"]) and not _has_former_names()


def _has_former_names() -> bool:
    return Identity.objects.filter(kind__in=list(FORMER.values())).exists()


def _joins(incoming: Incoming) -> Sql:
    keys = [field for field in ADDRESSES if incoming.has(field)]
    if has_one_unique_key(incoming):
        # The plain join lets the planner begin with the contacts where they are fewer.
        return sql.SQL(" JOIN contacts_contact c ON c.{key} = i.{key}").format(key=sql.Identifier(keys[0]))
    joins = sql.SQL("").join(map(sql.SQL, (_FOUND[field][0] for field in keys)))
    if _has_former_names():
        joins += sql.SQL("").join(sql.SQL(_FORMERLY).format(**_former(field)) for field in keys)
    found = sql.SQL(", ").join(_key(field) for field in keys)
    return sql.SQL("{} JOIN contacts_contact c ON c.id = coalesce({})").format(joins, found)


def _key(field: str) -> Sql:
    """The contact that one key of a row means."""
    today = sql.SQL(_FOUND[field][1])
    if not _has_former_names():
        return sql.Composed([today])
    return sql.SQL("coalesce({}, {}.contact_id)").format(today, _former(field)["alias"])


# How a contact is looked for by each key, and what names the one that was found.
_FOUND = {
    "external_id": (" LEFT JOIN contacts_contact x ON x.external_id = i.external_id", "x.id"),
    "email": (" LEFT JOIN contacts_contact e ON e.email = i.email", "e.id"),
    "phone": (
        " LEFT JOIN LATERAL (SELECT min(id) AS id, count(*) AS found FROM contacts_contact p"
        " WHERE p.phone = i.phone AND i.external_id IS NULL AND i.email IS NULL) p ON true",
        "p.id",
    ),
}
_FORMERLY = " LEFT JOIN contacts_identity {alias} ON {alias}.kind = {kind} AND {alias}.value = i.{field}{alone}"


def _former(field: str) -> dict[str, sql.Composable]:
    is_alone = field == "phone"  # which says who somebody is only in a row that has nothing else
    alone = " AND i.external_id IS NULL AND i.email IS NULL" if is_alone else ""
    return {
        "alias": sql.Identifier(f"former_{field}"), "kind": sql.Literal(FORMER[field].value),
        "field": sql.Identifier(field), "alone": sql.SQL(alone),
    }  # fmt: skip


def _problem(incoming: Incoming) -> Sql:
    cases = []
    if incoming.has("external_id") and incoming.has("email"):
        by_id, by_email = _key("external_id"), _key("email")
        cases.append(sql.SQL("WHEN {} <> {} THEN {}").format(by_id, by_email, _TWO_PEOPLE))
        cases.append(
            sql.SQL(
                "WHEN {} IS NULL AND {} IS NOT NULL AND c.external_id IS NOT NULL AND i.external_id IS NOT NULL THEN {}"
            ).format(by_id, by_email, _OTHER_ID)
        )
    if incoming.has("phone"):
        cases.append(sql.SQL("WHEN p.found > 1 THEN {}").format(_SHARED_PHONE))
    return sql.SQL("CASE {} END").format(sql.SQL(" ").join(cases)) if cases else sql.SQL("NULL::text").format()


# Empty cells never erase: what the row does not say stays as it is.
MERGED = {
    "external_id": "coalesce(c.external_id, i.external_id)",  # the same where a row may change the contact
    "email": "coalesce(i.email, c.email)",
    "phone": "coalesce(i.phone, c.phone)",
    "first_name": "coalesce(i.first_name, c.first_name)",
    "last_name": "coalesce(i.last_name, c.last_name)",
    "locale": "coalesce(i.locale, c.locale)",
    "time_zone": "coalesce(i.time_zone, c.time_zone)",
    "attributes": "c.attributes || i.attributes",
    "tags": "c.tags || ARRAY(SELECT unnest(i.tags || {tag}::varchar[]) EXCEPT SELECT unnest(c.tags) ORDER BY 1)",
}


_UNLESS_FORMER = """
CASE WHEN EXISTS (SELECT FROM contacts_identity f WHERE f.kind = {kind} AND f.value = i.{field} AND f.contact_id = c.id)
THEN coalesce(c.{field}, i.{field}) ELSE {value} END
"""


def _merged(field: str, tag: str) -> Sql:
    value = sql.SQL(MERGED[field]).format(tag=sql.Literal([tag] if tag else []))
    if field not in ("email", "phone") or not _has_former_names():
        return value
    former = _former(field)
    return sql.SQL(_UNLESS_FORMER).format(kind=former["kind"], field=former["field"], value=value)


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
