"""Public addresses of the tracking API, as its clients expect them; browsers' libraries use the short ones."""

from django.urls import path

from events.tracking.reading import KINDS
from events.tracking.views import receive

app_name = "events"
SHORT = {"identify": "i", "track": "t", "page": "p", "screen": "s", "group": "g", "alias": "a"}
urlpatterns = [
    *(path(f"v1/{kind}", receive, {"kind": kind}, name=kind) for kind in KINDS),
    *(path(f"v1/{SHORT[kind]}", receive, {"kind": kind}) for kind in KINDS),
    *(path(f"v1/{name}", receive, name=name) for name in ("batch", "import", "b")),
]
