"""What could be typed next: values that people really have, and names of events that really happened.

Looks at the newest rows only, so that a key press costs the same at a thousand people as at ten million.
"""

from typing import Any

from segments import fields
from segments.fields import Catalogue
from segments.limits import limited

NEWEST = 20_000
SHOWN = 20
SECONDS = 2
EVENT_NAMES = 200
TYPED = 120
NEWEST_OF_NAME = 5_000
NEWEST_EVENTS = "SELECT properties FROM events_event WHERE name = %s ORDER BY occurred_at DESC LIMIT %s"


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
    return _asked(sql, [*shown.params, NEWEST, _cleaned(typed), SHOWN])


def event_names(typed: str = "") -> list[str]:
    """Names in the log that contain `typed`, each found by one jump along the index instead of a pass over the log."""
    sql = (
        "WITH RECURSIVE found(name) AS (SELECT min(name) FROM events_event UNION ALL"
        " SELECT (SELECT min(e.name) FROM events_event e WHERE e.name > found.name) FROM found"
        " WHERE found.name IS NOT NULL) SELECT name FROM found"
        " WHERE name IS NOT NULL AND strpos(lower(name), lower(%s)) > 0 LIMIT %s"
    )
    return _asked(sql, [_cleaned(typed), EVENT_NAMES])


def properties_of(event: str, typed: str) -> list[str]:
    """Properties that the newest events of this name had, the most frequent first."""
    sql = (
        f"SELECT key FROM ({NEWEST_EVENTS}) newest, jsonb_object_keys(properties) key"  # noqa: S608
        " WHERE strpos(lower(key), lower(%s)) > 0 GROUP BY key ORDER BY count(*) DESC, key LIMIT %s"
    )
    return _asked(sql, [_cleaned(event), NEWEST_OF_NAME, _cleaned(typed), SHOWN])


def values_of_property(event: str, name: str, typed: str) -> list[str]:
    """Values that a property had in the newest events of this name, the most frequent first."""
    sql = (
        f"SELECT word FROM (SELECT properties->>%s AS word FROM ({NEWEST_EVENTS}) newest"  # noqa: S608
        " WHERE jsonb_typeof(properties->%s) IN ('string', 'number')) words"
        " WHERE word <> '' AND strpos(lower(word), lower(%s)) > 0 GROUP BY word ORDER BY count(*) DESC, word LIMIT %s"
    )
    key = _cleaned(name)
    return _asked(sql, [key, _cleaned(event), NEWEST_OF_NAME, key, _cleaned(typed), SHOWN])


def _asked(sql: str, parameters: list[Any]) -> list[str]:
    with limited(SECONDS) as cursor:
        cursor.execute(sql, parameters)
        return [row[0] for row in cursor.fetchall()]


def _cleaned(typed: str) -> str:
    """What PostgreSQL can hold, and not endless."""
    return typed.replace("\x00", "")[:TYPED]
