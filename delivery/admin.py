"""The console's pages of delivery: the ledger, the sender accounts and the sandbox mailbox."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.views.decorators.http import require_POST
from unfold.decorators import display
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from contacts import identity, naming
from core.admin import ModelAdmin
from core.errors import Refused
from core.paging import EstimatingPaginator
from delivery import sandbox, settling, why
from delivery.accounts import check_connection
from delivery.confirmation.console import ConfirmationMailAdmin
from delivery.models import Account, ConfirmationMail, Message, SandboxMail
from delivery.providers import providers
from delivery.providers.base import Provider

admin.site.register(ConfirmationMail, ConfirmationMailAdmin)

SECURITY = [("starttls", "STARTTLS"), ("tls", "TLS from the start"), ("none", "None (this machine or network only)")]
STATE_COLOURS = {
    "sent": "success",
    "delivered": "success",
    "failed": "danger",
    "unknown": "warning",
    "planned": "info",
    "queued": "info",
    "sending": "info",
}


class AccountForm(forms.ModelForm):
    """An account with its provider's own fields. Secrets are written, never shown."""

    class Meta:
        model = Account
        fields = ["name", "provider", "is_default", "senders", "max_connections", "rate_per_second"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        config = self.instance.config or {}
        secret = {key for provider in providers.values() for key in provider.secret_fields}
        for key, label in {k: v for provider in providers.values() for k, v in provider.fields.items()}.items():
            self.fields[f"config_{key}"] = self._config_field(key, label, config, is_secret=key in secret)

    @staticmethod
    def _config_field(key: str, label: str, config: dict[str, Any], *, is_secret: bool) -> forms.Field:
        if key == "security":
            return forms.ChoiceField(
                label=label, choices=SECURITY, initial=config.get(key), required=False, widget=UnfoldAdminSelectWidget
            )
        if key == "port":
            initial = config.get(key, 587)
            return forms.IntegerField(
                label=label, min_value=1, max_value=65535, initial=initial, required=False,
                widget=UnfoldAdminTextInputWidget,
            )  # fmt: skip
        if is_secret:
            stored = "Stored. Leave empty to keep it." if config.get(key) else ""
            widget = UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"})
            return forms.CharField(label=label, required=False, help_text=stored, widget=widget)
        return forms.CharField(
            label=label, required=False, initial=config.get(key, ""), widget=UnfoldAdminTextInputWidget
        )

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        provider = providers.get(data.get("provider", ""))
        if provider is not None and "host" in provider.fields and not data.get("config_host"):
            self.add_error("config_host", "An SMTP server needs a host name.")
        if provider is not None:
            self._keep_secrets_at_home(provider, data)
        return data

    def _keep_secrets_at_home(self, provider: Provider, data: dict[str, Any]) -> None:
        """A stored secret was given for one server: whoever points the account elsewhere must know it."""
        stored = self.instance.config or {}
        plain = provider.fields.keys() - provider.secret_fields
        has_moved = any((data.get(f"config_{key}") or "") != (stored.get(key) or "") for key in plain)
        for key in provider.secret_fields & stored.keys():
            if has_moved and not data.get(f"config_{key}"):
                self.add_error(f"config_{key}", "Write it again: the settings it was stored for have changed.")

    def save(self, commit: bool = True) -> Account:
        account: Account = super().save(commit=False)
        provider = providers[account.provider]
        account.channel = provider.channel
        kept = {key: value for key, value in (account.config or {}).items() if key in provider.secret_fields}
        given = {key: self.cleaned_data.get(f"config_{key}") for key in provider.fields}
        account.config = kept | {key: value for key, value in given.items() if value not in ("", None)}
        if commit:
            account.save()
            self.save_m2m()
        return account


@admin.register(Account)
class AccountAdmin(ModelAdmin):
    form = AccountForm
    list_display = ["name", "provider", "is_default", "health"]
    change_form_outer_before_template = "delivery/account_health.html"
    filter_horizontal = ["senders"]

    def get_fieldsets(
        self, request: HttpRequest, obj: Account | None = None
    ) -> list[tuple[str | None, dict[str, Any]]]:
        config = list(dict.fromkeys(f"config_{key}" for provider in providers.values() for key in provider.fields))
        return [
            (None, {"fields": ["name", "provider", "is_default", "senders"]}),
            ("Server", {"fields": config, "description": "Not needed for the sandbox mailbox."}),
            ("Pace", {"fields": ["max_connections", "rate_per_second"]}),
        ]

    def get_form(self, request: HttpRequest, obj: Account | None = None, change: bool = False, **kwargs: Any) -> Any:
        kwargs["fields"] = ["name", "provider", "is_default", "senders", "max_connections", "rate_per_second"]
        return super().get_form(request, obj, change, **kwargs)

    @display(description="Health", label={"Working": "success", "Refused": "danger"})
    def health(self, account: Account) -> str:
        return "Refused" if account.failing_since else "Working"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.try_connection))
        return [path("<int:pk>/try/", view, name="delivery_account_try"), *super().get_urls()]

    def save_model(self, request: HttpRequest, obj: Account, form: AccountForm, change: bool) -> None:
        with transaction.atomic():
            if obj.is_default:  # first, because a channel has one default at any moment
                others = Account.objects.filter(channel=obj.channel, is_default=True).exclude(pk=obj.pk)
                others.update(is_default=False)
            super().save_model(request, obj, form, change)

    def try_connection(self, request: HttpRequest, pk: int) -> HttpResponse:
        account = get_object_or_404(Account, pk=pk)
        if not self.has_change_permission(request, account):
            raise PermissionDenied
        problem = check_connection(account)
        if problem:
            messages.error(request, problem)
        else:
            messages.success(request, f"{account.name} answers and lets us in.")
        return redirect("admin:delivery_account_change", pk)


