"""The console's pages for people: contacts, the catalogue of attributes and suppressed addresses."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from contacts import (
    consent_pages,
    duplicate_pages,
    erasure,
    export_pages,
    lists,
    people,
    person_pages,
    standing,
    wishes_in_words,
)
from contacts.attributes import as_text
from contacts.company_admin import CompanyAdmin
from contacts.forms import ContactForm, attribute_field_name
from contacts.import_admin import ImportJobAdmin
from contacts.list_bounds import BoundedChangeList
from contacts.models import AttributeDefinition, Company, Contact, ImportJob, Suppression, SuppressionRelease, Topic
from contacts.suppression_admin import SuppressionAdmin, SuppressionReleaseAdmin
from contacts.topic_admin import TopicAdmin
from core.admin import ModelAdmin
from core.errors import Refused
from core.paging import EstimatingPaginator
from team.models import User

admin.site.register(Company, CompanyAdmin)
admin.site.register(ImportJob, ImportJobAdmin)
admin.site.register(Suppression, SuppressionAdmin)
admin.site.register(SuppressionRelease, SuppressionReleaseAdmin)
admin.site.register(Topic, TopicAdmin)


@admin.register(Contact)
class ContactAdmin(ModelAdmin):
    list_display = ["person", "phone", "shown_tags", "standing", "created_at"]
    list_display_links = None  # a name leads to the timeline, and from there to the form
    list_filter = [lists.TagFilter, lists.ConsentFilter, lists.SuppressedFilter, lists.ErasedFilter]
    list_filter_submit = True
    list_per_page = 50
    ordering = ["-id"]
    sortable_by: ClassVar[list[str]] = []
    search_fields = ["email"]
    search_help_text = "Start of an email, external id or last name; or a phone number"
    show_full_result_count = False
    paginator = EstimatingPaginator
    actions = ["export_csv", "export_xlsx"]
    list_before_template = "contacts/list_tools.html"
    change_form_outer_before_template = "contacts/contact_header.html"
    change_form_outer_after_template = "contacts/contact_below.html"

    class Media:
        js = ["contacts/chips.js"]
        css = {"all": ["contacts/contacts.css"]}

    # --- the list ---
    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[BoundedChangeList]:
        return BoundedChangeList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Contact]:
        return lists.with_standing(super().get_queryset(request))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Contact], search_term: str
    ) -> tuple[QuerySet[Contact], bool]:
        return lists.search(queryset, search_term), False

    @admin.display(description="Contact")
    def person(self, contact: Contact) -> SafeString:
        address = contact.email or contact.external_id or ""
        return format_html(
            '<a href="{}"><span class="contact-name">{}</span><span class="contact-address">{}</span></a>',
            reverse("admin:contacts_contact_timeline", args=[contact.pk]), str(contact),
            address if address != str(contact) else "",
        )  # fmt: skip

    @admin.display(description="Tags")
    def shown_tags(self, contact: Contact) -> SafeString:
        return format_html_join(" ", '<span class="c-badge">{}</span>', ((tag,) for tag in contact.tags[:5]))

    @admin.display(description="Email")
    def standing(self, contact: Any) -> SafeString:
        return standing.in_a_word(contact)

    def has_export_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(export_pages.PERMISSION)

    @admin.action(description="Export as CSV", permissions=["export"])
    def export_csv(self, request: HttpRequest, queryset: QuerySet[Contact]) -> StreamingHttpResponse:
        return export_pages.as_csv(request, queryset)

    @admin.action(description="Export as XLSX", permissions=["export"])
    def export_xlsx(self, request: HttpRequest, queryset: QuerySet[Contact]) -> Any:
        try:
            return export_pages.as_xlsx(request, queryset)
        except Refused as refused:
            messages.error(request, refused.message)
            return None

    # --- one contact ---
    def get_form(self, request: HttpRequest, obj: Contact | None = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, **kwargs | {"form": ContactForm.for_catalogue()})

    def get_fieldsets(self, request: HttpRequest, obj: Contact | None = None) -> Any:
        who = [("first_name", "last_name"), ("email", "phone"), ("locale", "time_zone")]
        if not (self.has_change_permission(request, obj) or obj is None):
            return [("Who", {"fields": [*who, "external_id"]})]  # attributes stand below, as text
        names = [attribute_field_name(definition) for definition in AttributeDefinition.objects.all()]
        pairs = [tuple(names[start : start + 2]) for start in range(0, len(names), 2)]
        sets = [("Who", {"fields": [*who, ("external_id", "tags")]})]
        return sets + ([("Attributes", {"fields": pairs})] if names else [])

    def has_delete_permission(self, request: HttpRequest, obj: Contact | None = None) -> bool:
        return False  # people are erased, not deleted: the ledger's rows must still add up

    def has_change_permission(self, request: HttpRequest, obj: Contact | None = None) -> bool:
        return super().has_change_permission(request, obj) and not (obj is not None and obj.erased_at)

    def save_model(self, request: HttpRequest, obj: Contact, form: Any, change: bool) -> None:
        if change and people.held(obj).erased_at:
            raise PermissionDenied  # erased after the page had asked what may be done
        super().save_model(request, obj, form, change)

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        contact = self.get_object(request, object_id)
        if isinstance(contact, Contact) and contact.merged_into is not None:
            return person_pages.gone_on(request, contact)
        extra = self._page(request, contact) if isinstance(contact, Contact) else {}
        return super().change_view(request, object_id, form_url, (extra_context or {}) | extra)

    def _page(self, request: HttpRequest, contact: Any) -> dict[str, Any]:
        return person_pages.header(request, contact, "details") | {
            **consent_pages.card(contact),
            **wishes_in_words.card(contact, may_open=self.has_change_permission(request, contact)),
            "held_attributes": [(key, as_text(value)) for key, value in sorted(contact.attributes.items())],
            "may_change": self.has_change_permission(request, contact),
        }

    # --- what can be done with one contact ---
    def get_urls(self) -> list[URLPattern]:
        own: list[tuple[str, Callable[..., Any]]] = [
            ("consent", consent_pages.ledger), ("erase", self.erase_view), ("held", export_pages.held),
        ]  # fmt: skip
        pages = [
            path(f"<int:pk>/{name}/", self.admin_site.admin_view(view), name=f"contacts_contact_{name}")
            for name, view in own
        ]
        listing = path("export.csv", self.admin_site.admin_view(self.export_view), name="contacts_contact_export")
        proofs = path(
            "<int:pk>/proof.<slug:kind>", self.admin_site.admin_view(consent_pages.proof), name="contacts_contact_proof"
        )
        beside = [*person_pages.urls(), *duplicate_pages.urls()]
        return [listing, proofs, *pages, *beside, *super().get_urls()]

    def erase_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        _require(request, "contacts.delete_contact")
        contact = get_object_or_404(Contact, pk=pk)
        if request.method != "POST":
            context = self.admin_site.each_context(request) | {"title": f"Erase {contact}", "contact": contact}
            return render(request, "contacts/erase.html", context | {"opts": self.opts})
        erasure.erase(contact, by=_user(request))
        messages.success(request, "Erased. Figures still count this person, without saying who it was.")
        return HttpResponseRedirect(reverse("admin:contacts_contact_change", args=[pk]))

    def export_view(self, request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
        """The list as it is filtered, all of its pages."""
        export_pages.require(request)
        changelist = self.get_changelist_instance(request)
        return self.export_csv(request, changelist.get_queryset(request))


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101  admin_view lets nobody else in
    return request.user


def _may(request: HttpRequest, permission: str) -> bool:
    return request.user.has_perm(permission)


def _require(request: HttpRequest, permission: str) -> None:
    if not _may(request, permission):
        raise PermissionDenied


def _tell(request: HttpRequest, change: Callable[[], Any], done: str) -> None:
    try:
        change()
    except Refused as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, done)


@admin.register(AttributeDefinition)
class AttributeDefinitionAdmin(ModelAdmin):
    list_display = ["label", "key", "type", "description"]
    search_fields = ["key", "label"]
    ordering = ["key"]

    def get_readonly_fields(self, request: HttpRequest, obj: AttributeDefinition | None = None) -> list[str]:
        return ["key", "type"] if obj else []  # values are stored by key, in the type's form
