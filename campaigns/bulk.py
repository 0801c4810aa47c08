"""One verb for many campaigns, each by itself: what is refused for one keeps none of the others from it."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from campaigns import editing, keeping, lifecycle
from campaigns.models import Campaign
from core.errors import Refused
from team.models import User

Given = Mapping[str, Any]


def answers(verb: str, ids: Iterable[UUID], *, by: User, given: Given) -> list[dict[str, Any]]:
    """What became of each campaign, in the order asked for, each once."""
    wanted = list(dict.fromkeys(ids))
    found = {campaign.uuid: campaign for campaign in Campaign.objects.filter(uuid__in=wanted, deleted_at=None)}
    return [{"id": each, **_answer(verb, found.get(each), by, given)} for each in wanted]


def _answer(verb: str, campaign: Campaign | None, by: User, given: Given) -> dict[str, Any]:
    if campaign is None:
        return {"is_done": False, "status": None, "code": "not_found", "message": "There is no such campaign."}
    try:
        VERBS[verb](campaign, by, given)
    except Refused as refused:
        return {"is_done": False, "status": campaign.status, "code": refused.code, "message": refused.message}
    return {"is_done": True, "status": campaign.status, "code": "", "message": ""}


def _reschedule(campaign: Campaign, by: User, given: Given) -> None:
    with transaction.atomic():
        if campaign.status == Campaign.Status.SCHEDULED:
            lifecycle.unschedule(campaign, by=by)
        lifecycle.schedule(campaign, by=by, **given["schedule"])


VERBS: dict[str, Callable[[Campaign, User, Given], None]] = {
    "pause": lambda campaign, by, given: lifecycle.pause(campaign, by=by, reason=given.get("reason", "")),
    "resume": lambda campaign, by, given: lifecycle.resume(campaign, by=by),
    "archive": lambda campaign, by, given: keeping.archive(campaign, by=by),
    "tag": lambda campaign, by, given: editing.tag(campaign, by=by, tags=given["tags"]),
    "reschedule": _reschedule,
    "delete": lambda campaign, by, given: keeping.delete(campaign, by=by),
}
