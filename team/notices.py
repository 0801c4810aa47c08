"""Telling the team: a notice in the console for one person or for everyone."""

from django.db.models import Q, QuerySet
from django.utils import timezone

from team.models import Notice, User


def tell(text: str, *, level: str = Notice.Level.INFO, url: str = "", user: User | None = None) -> Notice:
    return Notice.objects.create(text=text, level=level, url=url, user=user)


def unread_by(user: User) -> QuerySet[Notice]:
    """What `user` is told and nobody has marked as read yet, newest first."""
    return Notice.objects.filter(Q(user=user) | Q(user=None), read_at=None)


def mark_read(user: User, *, only: int | None = None) -> int:
    """Mark all notices that `user` sees as read, or `only` the one with this id; returns how many."""
    notices = unread_by(user)
    return (notices if only is None else notices.filter(pk=only)).update(read_at=timezone.now())
