"""Who works on a campaign: its owner, editors and viewers, and what that keeps others from doing.

Without editors, everyone whose role allows works on a campaign. Once there are some, only they, the owner and
administrators change it and submit it. Viewers look and comment, whatever their role allows elsewhere. Deciding about
an approval is not asked here: four eyes alone govern that (lifecycle.py).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction
from django.urls import reverse

from campaigns.models import Campaign, CampaignMember, Edit
from core.errors import Refused
from team import notices
from team.models import User

Role = CampaignMember.Role
# What changes the campaign itself; the rest (launch, pause, ...) needs only that one is no viewer.
WORK = frozenset({"edit", "submit", "withdraw", "archive", "delete", "restore", "tag", "people", "test"})
REFUSALS = ("viewer_only", "not_a_member", "not_the_owner")  # codes that say: another person may, you may not
DECISIONS = frozenset({"approve", "reject"})
ANYWHERE = "campaigns.change_campaignmember"  # administrators work on every campaign, so that none is ever stranded


@dataclass(frozen=True)
class People:
    """Everyone with a part in one campaign."""

    owner: User | None
    editors: list[User]
    viewers: list[User]

    @property
    def is_restricted(self) -> bool:
        """Whether only these people, and administrators, may work on it."""
        return bool(self.editors)


def of(campaign: Campaign) -> People:
    rows = list(campaign.members.select_related("user"))
    owners = [row.user for row in rows if row.role == Role.OWNER]
    return People(
        owner=owners[0] if owners else campaign.created_by,
        editors=[row.user for row in rows if row.role == Role.EDITOR],
        viewers=[row.user for row in rows if row.role == Role.VIEWER],
    )


def refusal(campaign: Campaign, verb: str, *, by: User) -> Refused | None:
    """Why `by`, whose role would let them, may not do `verb` to this campaign, or None."""
    if verb in DECISIONS or by.has_perm(ANYWHERE):
        return None
    rows = list(campaign.members.all())
    role = _role(campaign, rows, by)
    if role == Role.VIEWER:
        return Refused(
            "viewer_only", f"You are a viewer of “{campaign}”: you can look at it and comment. {_whom_to_ask(campaign)}"
        )
    if verb in WORK and role is None and any(row.role == Role.EDITOR for row in rows):
        return Refused("not_a_member", f"Only its owner and editors work on “{campaign}”. {_whom_to_ask(campaign)}")
    return None


def may_choose(campaign: Campaign, *, by: User) -> Refused | None:
    """Why `by` may not say who works on this campaign, or None: its owner may, and administrators."""
    if not by.has_perm("campaigns.change_campaign"):
        return Refused("not_allowed", "Your role does not let you change campaigns.")
    if by.has_perm(ANYWHERE) or _role(campaign, list(campaign.members.all()), by) == Role.OWNER:
        return None
    return Refused("not_the_owner", f"The owner chooses who works on “{campaign}”. {_whom_to_ask(campaign)}")


def choose(
    campaign: Campaign, *, by: User, editors: Iterable[User], viewers: Iterable[User], owner: User | None = None
) -> People:
    """Say who works on it; without `owner` it stays with whom it is. Voids no approval: what is sent stays the same."""
    with transaction.atomic():
        current = Campaign.objects.select_for_update().get(pk=campaign.pk)
        refused = may_choose(current, by=by)
        if refused:
            raise refused
        before = of(current)
        wanted = _checked(owner or before.owner, list(editors), list(viewers))
        _write(current, wanted)
        _note(current, before, wanted, by)
    campaign.refresh_from_db()
    return wanted


def eligible() -> list[User]:
    """Who can be given a part: everyone who can sign in to the console."""
    return list(User.objects.filter(is_active=True, is_staff=True).order_by("first_name", "username"))


def _role(campaign: Campaign, rows: list[CampaignMember], person: User) -> str | None:
    for row in rows:
        if row.user_id == person.pk:
            return row.role
    has_owner = any(row.role == Role.OWNER for row in rows)
    return Role.OWNER if campaign.created_by_id == person.pk and not has_owner else None


def _whom_to_ask(campaign: Campaign) -> str:
    owner = of(campaign).owner
    return f"Ask its owner, {owner}." if owner else "Ask an administrator."


def _checked(owner: User | None, editors: list[User], viewers: list[User]) -> People:
    """Each person once: the owner is no editor or viewer besides, and nobody is both."""
    editors = [person for person in dict.fromkeys(editors) if person != owner]
    viewers = [person for person in dict.fromkeys(viewers) if person != owner]
    for person in viewers:
        if person in editors:
            raise Refused("two_roles", f"{person} can't be an editor and a viewer. Choose one of the two.")
    for person in filter(None, [owner, *editors, *viewers]):
        if not (person.is_active and person.is_staff):
            raise Refused("cannot_sign_in", f"{person} can't sign in to the console. Choose somebody else.")
    return People(owner, editors, viewers)


def _write(campaign: Campaign, people: People) -> None:
    parts = [(person, Role.EDITOR) for person in people.editors] + [(person, Role.VIEWER) for person in people.viewers]
    if people.owner is not None and people.owner.pk != campaign.created_by_id:
        parts.insert(0, (people.owner, Role.OWNER))
    campaign.members.all().delete()
    CampaignMember.objects.bulk_create(CampaignMember(campaign=campaign, user=user, role=role) for user, role in parts)


def _note(campaign: Campaign, before: People, after: People, by: User) -> None:
    shown = zip(_shown(before).items(), _shown(after).values(), strict=True)
    changes = [{"field": part, "before": old, "after": new} for (part, old), new in shown if old != new]
    if changes:
        Edit.objects.create(campaign=campaign, by=by, changes=changes)
    _tell(campaign, before, after, by)


def _shown(people: People) -> dict[str, str]:
    return {
        "Owner": str(people.owner or ""),
        "Editors": ", ".join(map(str, people.editors)),
        "Viewers": ", ".join(map(str, people.viewers)),
    }


def _tell(campaign: Campaign, before: People, after: People, by: User) -> None:
    """Whoever is new in a part learns it, but for the person who gave it to themselves."""
    new = [(person, "an editor") for person in after.editors if person not in before.editors]
    new += [(person, "a viewer") for person in after.viewers if person not in before.viewers]
    if after.owner is not None and after.owner != before.owner:
        new.append((after.owner, "the owner"))
    for person, part in new:
        if person != by:
            url = reverse("admin:campaigns_campaign_change", args=[campaign.pk])
            notices.tell(f"{by} made you {part} of “{campaign}”.", url=url, user=person)
