"""The console's pages of a list to suppress: a file or pasted addresses, and which column has them.

The steps after that, dry run, progress and result, are those of every import (import_admin.py).
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.files.base import ContentFile, File
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path
from django.views.decorators.http import require_POST

from contacts.forms import SuppressedColumnForm, SuppressionListForm
from contacts.importing import files, jobs
from contacts.models import ImportJob, Suppression
from contacts.tasks import wake
from core.errors import Refused
from team.models import User

SHOWN_ROWS = 5
STEPS = ["Upload", "Choose the column", "Dry run", "Suppress", "Done"]
_RIGHTS = ("contacts.add_suppression", "contacts.add_importjob")


def urls() -> list[URLPattern]:
    own: list[tuple[str, str, Callable[..., HttpResponse]]] = [
        ("import/", "import", upload),
        ("import/<int:pk>/check/", "check", check),
    ]
    return [path(route, admin.site.admin_view(view), name=f"contacts_suppression_{name}") for route, name, view in own]


def upload(request: HttpRequest) -> HttpResponse:
    _require(request)
    form = SuppressionListForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            return _start(request, form)
        except Refused as refused:
            form.add_error("file" if form.cleaned_data["file"] else "pasted", refused.message)
    return _page(request, "contacts/suppression_list_upload.html", None, {"form": form, "step": 0})


def _start(request: HttpRequest, form: SuppressionListForm) -> HttpResponse:
    """To the dry run at once where the list is nothing but addresses; else to the choice of the column."""
    file, told = _file(form), form.told
    job = jobs.upload(
        file, file.name or "list", by=_user(request), kind=ImportJob.Kind.SUPPRESSIONS, channel=told["channel"]
    )
    if len(job.header) == 1 and job.mapping:
        jobs.check_addresses(
            job, column=job.header[0], channel=told["channel"], reason=told["reason"], detail=told["detail"]
        )
        wake(job.pk)
    else:
        said = {"suppresses_reason": told["reason"], "suppresses_detail": told["detail"]}
        ImportJob.objects.filter(pk=job.pk).update(**said)
    return redirect("admin:contacts_importjob_change", job.pk)


def _file(form: SuppressionListForm) -> File:
    uploaded: UploadedFile | None = form.cleaned_data["file"]
    return uploaded or ContentFile(form.cleaned_data["pasted"].encode(), name="Pasted list")


def columns(request: HttpRequest, job: ImportJob, form: SuppressedColumnForm | None = None) -> HttpResponse:
    """Which column has the addresses, with its first values."""
    chosen = next((name for name, spec in job.mapping.items() if spec), "")
    said = {"channel": job.suppresses_channel, "detail": job.suppresses_detail}
    said["reason"] = job.suppresses_reason or Suppression.Reason.IMPORTED
    extra = {
        "step": 1,
        "form": form or SuppressedColumnForm(initial=said),
        "columns": [(at, name, [row[at] for row in job.sample[:SHOWN_ROWS] if at < len(row)], name == chosen)
                    for at, name in enumerate(job.header)],
        "earlier": jobs.earlier(job),
        "encodings": files.ENCODINGS.items(),
        "delimiters": files.DELIMITERS.items(),
        "may_change": request.user.has_perm("contacts.change_importjob"),
    }  # fmt: skip
    return _page(request, "contacts/suppression_list_columns.html", job, extra)


def check(request: HttpRequest, pk: int) -> HttpResponse:
    return require_POST(partial(_check, pk=pk))(request)


def _check(request: HttpRequest, pk: int) -> HttpResponse:
    _require(request)
    job = get_object_or_404(ImportJob, pk=pk, kind=ImportJob.Kind.SUPPRESSIONS)
    form, at = SuppressedColumnForm(request.POST), request.POST.get("column", "")
    if not form.is_valid():
        return columns(request, job, form)
    name = job.header[int(at)] if at.isdecimal() and len(at) < 4 and int(at) < len(job.header) else ""
    try:
        jobs.check_addresses(job, column=name, **form.cleaned_data)
    except Refused as refused:
        messages.error(request, refused.message)
        return columns(request, job, form)
    wake(job.pk)
    return redirect("admin:contacts_importjob_change", pk)


def _page(request: HttpRequest, template: str, job: ImportJob | None, extra: dict[str, Any]) -> HttpResponse:
    title = f"Suppress {job.file_name}" if job else "Suppress a list"
    context = {"title": title, "opts": ImportJob._meta, "job": job, "steps": STEPS}
    return render(request, template, admin.site.each_context(request) | context | extra)


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101  admin_view lets nobody else in
    return request.user


def _require(request: HttpRequest) -> None:
    if not request.user.has_perms(_RIGHTS):
        raise PermissionDenied
