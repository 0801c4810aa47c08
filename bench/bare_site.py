"""The limit for bench/tracking.py: a site of one view that COPYs batches into the log unchecked, and nothing else.

No key, no validation, no people, no deduplication, no middleware. Settings, addresses and view in one file, so that
granian can serve it as `bench.bare_site:application` with DJANGO_SETTINGS_MODULE=bench.bare_site.
"""

import json

from django.core.wsgi import get_wsgi_application
from django.db import connection, transaction
from django.http import HttpRequest, JsonResponse
from django.urls import path

from config.settings import *  # noqa: F403

ROOT_URLCONF = "bench.bare_site"
MIDDLEWARE: list[str] = []


def receive(request: HttpRequest) -> JsonResponse:
    messages = json.loads(request.body)["batch"]
    with transaction.atomic(), connection.cursor() as cursor:
        with cursor.copy("COPY events_event (name, occurred_at, properties) FROM STDIN") as copy:
            for message in messages:
                copy.write_row([message["event"], message["timestamp"], json.dumps(message["properties"])])
    return JsonResponse({"success": True})


urlpatterns = [path("v1/batch", receive)]


def application(environ: dict, start_response: object) -> object:
    return _site()(environ, start_response)


_made: list = []


def _site() -> object:
    """Made at the first request: these settings can't start Django while they are being read."""
    if not _made:
        _made.append(get_wsgi_application())
    return _made[0]
