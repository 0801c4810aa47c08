"""Telling the team: a notice in the console for one person or for everyone."""

from team.models import Notice, User


def tell(text: str, *, level: str = Notice.Level.INFO, url: str = "", user: User | None = None) -> Notice:
    return Notice.objects.create(text=text, level=level, url=url, user=user)
