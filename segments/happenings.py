"""Which events a rule is about: their name, when, with which properties, from which campaign, of which messages.

Counted are the events of people; those of link scanners and mail clients' prefetching are left out.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from events import names
from segments import conditions, origins, properties, values, windows
from segments.conditions import Condition
from segments.origins import Origin
from segments.properties import Where
from segments.windows import Window

EVENT_NAME_LIMIT = 120
LAST_LIMIT = 100
MESSAGES = "message."
NOUNS = {
    names.MESSAGE_SENT: "was sent a message",
    names.DELIVERED: "got a message",
    names.OPENED: "opened a message",
    names.CLICKED: "clicked in a message",
    names.BOUNCED: "had a message bounce",
    names.COMPLAINED: "complained about a message",
    names.UNSUBSCRIBED: "unsubscribed in a message",
    names.FAILED: "had a message fail",
}
# The newest messages of each person. PARTITION BY lets the planner look up one person's alone.
_RECENT = (
    " JOIN (SELECT contact_id, message_id FROM (SELECT s.contact_id, s.message_id, row_number() OVER"
    " (PARTITION BY s.contact_id ORDER BY s.occurred_at DESC, s.id DESC) AS place FROM events_event s"
    " WHERE s.name = 'message.sent' AND s.message_id IS NOT NULL) ranked WHERE place <= %s) recent"
    " ON recent.contact_id = e.contact_id AND recent.message_id = e.message_id"
)


@dataclass(frozen=True)
class Happening:
    """`of_last` narrows to the newest messages that were sent to the person; then messages are counted."""

    event: str
    window: Window = Window()
    where: tuple[Where, ...] = ()
    origins: tuple[Origin, ...] = ()
    of_last: int | None = None

    @property
    def depends_on(self) -> frozenset[str]:
        """Names of the events that can change the answer."""
        return frozenset({self.event} | ({names.MESSAGE_SENT} if self.of_last else set()))

    @property
    def count(self) -> str:
        return "count(*)" if self.of_last is None else "count(DISTINCT e.message_id)"

    def source(self, now: datetime) -> Condition:
        """FROM ... WHERE ... of the events `e`, for everyone."""
        parts = [Condition("e.name = %s", (self.event,)), Condition("e.label = 'human'"), self.window.condition(now)]
        parts += [origin.condition for origin in self.origins]
        matching = conditions.all_of(parts + [where.condition(now) for where in self.where])
        recent = Condition(_RECENT, (self.of_last,)) if self.of_last else Condition("")
        return Condition(f"FROM events_event e{recent.sql} WHERE {matching.sql}", recent.params + matching.params)

    def of_person(self, select: str, now: datetime) -> Condition:
        """`select` over the events of the person `c`."""
        events = self.source(now)
        return Condition(f"(SELECT {select} {events.sql} AND e.contact_id = c.id)", events.params)

    def grouped(self, having: Condition, now: datetime) -> Condition:
        """Is there a person's group of events for which `having` is true?

        EXISTS over the grouped events: a hash join for a whole audience, one index look-up for a single person.
        """
        events = self.source(now)
        inner = f"SELECT e.contact_id {events.sql} GROUP BY e.contact_id HAVING {having.sql}"
        sql = f"EXISTS (SELECT 1 FROM ({inner}) counted WHERE counted.contact_id = c.id)"  # noqa: S608
        return Condition(sql, (*events.params, *having.params), is_certain=True)

    def crossing(self, since: datetime, until: datetime) -> Condition | None:
        """SELECT of the people with an event that an edge of the window passed meanwhile; None if it has no edges."""
        passed = [
            Condition("e.occurred_at >= %s AND e.occurred_at < %s", (since - edge, until - edge))
            for edge in self.window.edges
        ]
        if not passed:
            return None
        of_name = Condition("e.name = %s AND e.label = 'human'", (self.event,)) & conditions.any_of(passed)
        return Condition(f"SELECT e.contact_id FROM events_event e WHERE {of_name.sql}", of_name.params)  # noqa: S608

    def __str__(self) -> str:
        return NOUNS.get(self.event) or f"did “{self.event}”"

    @property
    def circumstances(self) -> str:
        """Everything but the name, in words."""
        of = "".join(map(str, self.origins))
        last = f" of the last {self.of_last:,} messages" if self.of_last else ""
        where = f" where {' and '.join(map(str, self.where))}" if self.where else ""
        return f"{of}{last}{self.window}{where}"


def keys() -> set[str]:
    return {"event", "where", "of_last", *windows.KEYS, *origins.sources}


def parse(raw: dict[str, Any]) -> Happening:
    """What a rule about events is about; ValueError with a sentence otherwise."""
    event, of, last = _event(raw), origins.parse(raw), _last(raw)
    if (of or last) and not event.startswith(MESSAGES):
        raise ValueError(f"Only events of messages, such as {names.OPENED}, belong to a campaign or a message.")
    return Happening(event, windows.parse(raw), properties.parse_all(raw.get("where") or []), of, last)


def _event(raw: dict[str, Any]) -> str:
    name = values.text(raw["event"])
    if len(name) > EVENT_NAME_LIMIT:
        raise ValueError(f"The name of an event has at most {EVENT_NAME_LIMIT} characters.")
    return name


def _last(raw: dict[str, Any]) -> int | None:
    last = raw.get("of_last")
    return None if last in (None, "") else values.CountShape(least=1, most=LAST_LIMIT).parse(last)
