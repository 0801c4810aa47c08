"""The console's page of several segments side by side."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from core.errors import Refused
from segments import comparison, insight
from segments.models import Segment


@require_safe
def compare(request: HttpRequest) -> HttpResponse:
    """Those that ?segment= names, at most ten; without two of them, only the choice."""
    if not request.user.has_perm("segments.view_segment"):
        raise PermissionDenied
    asked = {int(pk) for pk in request.GET.getlist("segment") if pk.isdecimal() and len(pk) < 19}
    everything = list(Segment.objects.order_by("name"))
    chosen = [segment for segment in everything if segment.pk in asked][: comparison.LIMIT]
    context: dict[str, Any] = {
        "title": "Compare segments",
        "opts": Segment._meta,
        "everything": everything,
        "chosen": chosen,
        "days": insight.GROWTH_DAYS,
        "limit": comparison.LIMIT,
    }
    if len(chosen) > 1:
        context |= _compared(chosen)
    return render(request, "segments/compare.html", admin.site.each_context(request) | context)


def _compared(chosen: list[Segment]) -> dict[str, Any]:
    try:
        rows = comparison.figures(chosen)
        sizes = {row.segment.pk: row.size for row in rows}
        return {"rows": rows, "matrix": comparison.matrix(chosen, sizes)}
    except Refused as refused:
        return {"too_slow": refused.message}
