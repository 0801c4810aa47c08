"""What the team says to each other about a campaign: comments, replies, and @mentions that reach people."""

import re

from django.db import transaction
from django.urls import reverse

from campaigns.models import Campaign, Comment
from core.errors import Refused
from team import notices
from team.models import User

MAX_LENGTH = 5000
_MENTION = re.compile(r"(?<![\w@.])@([\w.+-]+(?:@[\w-]+(?:\.[\w-]+)+)?)")


def comment(campaign: Campaign, *, by: User, body: str, parent: Comment | None = None) -> Comment:
    """Say something; `parent` makes it a reply. Whoever is mentioned or answered is told, once."""
    body = body.strip()
    if not by.has_perm("campaigns.add_comment"):
        raise Refused("not_allowed", "Your role does not let you comment.")
    if not body:
        raise Refused("empty", "Write something first.")
    if len(body) > MAX_LENGTH:
        raise Refused("too_long", f"A comment has at most {MAX_LENGTH:,} characters; this one has {len(body):,}.")
    if parent is not None and parent.campaign_id != campaign.pk:
        raise Refused("elsewhere", "The comment you answer belongs to another campaign.")
    thread = parent.parent or parent if parent is not None else None  # one level of replies: threads stay readable
    with transaction.atomic():
        said = Comment.objects.create(campaign=campaign, author=by, body=body, parent=thread)
        _tell(said, mentioned(body), thread)
    return said


def mentioned(body: str) -> list[User]:
    """The people whom `body` names as @username or @email."""
    names = {name.rstrip(".") for name in _MENTION.findall(body)}
    return list(User.objects.filter(is_active=True, is_staff=True).filter(username__in=names)) + list(
        User.objects.filter(is_active=True, is_staff=True, email__in=names).exclude(username__in=names)
    )


def _tell(said: Comment, named: list[User], thread: Comment | None) -> None:
    url = f"{reverse('admin:campaigns_campaign_change', args=[said.campaign_id])}#comment-{said.pk}"
    people = dict.fromkeys(named, f"{said.author} mentioned you on “{said.campaign}”: {said.body[:140]}")
    if thread is not None and thread.author is not None:
        people.setdefault(thread.author, f"{said.author} answered you on “{said.campaign}”: {said.body[:140]}")
    for person, text in people.items():
        if person != said.author:
            notices.tell(text, url=url, user=person)
