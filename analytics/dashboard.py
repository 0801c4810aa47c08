"""The console's home: what is going out, what needs attention, how the last weeks went."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from analytics import overview
from team import notices
from team.models import User

NOTICES = 6
LIST = 6


def home(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Each part only for those who may see what it is about."""
    user = request.user
    if not isinstance(user, User):
        return context
    context |= {"title": "Home", "steps": _steps(user), "notices": notices.unread_by(user)[:NOTICES]}
    if user.has_perm("campaigns.view_campaign"):
        context |= _campaigns()
    if user.has_perm("contacts.view_contact"):
        context["people"] = overview.people()
    if user.has_perm("delivery.view_account"):
        context["troubled_accounts"] = overview.troubled_accounts()
    return context


def _campaigns() -> dict[str, Any]:
    days = overview.answers_by_day()
    return {
        "sees_campaigns": True,
        "underway": overview.underway(),
        "in_review": overview.waiting_for_approval()[:LIST],
        "scheduled": overview.scheduled_next()[:LIST],
        "finished": overview.last_finished(LIST),
        "days": days,
        "has_answers": any(point["sent"] or point["opened"] for point in days),
        "totals": {key: sum(point[key] for point in days) for key in ("sent", "opened", "clicked")},
    }


def _steps(user: User) -> list[dict[str, Any]]:
    return [
        {"step": step, "url": reverse(step.url_name) if user.has_perm(step.permission) else ""}
        for step in overview.first_steps()
    ]
