"""The audit trail: what left the house is written down before it leaves, by whom, and how much of it."""

from collections.abc import Mapping
from typing import Any

from team.models import ApiKey, AuditRecord, User


def record(
    action: str,
    *,
    by: User | None,
    key: ApiKey | None = None,
    subject: str = "",
    detail: Mapping[str, Any] | None = None,
    count: int | None = None,
) -> AuditRecord:
    """Add a line, in the caller's transaction. `by` is None for people who take along what is their own."""
    return AuditRecord.objects.create(
        action=action, by=by, key=key, subject=subject[:200], detail=dict(detail or {}), count=count
    )
