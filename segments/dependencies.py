"""What the answer to a rule depends on, as keys that changes are noted under (contacts/changes.py).

Read off the SQL itself, which we wrote and no person: so a new field or operator can't forget to say what it looks at.
A rule that looks at something nobody notes changes of is worked out afresh from time to time (UNNOTED).
"""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import datetime

from contacts.changes import ATTRIBUTES, PERSON
from segments.conditions import Condition
from segments.tree import Group, Node, Not

EVENT = "event:"
EVENTS = "events"  # any event at all
ANY_ATTRIBUTE = "attribute:"  # asked about in a way that names none
UNNOTED = "unnoted"

_COLUMN = re.compile(r"\bc\.([a-z_]+)")
_TABLE = re.compile(r"\b(?:contacts|events|segments|campaigns|delivery|templates_app|team|analytics)_[a-z_]+\b")
_NAME = re.compile(r"\bname (?:= %s|= ANY\(%s\)|= '([^']*)')")
_ATTRIBUTE = re.compile(r"\bc\.attributes ?(?:->>? ?%s|@> %s::jsonb)")
_SOURCE = re.compile(r"\bsegment_id = %s")
_NEVER_CHANGE = {"id", "uuid", "created_at"}
_COLUMNS = {
    "email", "phone", "external_id", "first_name", "last_name", "locale", "time_zone", "tags", "merged_into_id",
}  # fmt: skip
_TABLES = {
    "contacts_consentstate": "consent", "contacts_topic": "consent", "contacts_suppression": "suppression",
    "contacts_suppressionsalt": "suppression", "contacts_employment": "company", "contacts_company": "company",
    "contacts_preference": "preference", "segments_standing": "standing", "segments_quintiles": "quintiles",
}  # fmt: skip


def event_key(name: str) -> str:
    return EVENT + name


def segment_key(pk: int) -> str:
    return f"segment:{pk}"


def keys(node: Node, now: datetime) -> set[str]:
    """Everything that a change must be noted under to bear on the answer; whoever comes or goes always does."""
    found = {PERSON}
    for leaf in leaves(node):
        found |= _keys_of(leaf.condition(now))
    return found


def leaves(node: Node) -> Iterator[Node]:
    """The nodes that ask something; groups only join what those answer."""
    if isinstance(node, Group | Not):
        for child in node.children:
            yield from leaves(child)
    else:
        yield node


def _keys_of(condition: Condition) -> set[str]:
    columns, tables = set(_COLUMN.findall(condition.sql)), _TABLE.findall(condition.sql)
    found = {name for name in columns if name in _COLUMNS}
    found |= {_TABLES[name] for name in tables if name in _TABLES}
    if columns - _COLUMNS - _NEVER_CHANGE - {"attributes"}:
        found.add(UNNOTED)
    if set(tables) - _TABLES.keys() - {"events_event", "segments_membership"}:
        found.add(UNNOTED)
    return found | _attributes(condition) | _events(condition) | _sources(condition)


def _attributes(condition: Condition) -> set[str]:
    """Those named, and the key of bulk changes that were not compared; every attribute if one isn't named plainly."""
    asked = condition.sql.count("c.attributes")
    if not asked:
        return set()
    named = list(_params(_ATTRIBUTE, condition))
    if len(named) < asked:
        return {ATTRIBUTES, ANY_ATTRIBUTE}
    return {ATTRIBUTES} | {f"attribute:{key}" for text, param in named for key in _attribute_keys(text, param)}


def _attribute_keys(text: str, param: object) -> Iterable[str]:
    return json.loads(str(param)) if "@>" in text else [str(param)]


def _events(condition: Condition) -> set[str]:
    asked = condition.sql.count("events_event ")
    names = list(_params(_NAME, condition))
    if not asked:
        return set()
    if len(names) < asked:
        return {EVENTS}
    return {event_key(str(name)) for _, param in names for name in (param if isinstance(param, list) else [param])}


def _sources(condition: Condition) -> set[str]:
    asked = condition.sql.count("segments_membership")
    named = list(_params(_SOURCE, condition))
    if len(named) < asked:
        return {UNNOTED}
    return {segment_key(int(str(pk))) for _, pk in named} if asked else set()


def _params(pattern: re.Pattern[str], condition: Condition) -> Iterator[tuple[str, object]]:
    """What stands at each match: its text, and its parameter or the literal."""
    for match in pattern.finditer(condition.sql):
        if "%s" in match[0]:
            yield match[0], condition.params[condition.sql.count("%s", 0, match.start())]
        else:
            yield match[0], match[1]
