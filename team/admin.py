"""The console's pages for the team: its people, their programs' keys, and the notices left for them."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm

from core.admin import ModelAdmin
from core.errors import Refused
from team import apikeys, audit_admin, brand_admin  # noqa: F401  register themselves
from team.forms import NewKeyForm, NewTeamMemberForm, SettingsForm, TeamMemberForm
from team.models import ApiKey, Notice, User

admin.site.unregister(Group)  # the three roles are written by code (roles.py): a page to edit them would lie


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):
    """Nobody can be raised above whoever does it: superusers are made, edited and seen to by superusers alone."""

    form = TeamMemberForm
    add_form = NewTeamMemberForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["person", "username", "email", "roles", "time_zone", "state", "last_login"]
    list_filter = ["groups", "is_active"]
    search_fields = ["username", "first_name", "last_name", "email"]
    ordering = ["username"]
    readonly_fields = ["last_login", "date_joined"]
    filter_horizontal = ()
    add_fieldsets = [
        (None, {"fields": ["username", "email", "first_name", "last_name", "time_zone"]}),
        ("Password", {"fields": ["password1", "password2"]}),
        ("Roles", {"fields": ["groups"]}),
    ]

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        if obj is None:
            return self.add_fieldsets
        access = ["groups", "is_active"] + (["is_superuser"] if _is_superuser(request) else [])
        return [
            (None, {"fields": ["username", "password", "email", "first_name", "last_name", "time_zone"]}),
            ("Roles", {"fields": access, "description": "Make whoever left inactive: their work keeps their name."}),
            ("Dates", {"fields": ["last_login", "date_joined"]}),
        ]

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        if obj is not None and obj.is_superuser and not _is_superuser(request):
            return False
        return super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("groups")

    def get_urls(self) -> list[URLPattern]:
        own = path("settings/", self.admin_site.admin_view(self.settings_view), name="team_user_settings")
        return [own, *super().get_urls()]

    def settings_view(self, request: HttpRequest) -> HttpResponse:
        """What everybody may change about themselves, and nobody about others: it needs no permission."""
        person = _person(request)
        form = SettingsForm(request.POST or None, instance=User.objects.get(pk=person.pk))  # person stays as stored
        if form.is_valid():
            self.log_change(
                request, form.save(), [{"changed": {"fields": [str(form[name].label) for name in form.changed_data]}}]
            )
            messages.success(request, "Your settings are saved.")
            return redirect("admin:team_user_settings")
        context = {"title": "Your settings", "form": form, "person": person, "person_roles": self.roles(person)}
        return TemplateResponse(request, "team/settings.html", self.admin_site.each_context(request) | context)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        obj.is_staff = True  # the console is all there is to sign in to
        super().save_model(request, obj, form, change)

    @display(description="Person", ordering="first_name", header=True)
    def person(self, user: User) -> tuple[str, str, str]:
        initials = "".join(word[0] for word in user.get_full_name().split()[:2]) or user.username[:2]
        return str(user), "", initials.upper()

    @display(description="Roles")
    def roles(self, user: User) -> str:
        names = [group.name for group in user.groups.all()]
        return ", ".join((["Superuser"] if user.is_superuser else []) + names) or "none"

    @display(description="State", ordering="is_active", label={"active": "success", "inactive": "danger"})
    def state(self, user: User) -> str:
        return "active" if user.is_active else "inactive"


@admin.register(ApiKey)
class ApiKeyAdmin(ModelAdmin):
    """Keys are made, rotated and revoked; never edited, and never shown again.

    A key always acts as the person who made it: an administrator who could make one in an approver's name could
    approve their own campaigns.
    """

    list_display = ["name", "begins_with", "owner", "may", "state", "expires_at", "last_used_at"]
    list_select_related = ["owner"]
    search_fields = ["name", "prefix"]

    def has_change_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        def one(name: str, view: Callable[..., HttpResponse]) -> URLPattern:
            return path(f"<int:pk>/{name}/", self.admin_site.admin_view(view), name=f"team_apikey_{name}")

        mine = [one("revoke", require_POST(self.revoke_view)), one("rotate", require_POST(self.rotate_view))]
        return [*mine, *super().get_urls()]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = NewKeyForm(request.POST or None)
        if not form.is_valid():
            return self._page(request, "team/apikey_new.html", None, {"form": form, "title": "New API key"})
        key, secret = apikeys.issue(_person(request), **form.cleaned_data)
        self._note(request, key, "Made.", flag=ADDITION)
        return self._show_once(request, key, secret)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """A page that says everything about the key but the key."""
        key = self.get_object(request, object_id)
        if key is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if not self.has_view_permission(request, key):
            raise PermissionDenied
        scopes = [(scope, apikeys.SCOPES.get(scope, "no longer exists")) for scope in key.scopes]
        context = {
            "scopes": scopes,
            "may_revoke": request.user.has_perm("team.change_apikey") and key.revoked_at is None,
            "may_rotate": key.owner_id == request.user.pk and key.is_usable,
        }
        return self._page(request, "team/apikey.html", key, context)

    def revoke_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        key = self._key_to_change(request, pk)
        if apikeys.revoke(key):
            self._note(request, key, "Revoked.")
            messages.success(request, f"“{key.name}” is revoked: requests with it are refused from now on.")
        return redirect("admin:team_apikey_change", pk)

    def rotate_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        key = self._key_to_change(request, pk)
        if key.owner_id != request.user.pk:
            raise PermissionDenied
        try:
            fresh, secret = apikeys.rotate(key)
        except Refused as refused:
            messages.error(request, refused.message)
            return redirect("admin:team_apikey_change", pk)
        self._note(request, key, f"Rotated: {fresh.prefix} follows.")
        return self._show_once(request, fresh, secret)

    def _key_to_change(self, request: HttpRequest, pk: int) -> ApiKey:
        if not request.user.has_perm("team.change_apikey"):
            raise PermissionDenied
        return get_object_or_404(ApiKey.objects.select_related("owner"), pk=pk)

    def _show_once(self, request: HttpRequest, key: ApiKey, secret: str) -> HttpResponse:
        """Answer the POST itself with the key: kept for a later GET, it would have to be stored somewhere readable."""
        return self._page(request, "team/apikey_once.html", key, {"secret": secret, "title": "Copy the key now"})

    def _page(self, request: HttpRequest, template: str, key: ApiKey | None, context: dict[str, Any]) -> HttpResponse:
        shared = {**self.admin_site.each_context(request), "opts": self.opts, "title": str(key), "key": key}
        return TemplateResponse(request, template, shared | context)

    def _note(self, request: HttpRequest, key: ApiKey, text: str, *, flag: int = CHANGE) -> None:
        LogEntry.objects.log_actions(_person(request).pk, [key], flag, change_message=text, single_object=True)

    @display(description="Begins with")
    def begins_with(self, key: ApiKey) -> SafeString:
        return format_html('<span class="c-mono">car_{}…</span>', key.prefix)

    @display(description="May")
    def may(self, key: ApiKey) -> str:
        return ", ".join(key.scopes)

    @display(description="State", label={"works": "success", "revoked": "danger", "expired": "warning"})
    def state(self, key: ApiKey) -> str:
        if key.revoked_at:
            return "revoked"
        return "works" if key.is_usable else "expired"


@admin.register(Notice)
class NoticeAdmin(ModelAdmin):
    """What the product had to tell: to this person, or to everyone."""

    list_display = ["what", "importance", "at", "state"]
    list_display_links = None
    list_filter = ["level"]
    actions = ["mark_as_read"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Notice]:
        return super().get_queryset(request).filter(Q(user=_person(request)) | Q(user=None))

    def has_view_permission(self, request: HttpRequest, obj: Notice | None = None) -> bool:
        return bool(request.user.is_active and request.user.is_staff)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Notice | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Notice | None = None) -> bool:
        return False

    @admin.action(description="Mark as read")
    def mark_as_read(self, request: HttpRequest, notices: QuerySet[Notice]) -> None:
        notices.filter(read_at=None).update(read_at=timezone.now())

    @display(description="Notice")
    def what(self, notice: Notice) -> str | SafeString:
        if not notice.leads_to:
            return notice.text
        return format_html(
            '<a href="{}" class="text-primary-600 dark:text-primary-500">{}</a>', notice.leads_to, notice.text
        )

    @display(description="Level", ordering="level", label={"info": "info", "warning": "warning", "error": "danger"})
    def importance(self, notice: Notice) -> str:
        return notice.level

    @display(description="State", ordering="read_at", label={"new": "warning"})
    def state(self, notice: Notice) -> str:
        return "read" if notice.read_at else "new"


def _is_superuser(request: HttpRequest) -> bool:
    return bool(request.user.is_superuser)


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101  (admin_view let them in)
    return request.user
