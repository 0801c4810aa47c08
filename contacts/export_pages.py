"""What leaves the console as a file: lists of contacts, and all that is held about one. Each is written down first."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import FileResponse, HttpRequest, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.utils.timezone import now
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from contacts import exporting, handing_over
from contacts.models import Contact
from team import audit
from team.models import User

PERMISSION = "contacts.export_contact"
# What a search looked for may be somebody's address: that it was a search is enough.
_PAGING = {"p", "o", "e", "all"}
_SEARCH = "q"


def require(request: HttpRequest) -> User:
    """Who may take data out; PermissionDenied for all others."""
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    assert isinstance(request.user, User)  # noqa: S101  admin_view lets nobody else in
    return request.user


def as_csv(request: HttpRequest, queryset: QuerySet[Contact]) -> StreamingHttpResponse:
    user, people = require(request), _bare(queryset)
    _note(request, user, people, "csv")
    return csv_of(people, name="contacts")


def csv_of(people: QuerySet[Contact], *, name: str) -> StreamingHttpResponse:
    """The file itself, for whoever has asked for the right and written it down."""
    response = StreamingHttpResponse(exporting.csv_lines(people), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}-{now():%Y-%m-%d}.csv"'
    return response


def as_xlsx(request: HttpRequest, queryset: QuerySet[Contact]) -> FileResponse:
    """Raises Refused for more than a spreadsheet takes."""
    user, people = require(request), _bare(queryset)
    file = exporting.xlsx_file(people)
    _note(request, user, people, "xlsx")
    return FileResponse(file, as_attachment=True, filename=f"contacts-{now():%Y-%m-%d}.xlsx")


@never_cache
@require_safe
def held(request: HttpRequest, pk: int) -> FileResponse:
    """All that is held about the person, as a file to hand over."""
    user = require(request)
    file = handing_over.packed(get_object_or_404(Contact, pk=pk), by=user)
    return FileResponse(file, as_attachment=True, filename=f"contact-{pk}.zip", content_type="application/zip")


def _bare(queryset: QuerySet[Contact]) -> QuerySet[Contact]:
    """Without what only the list shows: a million rows need no subquery each."""
    return Contact.objects.filter(pk__in=queryset.order_by().values("pk")).order_by("pk")


def _note(request: HttpRequest, user: User, people: QuerySet[Contact], form: str) -> None:
    detail: dict[str, Any] = {"format": form, "filter": asked(request)}
    if request.method == "POST" and request.POST.get("select_across") != "1":
        detail["selected"] = True
    audit.record("export.contacts", by=user, detail=detail, count=people.count())


def asked(request: HttpRequest) -> dict[str, str]:
    """How the list was filtered."""
    said = {name: ", ".join(values)[:100] for name, values in request.GET.lists() if name not in _PAGING}
    return said | ({_SEARCH: "(a search)"} if said.get(_SEARCH) else {})
