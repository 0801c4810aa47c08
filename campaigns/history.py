"""Everything that happened to a campaign, in one line of time: status changes, edits, and its beginning."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from campaigns.models import Campaign
from team.models import User


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
    labels = dict(Campaign.Status.choices)
    moves = [
        Entry("status", row.at, row.by, f"{labels.get(row.to_status, row.to_status)}", row.reason, row.to_status)
        for row in campaign.status_changes.select_related("by")
    ]
    edits = [
        Entry("edit", row.at, row.by, _edit_text(row.changes), changes=[c for c in row.changes if _tells_more(c)])
        for row in campaign.edits.select_related("by")
    ]
    created = Entry("created", campaign.created_at, campaign.created_by, "Created")
    return sorted([*moves, *edits, created], key=lambda entry: entry.at, reverse=True)


def _edit_text(changes: list[dict[str, Any]]) -> str:
    if changes and not any(_tells_more(change) for change in changes):
        return str(changes[0]["field"])  # archived, deleted, restored
    return f"Changed {', '.join(str(change['field']).lower() for change in changes)}"


def _tells_more(change: dict[str, Any]) -> bool:
    return bool(change.get("before") or change.get("after"))
