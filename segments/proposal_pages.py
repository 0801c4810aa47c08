"""The console's page of proposed segments, and saving one of them."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from core.errors import Refused
from segments import definition, earning_pages, proposals, quintiles, standing
from segments.access import need
from segments.models import Segment
from segments.proposals import CELLS, OTHERS, PROPOSALS, Proposal
from team.models import User


@require_safe
def propose(request: HttpRequest) -> HttpResponse:
    """Each with its size, revenue and reason; the saved ones lead to their segments."""
    need(request, "segments.view_segment")
    bounds, saved = quintiles.current(), _saved()
    context: dict[str, Any] = {
        "title": "Suggested segments",
        "opts": Segment._meta,
        "bounds": bounds,
        "fifths": quintiles.fifths(bounds) if bounds else [],
        "behind": standing.behind(),
        "counted": earning_pages.counted(),
        "may_change": request.user.has_perm("segments.change_segment"),
        "may_add": request.user.has_perm("segments.add_segment"),
        "least": quintiles.BUYERS,
        "cells": _cells(saved) if bounds else [],
        "others": [_row(proposal, saved) for proposal in OTHERS],
    }
    return render(request, "segments/proposals.html", admin.site.each_context(request) | context)


def _cells(saved: dict[str, Segment]) -> list[dict[str, Any]]:
    try:
        return [vars(found) | {"saved": saved.get(found.proposal.key)} for found in proposals.cells()]
    except Refused as refused:
        return [{"proposal": cell, "saved": saved.get(cell.key), "slow": refused.message} for cell in CELLS]


def _row(proposal: Proposal, saved: dict[str, Segment]) -> dict[str, Any]:
    row: dict[str, Any] = {"proposal": proposal, "saved": saved.get(proposal.key)}
    try:
        people, spent = proposals.found(proposal)
    except Refused as refused:
        return row | {"slow": refused.message}
    return row | {"people": people, "spent": spent}


def _saved() -> dict[str, Segment]:
    """By the rules, whatever somebody called the segment."""
    wanted = {proposal.key: proposal.rules for proposal in PROPOSALS.values()}
    known = Segment.objects.filter(kind=Segment.Kind.DYNAMIC, rules__in=list(wanted.values()))
    return {key: segment for key, tree in wanted.items() for segment in known if segment.rules == tree}


@require_POST
def save(request: HttpRequest, key: str) -> HttpResponse:
    """Keep it as a dynamic segment, which then follows by itself."""
    need(request, "segments.add_segment")
    if key not in PROPOSALS:
        raise Http404
    assert isinstance(request.user, User)  # noqa: S101  admin_view let nobody else through
    proposal = PROPOSALS[key]
    try:
        made = definition.create(
            name=proposal.name, description=f"{proposal.definition}.", rules=proposal.rules, by=request.user
        )
    except (Refused, ValidationError) as error:
        messages.error(request, error.message if isinstance(error, Refused) else _taken(proposal))
        return redirect("admin:segments_segment_suggested")
    messages.success(request, f"“{made}” is a segment now and follows by itself.")
    return redirect("admin:segments_segment_change", made.pk)


def _taken(proposal: Proposal) -> str:
    return f"There is a segment called “{proposal.name}” already. Rename it, and save this one then."


@require_POST
def find_bounds(request: HttpRequest) -> HttpResponse:
    """Work the scores' bounds out now instead of at the next tick."""
    need(request, "segments.change_segment")
    try:
        found = quintiles.find()
    except Refused as refused:
        messages.error(request, refused.message)
        return redirect("admin:segments_segment_suggested")
    if found:
        messages.success(request, f"Scores are those of {found.buyers:,} people who bought.")
    else:
        messages.warning(request, f"Fewer than {quintiles.BUYERS} people have bought so far: too few to compare.")
    return redirect("admin:segments_segment_suggested")
