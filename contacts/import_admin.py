"""The console's pages of an import: upload, mapping, dry run, progress, result."""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST

from contacts import export_pages, suppression_list_pages
from contacts.forms import WHOLE, MappingForm, UploadForm
from contacts.importing import errorfile, files, jobs, targets
from contacts.importing.columns import new_attributes
from contacts.models import AttributeDefinition, ImportJob, Suppression, Topic
from contacts.tasks import wake
from core.admin import ModelAdmin
from core.errors import Refused
from team import audit

Status = ImportJob.Status
SHOWN_ROWS = 5
STEPS = ["Upload", "Map columns", "Dry run", "Import", "Done"]
STEP_OF: dict[str, int] = {
    Status.UPLOADED: 1, Status.CHECKING: 2, Status.READY: 2, Status.IMPORTING: 3, Status.DONE: 5,
    Status.FAILED: 3, Status.CANCELLED: 3,
}  # fmt: skip


class ImportJobAdmin(ModelAdmin):
    list_display = ["file_name", "kind", "status", "row_count", "created_count", "updated_count", "error_count",
                    "started_by", "created_at"]  # fmt: skip
    list_filter = ["status", "kind"]
    list_select_related = ["started_by"]
    list_per_page = 50
    ordering = ["-id"]
    sortable_by: ClassVar[list[str]] = []

    class Media:
        css = {"all": ["contacts/contacts.css"]}

    def get_urls(self) -> list[URLPattern]:
        own: list[tuple[str, Callable[..., Any]]] = [
            ("map", self.map_view), ("check", self.check_view), ("reread", self.reread_view),
            ("confirm", self.confirm_view), ("cancel", self.cancel_view), ("progress", self.progress_view),
            ("errors", self.errors_view),
        ]  # fmt: skip
        pages = [
            path(f"<int:pk>/{name}/", self.admin_site.admin_view(view), name=f"contacts_importjob_{name}")
            for name, view in own
        ]
        return [*pages, *super().get_urls()]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        _require(request, "contacts.add_importjob")
        form = UploadForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            upload = form.cleaned_data["file"]
            try:
                job = jobs.upload(upload, upload.name, by=request.user)  # type: ignore[arg-type]
            except Refused as refused:
                form.add_error("file", refused.message)
            else:
                return redirect("admin:contacts_importjob_change", job.pk)
        return self._page(request, "contacts/import_upload.html", None, {"form": form, "step": 0})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        _require(request, "contacts.view_importjob")
        job = get_object_or_404(ImportJob, pk=object_id)
        if job.status == Status.UPLOADED:
            return self._mapping_page(request, job, MappingForm())
        if job.status in jobs.AT_WORK:
            return self._page(request, "contacts/import_progress.html", job, {"percent": _percent(job)})
        extra = {"has_error_file": errorfile.exists(job), "new_attributes": _new(job), "agreed": _agreed(job),
                 "suppresses_reason": dict(Suppression.Reason.choices).get(job.suppresses_reason, "")}  # fmt: skip
        return self._page(request, "contacts/import_result.html", job, extra)

    def map_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Choose the mapping again, after a dry run."""
        _require(request, "contacts.change_importjob")
        job = get_object_or_404(ImportJob, pk=pk, status__in=(Status.UPLOADED, Status.READY))
        initial = {"tag": job.tag, "records_consent": "yes" if job.grants_consent else "no",
                   "source": job.consent_source, "wording": job.consent_wording,
                   "topics": [topic or WHOLE for topic in job.consent_topics]}  # fmt: skip
        return self._mapping_page(request, job, MappingForm(initial=initial))

    def _mapping_page(self, request: HttpRequest, job: ImportJob, form: MappingForm) -> HttpResponse:
        if job.kind == ImportJob.Kind.SUPPRESSIONS:
            return suppression_list_pages.columns(request, job)
        extra = {
            "step": 1,
            "form": form,
            "columns": _mapping_rows(job),
            "choices": _target_choices(),
            "sample": job.sample[:SHOWN_ROWS],
            "earlier": jobs.earlier(job),
            "encodings": files.ENCODINGS.items(),
            "delimiters": files.DELIMITERS.items(),
            "may_change": request.user.has_perm("contacts.change_importjob"),
        }
        return self._page(request, "contacts/import_mapping.html", job, extra)

    def check_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        return require_POST(partial(self._check, pk=pk))(request)

    def _check(self, request: HttpRequest, pk: int) -> HttpResponse:
        _require(request, "contacts.change_importjob")
        job, form = get_object_or_404(ImportJob, pk=pk), MappingForm(request.POST)
        job.mapping = {name: request.POST.get(f"column-{position}", "") for position, name in enumerate(job.header)}
        if not form.is_valid():
            return self._mapping_page(request, job, form)
        try:
            jobs.check(job, mapping=job.mapping, tag=form.cleaned_data["tag"], consent=form.consent)
        except Refused as refused:
            messages.error(request, refused.message)
            return self._mapping_page(request, job, form)
        wake(job.pk)
        return redirect("admin:contacts_importjob_change", pk)

    def reread_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        def reread(job: ImportJob) -> None:
            encoding, delimiter = request.POST.get("encoding", ""), request.POST.get("delimiter", "")
            if encoding not in files.ENCODINGS or delimiter not in files.DELIMITERS:
                raise Refused("unknown_dialect", "Choose one of the encodings and delimiters in the lists.")
            jobs.reread(job, encoding=encoding, delimiter=delimiter)

        return self._change(request, pk, reread)

    def confirm_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._change(request, pk, jobs.confirm, wakes=True)

    def cancel_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._change(request, pk, jobs.cancel)

    def _change(
        self, request: HttpRequest, pk: int, change: Callable[[ImportJob], None], *, wakes: bool = False
    ) -> HttpResponse:
        def do(request: HttpRequest) -> HttpResponse:
            _require(request, "contacts.change_importjob")
            job = get_object_or_404(ImportJob, pk=pk)
            if job.kind == ImportJob.Kind.SUPPRESSIONS:
                _require(request, "contacts.add_suppression")
            try:
                change(job)
            except Refused as refused:
                messages.error(request, refused.message)
            else:
                if wakes:
                    wake(pk)
            return HttpResponseRedirect(reverse("admin:contacts_importjob_change", args=[pk]))

        return require_POST(do)(request)

    def progress_view(self, request: HttpRequest, pk: int) -> JsonResponse:
        _require(request, "contacts.view_importjob")
        job = get_object_or_404(ImportJob, pk=pk)
        done = min(job.rows_done, job.row_count)
        return JsonResponse({"status": job.status, "percent": _percent(job), "done": done, "of": job.row_count})

    def errors_view(self, request: HttpRequest, pk: int) -> FileResponse:
        _require(request, "contacts.view_importjob")
        user, job = export_pages.require(request), get_object_or_404(ImportJob, pk=pk)
        if not errorfile.exists(job):
            raise Http404("There is no error file, or it has been removed after 30 days.")
        audit.record("export.import_errors", by=user, subject=f"import {job.uuid}", count=job.error_count)
        name = f"errors-{job.pk}.csv"
        return FileResponse(default_storage.open(errorfile.path(job), "rb"), as_attachment=True, filename=name)

    def _page(self, request: HttpRequest, template: str, job: ImportJob | None, extra: dict[str, Any]) -> HttpResponse:
        context = self.admin_site.each_context(request) | {
            "title": _title(job),
            "opts": self.opts,
            "job": job,
            "steps": suppression_list_pages.STEPS if job and job.kind == ImportJob.Kind.SUPPRESSIONS else STEPS,
            "step": STEP_OF[job.status] if job else 0,
            "may_change": request.user.has_perm("contacts.change_importjob"),
        }
        return render(request, template, context | extra)

    def delete_model(self, request: HttpRequest, obj: ImportJob) -> None:
        jobs.forget(obj)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for job in queryset:
            jobs.forget(job)


def _require(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied


def _title(job: ImportJob | None) -> str:
    if job is None:
        return "Import contacts"
    return f"{'Suppress' if job.kind == ImportJob.Kind.SUPPRESSIONS else 'Import'} {job.file_name}"


def _percent(job: ImportJob) -> int:
    return min(100, 100 * job.rows_done // job.row_count) if job.row_count else 0


def _new(job: ImportJob) -> list[str]:
    """The attributes that confirming would add; none when the mapping no longer holds, which confirming says."""
    try:
        new = new_attributes(job) if job.status == Status.READY else []
    except files.BadFile:
        return []
    return [f"{definition.key} ({definition.get_type_display().lower()})" for _, definition in new]


def _agreed(job: ImportJob) -> list[str]:
    """What consent the import records, in words; nothing if it records none."""
    if not job.grants_consent:
        return []
    names = dict(Topic.objects.filter(key__in=job.consent_topics).values_list("key", "name"))
    return [f"“{names.get(key, key)}”" if key else "marketing email as a whole" for key in job.consent_topics]


def _mapping_rows(job: ImportJob) -> list[dict[str, Any]]:
    """One entry per column: its name, the first values, and what it becomes."""
    return [
        {
            "position": position,
            "name": name,
            "spec": job.mapping.get(name, ""),
            "values": [row[position] for row in job.sample[:SHOWN_ROWS] if position < len(row)],
        }
        for position, name in enumerate(job.header)
    ]


def _target_choices() -> list[tuple[str, list[tuple[str, str]]]]:
    attributes = [
        (targets.ATTRIBUTE + one.key, f"{one.label} ({one.get_type_display().lower()})")
        for one in AttributeDefinition.objects.all()
    ]
    new = [
        (targets.NEW + str(value), f"New attribute: {label.lower()}")
        for value, label in AttributeDefinition.Type.choices
    ]
    fields = [(key, target.label) for key, target in targets.FIELDS.items()]
    return [
        group for group in (("Fields", fields), ("Attributes", attributes), ("Add to the catalogue", new)) if group[1]
    ]
