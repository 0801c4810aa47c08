"""The console's page that says which campaigns carry confirmation mails, and how many wait for theirs."""

from typing import Any

from django import forms
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminSelectWidget

from campaigns.models import Campaign
from contacts.models import Confirmation
from core.admin import ModelAdmin
from delivery.models import ConfirmationMail
from delivery.outbox import ADDS


class ConfirmationMailForm(forms.ModelForm):
    class Meta:
        model = ConfirmationMail
        fields = ["topic", "campaign"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            # beside a choice the console offers pages about it by addresses that campaigns don't have
            for what in ("add", "change", "delete", "view"):
                setattr(field.widget, f"can_{what}_related", False)
        if "campaign" in self.fields:
            self.fields["campaign"].queryset = Campaign.objects.filter(  # type: ignore[attr-defined]
                kind=Campaign.Kind.TRIGGERED, purpose=Campaign.Purpose.TRANSACTIONAL, status__in=ADDS, deleted_at=None
            )
            self.fields["campaign"].help_text = (
                "Triggered, transactional, approved and launched. To write your own, duplicate the campaign "
                "“Confirmation mails”; its button must lead to {{ data.confirm_url }}."
            )


class ConfirmationMailAdmin(ModelAdmin):
    form = ConfirmationMailForm
    list_display = ["about", "carried_by", "status"]
    list_display_links = ["about"]
    list_select_related = ["topic", "campaign"]
    list_before_template = "delivery/confirmation_waiting.html"

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Plain lists to choose from: there are few of either."""
        kwargs["widget"] = UnfoldAdminSelectWidget()
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        open_ones = Confirmation.objects.filter(sent_at=None, confirmed_at=None)
        failed = open_ones.exclude(failure="").order_by("-id").values_list("failure", flat=True).first()
        extra = {"waiting": open_ones.count(), "failure": failed}
        return super().changelist_view(request, (extra_context or {}) | extra)

    def about(self, row: ConfirmationMail) -> str:
        return str(row.topic) if row.topic else "All other topics"

    about.short_description = "Topic"  # type: ignore[attr-defined]

    def carried_by(self, row: ConfirmationMail) -> SafeString:
        address = reverse("admin:campaigns_campaign_change", args=[row.campaign_id])
        return format_html('<a href="{}">{}</a>', address, row.campaign)

    def status(self, row: ConfirmationMail) -> str:
        waits = "" if row.campaign.status == Campaign.Status.SENDING else ": mails wait"
        return f"{row.campaign.get_status_display()}{waits}"
