"""The console's verbs for segments that keep their members: filling one from a list, taking a snapshot."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from core.errors import Refused
from segments import definition, lists
from segments.access import need, segment_of
from segments.forms import ListForm
from segments.lists import Outcome
from team.models import User


@require_POST
def fill(request: HttpRequest, pk: int) -> HttpResponse:
    """Put everyone of a file into a static segment, or say who that would be."""
    segment = segment_of(request, pk, "segments.change_segment")
    form = ListForm(request.POST, request.FILES)
    if not form.is_valid():
        messages.error(request, "Choose a file first.")
        return redirect("admin:segments_segment_members", pk)
    try:
        _tell(request, lists.fill(segment, form.cleaned_data["file"], only_check=form.cleaned_data["only_check"]))
    except Refused as refused:
        messages.error(request, refused.message)
    return redirect("admin:segments_segment_members", pk)


def _tell(request: HttpRequest, outcome: Outcome) -> None:
    messages.success(request, f"The list names {outcome.known:,} people we know; {outcome.added:,} are new here.")
    if outcome.unknown:
        more = " and more" if outcome.unknown > len(outcome.first_unknown) else ""
        messages.warning(request, f"{outcome.unknown:,} unknown: {', '.join(outcome.first_unknown)}{more}.")


@require_POST
def snapshot(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep who is a member now as a segment of its own."""
    segment = segment_of(request, pk)
    need(request, "segments.add_segment")
    assert isinstance(request.user, User)  # noqa: S101  admin_view let nobody else through
    name = f"{segment.name[:95]}, {timezone.localtime():%-d %B %Y %H:%M}"
    try:
        taken = definition.snapshot(segment, name=name, by=request.user)
    except (Refused, ValidationError) as error:
        messages.error(request, error.message if isinstance(error, Refused) else "There is one of this minute already.")
        return redirect("admin:segments_segment_change", pk)
    messages.success(request, f"Kept: {taken.size:,} people.")
    return redirect("admin:segments_segment_change", taken.pk)