@admin.register(Message)
class MessageAdmin(ModelAdmin):
    """The ledger, to look at. Only an `unknown` row can be settled by hand."""

    list_display = ["contact_name", "campaign_name", "state_badge", "reason_label", "attempt", "sent_at", "opened_at"]
    list_display_links = ["contact_name"]
    list_filter = ["state"]
    list_select_related = ["contact", "run__campaign"]
    list_per_page = 50
    ordering = ["-id"]
    paginator = EstimatingPaginator
    show_full_result_count = False
    search_fields = ["pk"]
    search_help_text = "Email, external id or id of a contact"
    actions = ["settle_as_sent", "settle_as_failed", "send_again"]
    readonly_fields = [field.name for field in Message._meta.fields]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Message], search_term: str
    ) -> tuple[QuerySet[Message], bool]:
        if not search_term:
            return queryset, False
        contact = naming.person(search_term)
        return (queryset.filter(contact__in=identity.keys(contact)) if contact else queryset.none()), False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Message | None = None) -> bool:
        return False

    @display(description="Person", ordering=None)
    def contact_name(self, message: Message) -> str:
        return str(message.contact)

    @display(description="Campaign")
    def campaign_name(self, message: Message) -> str:
        url = reverse("delivery:why", args=[message.run.campaign.uuid])
        return format_html(
            '<a href="{}?contact={}" title="Why?">{}</a>', url, message.contact.uuid, message.run.campaign
        )

    @display(description="State", label=STATE_COLOURS)
    def state_badge(self, message: Message) -> tuple[str, str]:
        return message.state, message.get_state_display()

    @display(description="Why")
    def reason_label(self, message: Message) -> str:
        return why.reason_label(message.reason) if message.reason else "–"

    @admin.action(description="Unknown: note as sent", permissions=["change"])
    def settle_as_sent(self, request: HttpRequest, queryset: QuerySet[Message]) -> None:
        self._settle(request, queryset, Message.State.SENT)

    @admin.action(description="Unknown: note as not sent", permissions=["change"])
    def settle_as_failed(self, request: HttpRequest, queryset: QuerySet[Message]) -> None:
        self._settle(request, queryset, Message.State.FAILED)

    @admin.action(description="Unknown: send again (may arrive twice)", permissions=["change"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Message]) -> None:
        self._settle(request, queryset, Message.State.PLANNED)

    def _settle(self, request: HttpRequest, queryset: QuerySet[Message], state: str) -> None:
        try:
            count = settling.settle_unknown(queryset, state=state, by=request.user)  # type: ignore[arg-type]
        except Refused as refused:
            messages.error(request, refused.message)
        else:
            messages.success(request, f"{count} settled.")


@admin.register(SandboxMail)
class SandboxMailAdmin(ModelAdmin):
    """What would have reached real inboxes."""

    list_display = ["subject_line", "recipient", "sender", "received_at"]
    list_per_page = 50
    ordering = ["-id"]
    paginator = EstimatingPaginator
    show_full_result_count = False
    search_fields = ["recipient__startswith"]
    search_help_text = "Beginning of the recipient's address"
    change_form_template = "delivery/sandbox_mail.html"
    list_before_template = "delivery/sandbox_intro.html"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: SandboxMail | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: SandboxMail | None = None) -> bool:
        return False

    @display(description="Subject")
    def subject_line(self, mail: SandboxMail) -> str:
        return mail.subject or "(no subject)"

    def get_queryset(self, request: HttpRequest) -> QuerySet[SandboxMail]:
        found = super().get_queryset(request)
        on_page = request.resolver_match is not None and request.resolver_match.kwargs.get("object_id")
        return found if on_page else found.defer("raw")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        mail = self.get_object(request, object_id)
        raw = bytes(mail.raw) if mail else b""
        ledger = Message.objects.select_related("run__campaign", "contact").filter(pk=mail.message_id if mail else 0)
        context = {
            "mail": mail,
            "headers": [(name, str(value)) for name, value in sandbox.parsed(raw).items()],
            "plain": sandbox.text_of(sandbox.part_of(raw, "plain")),
            "ledger": ledger.first(),
            "title": mail.subject if mail else "",
            **(extra_context or {}),
        }
        return super().change_view(request, object_id, form_url, context)
