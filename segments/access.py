"""Who may see or do what on the console's pages of segments."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from segments.models import Segment


def segment_of(request: HttpRequest, pk: int, permission: str = "segments.view_segment") -> Segment:
    need(request, permission)
    return get_object_or_404(Segment, pk=pk)


def need(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied
