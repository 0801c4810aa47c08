"""Middleware of the whole site: the content security policy, and the zone in which a person sees times."""

import zoneinfo
from collections.abc import Callable

from csp.middleware import CSPMiddleware
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone


class ContentSecurityPolicy(CSPMiddleware):
    """One strict policy everywhere; the console's theme alone may evaluate scripts."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if request.path.startswith("/admin/") and not hasattr(response, "_csp_update"):
            response._csp_update = {"script-src": settings.ADMIN_SCRIPT_SOURCES}  # type: ignore[attr-defined]
        return super().process_response(request, response)


class TeamTimeZone:
    """Times in the console are shown in the zone of whoever looks at them."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        zone = getattr(request.user, "time_zone", "")
        with timezone.override(zoneinfo.ZoneInfo(zone) if zone else None):
            return self.get_response(request)
