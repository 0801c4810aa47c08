"""Everything that happened to a campaign, in one line of time: status changes, edits, and its beginning."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from campaigns.models import Campaign, StatusChange
from team.models import User

# What happened, by where it came from and went to; "" stands for anywhere.
_WORDS = {
    ("", "draft"): "Back to draft",
    ("", "in_review"): "Submitted for approval",
    ("", "approved"): "Approved",
    ("scheduled", "approved"): "Unscheduled",
    ("", "rejected"): "Rejected",
    ("", "scheduled"): "Scheduled",
    ("", "sending"): "Started",
    ("paused", "sending"): "Resumed",
    ("", "paused"): "Paused",
    ("", "finished"): "Finished",
    ("", "cancelled"): "Cancelled",
}


@dataclass(frozen=True)
class Entry:
    """`kind` is created, status or edit; `changes` lists field, before and after of an edit."""

    kind: str
    at: datetime
    by: User | None
    text: str
    reason: str = ""
    to_status: str = ""
    changes: list[dict[str, Any]] = field(default_factory=list)


def of(campaign: Campaign) -> list[Entry]:
    """Newest first."""
    moves = [_move(row) for row in campaign.status_changes.select_related("by")]
    edits = [
        Entry("edit", row.at, row.by, _edit_text(row.changes), changes=[c for c in row.changes if _tells_more(c)])
        for row in campaign.edits.select_related("by")
    ]
    created = Entry("created", campaign.created_at, campaign.created_by, "Created")
    return sorted([*moves, *edits, created], key=lambda entry: entry.at, reverse=True)


def _move(row: StatusChange) -> Entry:
    if row.reason == "missed":
        return Entry("status", row.at, row.by, "Start missed", to_status=row.to_status)
    words = _WORDS.get((row.from_status, row.to_status)) or _WORDS[("", row.to_status)]
    return Entry("status", row.at, row.by, words, row.reason, row.to_status)


def _edit_text(changes: list[dict[str, Any]]) -> str:
    if changes and not any(_tells_more(change) for change in changes):
        return str(changes[0]["field"])  # archived, deleted, restored
    return f"Changed {', '.join(str(change['field']).lower() for change in changes)}"


def _tells_more(change: dict[str, Any]) -> bool:
    return bool(change.get("before") or change.get("after"))
