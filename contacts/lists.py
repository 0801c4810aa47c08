"""Lists of a million contacts that stay fast: search by prefix, filters by EXISTS."""

from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Lower
from django.http import HttpRequest
from unfold.contrib.filters.admin import TextFilter

from contacts.addresses import BadAddress, normalise_phone
from contacts.models import ConsentState, Contact, Suppression


def search(queryset: QuerySet[Contact], text: str) -> QuerySet[Contact]:
    """Contacts whose email, external id or last name begins with `text`, or whose phone number it is."""
    term = text.strip()
    if not term:
        return queryset
    wanted = (
        Q(email__startswith=term.lower()) | Q(external_id__startswith=term) | Q(last_lower__startswith=term.lower())
    )
    try:
        wanted |= Q(phone=normalise_phone(term))
    except BadAddress:
        pass  # not a phone number: then it is one of the others
    return queryset.alias(last_lower=Lower("last_name")).filter(wanted)


def with_standing(queryset: QuerySet[Contact]) -> QuerySet[Contact]:
    """Adds `email_consent` (True, False or None for never asked) and `suppression` (None, or its id), for showing.

    Not EXISTS, for which PostgreSQL would read all suppressed addresses at once: a page asks about fifty.
    """
    states = ConsentState.objects.filter(contact=OuterRef("pk"), channel="email", topic="")
    suppressions = Suppression.objects.filter(channel="email", address=OuterRef("email"))
    return queryset.annotate(
        email_consent=states.order_by().values("is_granted")[:1], suppression=suppressions.order_by().values("pk")[:1]
    )


class TagFilter(TextFilter):  # type: ignore[misc]  # unfold has no types
    title = "tag"
    parameter_name = "tag"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Contact]) -> QuerySet[Contact]:
        return queryset.filter(tags__contains=[self.value()]) if self.value() else queryset


class ConsentFilter(admin.SimpleListFilter):
    title = "email consent"
    parameter_name = "consent"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("granted", "Granted"), ("withdrawn", "Withdrawn"), ("none", "Never asked")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Contact]) -> QuerySet[Contact]:
        states = ConsentState.objects.filter(contact=OuterRef("pk"), channel="email", topic="")
        match self.value():
            case "granted":
                return queryset.filter(Exists(states.filter(is_granted=True)))
            case "withdrawn":
                return queryset.filter(Exists(states.filter(is_granted=False)))
            case "none":
                return queryset.filter(~Exists(states))
        return queryset


class SuppressedFilter(admin.SimpleListFilter):
    title = "suppressed"
    parameter_name = "suppressed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Suppressed"), ("no", "Not suppressed")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Contact]) -> QuerySet[Contact]:
        suppressed = Exists(Suppression.objects.filter(channel="email", address=OuterRef("email")))
        match self.value():
            case "yes":
                return queryset.filter(suppressed)
            case "no":
                return queryset.filter(~suppressed)
        return queryset


class ErasedFilter(admin.SimpleListFilter):
    title = "erased"
    parameter_name = "erased"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("no", "Not erased"), ("yes", "Erased")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Contact]) -> QuerySet[Contact]:
        if self.value() not in ("yes", "no"):
            return queryset
        return queryset.filter(erased_at__isnull=self.value() == "no")
