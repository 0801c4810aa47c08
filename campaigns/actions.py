"""The console's buttons for a campaign: which verbs a person is offered, what they ask first, and what they call."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from campaigns import keeping, lifecycle
from campaigns.models import Campaign
from team.models import User

Given = Mapping[str, Any]  # what the dialog's form holds once it is clean


@dataclass(frozen=True)
class Action:
    """One button. `asks` says whether its dialog has a comment field; `done` is the message afterwards."""

    verb: str
    label: str
    icon: str
    explains: str
    done: str
    asks: Literal["", "optional", "required"] = ""
    style: Literal["", "primary", "danger", "quiet"] = ""
    has_time: bool = False


def _action(*args: Any, **kwargs: Any) -> tuple[str, Action]:
    action = Action(*args, **kwargs)
    return action.verb, action


ACTIONS: dict[str, Action] = dict(
    [
        _action(
            "submit",
            "Submit for approval",
            "send",
            "Someone else decides whether it goes out. What they approve is fixed from now: the templates as they are "
            "published, the segments' rules, the sender and the time. Any change afterwards needs approval again.",
            "Approval was asked for. You are told when someone decides.",
            asks="optional",
            style="primary",
        ),
        _action(
            "approve",
            "Approve",
            "check",
            "You release exactly what this page shows. If anything of it changes, your approval is void.",
            "Approved.",
            asks="optional",
            style="primary",
        ),
        _action(
            "reject",
            "Reject",
            "close",
            "It goes back to its author with your comment. Say what should change.",
            "Rejected. Its author is told.",
            asks="required",
            style="danger",
        ),
        _action(
            "launch",
            "Launch now",
            "rocket_launch",
            "Sending starts within seconds. You can pause it, but what has left can't be called back.",
            "Launched. The first messages leave within seconds.",
            style="primary",
        ),
        _action(
            "schedule",
            "Schedule",
            "schedule_send",
            "It starts by itself at this time, as the clock shows it in that place.",
            "Scheduled.",
            has_time=True,
        ),
        _action(
            "unschedule",
            "Unschedule",
            "event_busy",
            "It will not start by itself. It stays approved.",
            "Not scheduled any more.",
        ),
        _action(
            "resume",
            "Resume",
            "play_arrow",
            "Sending goes on with everyone who is still waiting. Nobody gets it twice.",
            "Resumed.",
            style="primary",
        ),
        _action(
            "pause",
            "Pause",
            "pause",
            "No further message starts to leave. A few that are on their way now still arrive.",
            "Paused.",
            asks="optional",
        ),
        _action(
            "complete",
            "Complete",
            "flag",
            "It ends for good, with its figures as they are.",
            "Completed.",
        ),
        _action(
            "withdraw",
            "Take back to draft",
            "undo",
            "The request or the approval becomes void and you can change everything again.",
            "Back to draft.",
        ),
        _action(
            "cancel",
            "Cancel campaign",
            "cancel",
            "Nobody else gets it, for good. It can't be resumed; you can duplicate it.",
            "Cancelled.",
            asks="optional",
            style="danger",
        ),
        _action(
            "duplicate",
            "Duplicate",
            "content_copy",
            "A new draft with the same content, audience and sender. It carries no approval and no time.",
            "Here is the copy.",
        ),
        _action(
            "archive",
            "Archive",
            "archive",
            "It leaves the lists and keeps its figures. You can restore it.",
            "Archived.",
        ),
        _action(
            "restore",
            "Restore",
            "unarchive",
            "It comes back to the lists as it was.",
            "Restored.",
            style="primary",
        ),
        _action(
            "delete",
            "Delete",
            "delete",
            "It leaves the lists. You find it under Deleted and can restore it.",
            "Deleted. You find it in the list under Deleted.",
            style="danger",
        ),
    ]
)

_CALLS: dict[str, Callable[[Campaign, User, Given], Any]] = {
    "submit": lambda campaign, by, given: lifecycle.submit(campaign, by=by, comment=given["comment"]),
    "approve": lambda campaign, by, given: lifecycle.approve(
        campaign, by=by, comment=given["comment"], seen=given["seen"]
    ),
    "reject": lambda campaign, by, given: lifecycle.reject(
        campaign, by=by, comment=given["comment"], seen=given["seen"]
    ),
    "launch": lambda campaign, by, given: lifecycle.launch(campaign, by=by),
    "schedule": lambda campaign, by, given: lifecycle.schedule(
        campaign, by=by, on=given["on"], time=given["time"], zone=given["zone"]
    ),
    "unschedule": lambda campaign, by, given: lifecycle.unschedule(campaign, by=by),
    "resume": lambda campaign, by, given: lifecycle.resume(campaign, by=by),
    "pause": lambda campaign, by, given: lifecycle.pause(campaign, by=by, reason=given["comment"]),
    "complete": lambda campaign, by, given: lifecycle.complete(campaign, by=by),
    "withdraw": lambda campaign, by, given: lifecycle.withdraw(campaign, by=by),
    "cancel": lambda campaign, by, given: lifecycle.cancel(campaign, by=by, reason=given["comment"]),
    "duplicate": lambda campaign, by, given: lifecycle.duplicate(campaign, by=by),
    "archive": lambda campaign, by, given: lifecycle.archive(campaign, by=by),
    "restore": lambda campaign, by, given: lifecycle.restore(campaign, by=by),
    "delete": lambda campaign, by, given: lifecycle.delete(campaign, by=by),
}


def offered(campaign: Campaign, by: User) -> list[Action]:
    """The buttons for `by` on this campaign now, the likeliest first."""
    verbs = {*lifecycle.verbs(campaign, by), *keeping.verbs(campaign, by)}
    if campaign.kind != Campaign.Kind.TRIGGERED:
        verbs.discard("complete")
    if campaign.send_on is not None and campaign.status == Campaign.Status.APPROVED:
        verbs.discard("launch")  # approved for its time: launching now would not be what was approved
        return sorted(_of(verbs), key=lambda action: action.verb != "schedule")
    return _of(verbs)


def perform(verb: str, campaign: Campaign, *, by: User, given: Given) -> Campaign:
    """Do it, or Refused; the campaign to look at next."""
    result = _CALLS[verb](campaign, by, given)
    return result if isinstance(result, Campaign) else campaign


def _of(verbs: set[str]) -> list[Action]:
    return [action for verb, action in ACTIONS.items() if verb in verbs]
