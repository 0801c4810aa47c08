"""Middleware of the whole site: whose address it is, the content security policy, the zone in which times are shown."""

import ipaddress
import zoneinfo
from collections.abc import Callable

from csp.middleware import CSPMiddleware
from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone


class ClientAddress:
    """Behind a proxy the connection is the proxy's: the client's address is the last one that the proxy appended.

    The ones before it are the client's own claim. Everything that asks for an address (rate limits, consent records)
    reads REMOTE_ADDR and so needs to know nothing of proxies.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        if not settings.IS_BEHIND_PROXY:
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        appended = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
        if _is_address(appended):
            request.META["REMOTE_ADDR"] = appended
        return self.get_response(request)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


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
