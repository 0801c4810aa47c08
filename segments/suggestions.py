"""What could be typed next: values that people really have, and names of events that really happened.

Looks at the newest rows only, so that a key press costs the same at a thousand people as at ten million.
"""

from segments import fields, membership
from segments.fields import Catalogue

NEWEST = 20_000
SHOWN = 20
SECONDS = 2
EVENT_NAMES = 200


def values_of(field_name: str, typed: str) -> list[str]:
    """The most frequent values of a text or list field that contain `typed`, among the newest contacts."""
    field = fields.find(field_name, Catalogue())
    if field is None or field.type not in ("text", "list"):
        return []
    shown = field.operand.shown()
    each = "jsonb_array_elements_text(value)" if field.type == "list" else "value #>> '{}'"
    kind = "array" if field.type == "list" else "string"
    sql = (
        f"SELECT word FROM (SELECT {each} AS word FROM (SELECT {shown.sql} AS value FROM contacts_contact c"  # noqa: S608
        f" WHERE c.erased_at IS NULL ORDER BY c.id DESC LIMIT %s) newest WHERE jsonb_typeof(value) = '{kind}') words"
        " WHERE word <> '' AND strpos(lower(word), lower(%s)) > 0 GROUP BY word ORDER BY count(*) DESC, word LIMIT %s"
    )
    with membership.limited(SECONDS) as cursor:
        cursor.execute(sql, [*shown.params, NEWEST, typed.replace("\x00", "")[:100], SHOWN])
        return [row[0] for row in cursor.fetchall()]


def event_names() -> list[str]:
    """Names in the log, each found by one jump along the index instead of a pass over the log."""
    sql = (
        "WITH RECURSIVE found(name) AS (SELECT min(name) FROM events_event UNION ALL"
        " SELECT (SELECT min(e.name) FROM events_event e WHERE e.name > found.name) FROM found"
        " WHERE found.name IS NOT NULL) SELECT name FROM found WHERE name IS NOT NULL LIMIT %s"
    )
    with membership.limited(SECONDS) as cursor:
        cursor.execute(sql, [EVENT_NAMES])
        return [row[0] for row in cursor.fetchall()]
