"""The console's pages of one template: its editor, its versions, its uses, and what their buttons do."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import NoReverseMatch, reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.errors import Refused
from team.models import User
from templates_app import catalogue, differences, exchange, gallery, publishing, usage
from templates_app.forms import CATEGORIES, EditorForm, FileForm
from templates_app.linting import counts
from templates_app.models import Template, TemplateVersion


@require_http_methods(["GET", "HEAD", "POST"])
def start(request: HttpRequest) -> HttpResponse:
    """A new template: from the gallery, from nothing, or from a file."""
    user = _user(request, "add")
    if request.method != "POST":
        return _page(request, "templates_app/start.html", "New template", examples=gallery.examples(), form=FileForm())
    try:
        template = _started(request, user)
    except Refused as refused:
        messages.error(request, refused.message)
        return redirect("admin:templates_app_template_add")
    return _to_editor(template)


def _started(request: HttpRequest, user: User) -> Template:
    if "file" in request.FILES:
        return exchange.take_in(_uploaded(request), by=user)
    key = request.POST.get("example", "")
    if not key:
        return publishing.create(by=user, name=publishing.free_name("Untitled template"))
    example = gallery.find(key)
    return publishing.create(
        by=user, name=publishing.free_name(example.name), category=example.category, content=example.content
    )


def _uploaded(request: HttpRequest) -> dict[str, Any]:
    form = FileForm(request.POST, request.FILES)
    if not form.is_valid():
        raise Refused("no_file", "The file is empty or did not arrive. Choose it again.")
    return exchange.read(form.cleaned_data["file"].read(exchange.MAX_FILE + 1))


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """The editor. A POST saves, and publishes too if that button was pressed; refused, nothing typed is lost."""
    template = _template(request, pk, "view")
    if request.method != "POST":
        form = EditorForm.of(template, publishing.draft_of(template) or template.current_version)
        return _editor(request, template, form, seen=publishing.mark(template))
    user = _user(request, "change")
    form, seen = EditorForm(request.POST), request.POST.get("seen", "")
    if not form.is_valid():
        return _editor(request, template, form, seen=seen, status=400)
    try:
        _save(template, form, user, seen)
    except Refused as refused:
        messages.error(request, refused.message)
        return _editor(request, template, form, seen=seen, status=409)
    if request.POST.get("action") == "publish":
        _publish(request, template, user)
    else:
        messages.success(request, "Draft saved.")
    return _to_editor(template)


def _save(template: Template, form: EditorForm, user: User, seen: str) -> None:
    about, content = form.parts()
    publishing.change(template, by=user, content=content, seen=seen, **about)


def _publish(request: HttpRequest, template: Template, user: User) -> None:
    """The draft is saved already, so a refusal loses nothing."""
    try:
        before = template.current_version_id
        version = publishing.publish(template, by=user)
    except Refused as refused:
        messages.error(request, f"Saved as a draft, but not published. {refused.message}")
        return
    if version.pk == before:
        messages.info(request, f"Nothing changed since version {version.number}, so there is no new version.")
    else:
        messages.success(request, f"Published as version {version.number}. Campaigns submitted from now on use it.")


def _editor(
    request: HttpRequest, template: Template, form: EditorForm, *, seen: str, status: int = 200
) -> HttpResponse:
    draft, current = publishing.draft_of(template), template.current_version
    extra: dict[str, Any] = {
        "form": form,
        "seen": seen,
        "draft": draft,
        "current": current,
        "variables": _grouped(catalogue.variables()),
        "categories": CATEGORIES,
        "may_change": request.user.has_perm("templates_app.change_template"),
        "test_send": _address_of("delivery:test-send"),
    }
    return _page(request, "templates_app/editor.html", template.name, template, status=status, tab="edit", **extra)


@require_safe
def versions(request: HttpRequest, pk: int) -> HttpResponse:
    """All versions, and what changed between two of them: by default the newest and the one before."""
    template = _template(request, pk, "view")
    listed = list(template.versions.select_related("author").order_by("-number"))
    new = _chosen(listed, request.GET.get("to", ""), 0)
    old = _chosen(listed, request.GET.get("from", ""), listed.index(new) + 1 if new else 1)
    changes = differences.between(old, new) if old and new else {}
    shown = [(differences.LABELS[name], lines) for name, lines in changes.items()]
    rows = [(version, counts(version.findings)) for version in listed]
    extra: dict[str, Any] = {
        "rows": rows,
        "old": old,
        "new": new,
        "changes": shown,
        "current": template.current_version,
    }
    return _page(request, "templates_app/versions.html", template.name, template, tab="versions", **extra)


@require_safe
def uses(request: HttpRequest, pk: int) -> HttpResponse:
    template = _template(request, pk, "view")
    rows = [(use, _address_of("admin:campaigns_campaign_change", use["pk"])) for use in usage.of(template)]
    return _page(request, "templates_app/uses.html", template.name, template, tab="uses", rows=rows)


@require_POST
def act(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """Do what a button beside the editor says."""
    if verb not in _VERBS:
        raise Http404
    template = _template(request, pk, "view")
    permission, do = _VERBS[verb]
    try:
        return do(request, template, _user(request, permission))
    except Refused as refused:
        messages.error(request, refused.message)
        return _to_editor(template)


def _revert(request: HttpRequest, template: Template, user: User) -> HttpResponse:
    number = request.POST.get("version", "")
    version = get_object_or_404(template.versions, number=int(number) if number.isdecimal() else 0)
    publishing.revert(template, version, by=user)
    messages.success(request, f"The draft now holds version {version.number} again. Publish it to send it.")
    return _to_editor(template)


def _clone(request: HttpRequest, template: Template, user: User) -> HttpResponse:
    copy = publishing.clone(template, by=user)
    messages.success(request, f"This is a copy of “{template}”. Give it a name of its own.")
    return _to_editor(copy)


def _archive(request: HttpRequest, template: Template, user: User) -> HttpResponse:
    publishing.archive(template)
    messages.success(request, f"“{template}” is archived. Campaigns that use it go on.")
    return redirect("admin:templates_app_template_changelist")


def _restore(request: HttpRequest, template: Template, user: User) -> HttpResponse:
    publishing.restore(template)
    messages.success(request, f"“{template}” is back.")
    return _to_editor(template)


def _delete(request: HttpRequest, template: Template, user: User) -> HttpResponse:
    publishing.delete(template)
    messages.success(request, f"“{template}” is deleted.")
    return redirect("admin:templates_app_template_changelist")


def _discard(request: HttpRequest, template: Template, user: User) -> HttpResponse:
    publishing.discard_draft(template)
    messages.success(request, "The draft is thrown away. The published version stays as it is.")
    return _to_editor(template)


# A button's verb: the permission it needs, and what it does.
_VERBS: dict[str, tuple[str, Callable[[HttpRequest, Template, User], HttpResponse]]] = {
    "revert": ("change", _revert),
    "clone": ("add", _clone),
    "archive": ("change", _archive),
    "restore": ("change", _restore),
    "discard": ("change", _discard),
    "delete": ("delete", _delete),
}


@require_safe
def export(request: HttpRequest, pk: int) -> HttpResponse:
    template = _template(request, pk, "view")
    response = JsonResponse(exchange.export(template), json_dumps_params={"indent": 2, "ensure_ascii": False})
    response["Content-Disposition"] = f'attachment; filename="template-{template.pk}.json"'
    return response


def _page(
    request: HttpRequest, name: str, title: str, template: Template | None = None, *, status: int = 200, **extra: Any
) -> HttpResponse:
    context = {
        **admin.site.each_context(request),
        "title": title,
        "opts": Template._meta,
        "original": template,
        "template": template,
        **extra,
    }
    return render(request, name, context, status=status)


def _template(request: HttpRequest, pk: int, permission: str) -> Template:
    _user(request, permission)
    return get_object_or_404(Template.objects.select_related("current_version__author", "created_by"), pk=pk)


def _user(request: HttpRequest, permission: str) -> User:
    if not isinstance(request.user, User) or not request.user.has_perm(f"templates_app.{permission}_template"):
        raise PermissionDenied
    return request.user


def _to_editor(template: Template) -> HttpResponse:
    return redirect("admin:templates_app_template_change", template.pk)


def _chosen(listed: list[TemplateVersion], number: str, default: int) -> TemplateVersion | None:
    for version in listed:
        if str(version.number) == number:
            return version
    return listed[default] if default < len(listed) else None


def _grouped(variables: list[catalogue.Variable]) -> dict[str, list[catalogue.Variable]]:
    groups: dict[str, list[catalogue.Variable]] = {}
    for variable in variables:
        groups.setdefault(variable.group, []).append(variable)
    return groups


def _address_of(name: str, *args: object) -> str:
    """The address of a page of an app above, which this one does not import; empty where it is not installed."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""
