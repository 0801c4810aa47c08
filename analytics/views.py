"""Figures as JSON for the console's charts, and notices that have been read."""

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from analytics import figures, overview
from campaigns.models import Campaign
from team import notices
from team.models import User


@require_safe
@never_cache
def campaign_figures(request: HttpRequest, campaign: str) -> HttpResponse:
    """The figures of a campaign. 403 instead of a login page: a script asks, and tells the person itself."""
    _require(request.user, "campaigns.view_campaign")
    row = get_object_or_404(Campaign, uuid=campaign, deleted_at=None)
    return JsonResponse(figures.figures(row).as_json())


@require_safe
@never_cache
def underway(request: HttpRequest) -> HttpResponse:
    """The home page's list of what is sending now, renewed while it is."""
    _require(request.user, "campaigns.view_campaign")
    return render(request, "analytics/underway.html", {"underway": overview.underway()})


@require_POST
def read_notices(request: HttpRequest) -> HttpResponse:
    """Mark one notice as read (`notice`), or all that this person sees."""
    user = _require(request.user)
    chosen = request.POST.get("notice", "")
    notices.mark_read(user, only=int(chosen) if chosen.isdecimal() and len(chosen) < 19 else None)
    return HttpResponseRedirect(reverse("admin:index"))


def _require(user: User | AnonymousUser, permission: str | None = None) -> User:
    if not isinstance(user, User) or not user.is_staff or (permission and not user.has_perm(permission)):
        raise PermissionDenied
    return user
