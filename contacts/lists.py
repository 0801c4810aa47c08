"""Lists of a million contacts that stay fast: an estimate instead of a count, search by prefix, filters by EXISTS."""

from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Lower
from django.http import HttpRequest
from django.utils.functional import cached_property
from unfold.contrib.filters.admin import TextFilter

from contacts.addresses import BadAddress, normalise_phone
from contacts.models import ConsentState, Contact, Suppression

EXACT_UP_TO = 10_000
PAGES_DEEP = 1000  # OFFSET reads what it skips: nobody leafs further, people search


class EstimatingPaginator(Paginator):
    """Counts up to EXACT_UP_TO rows; beyond that takes the table's estimate, and stops there for a filtered list."""

    @cached_property
    def count(self) -> int:
        queryset: Any = self.object_list
        exact = queryset.order_by()[: EXACT_UP_TO + 1].count()
        if exact <= EXACT_UP_TO or queryset.query.where:
            return int(exact)
        return estimated_rows(queryset.model._meta.db_table) or int(queryset.order_by().count())

    @cached_property
    def num_pages(self) -> int:
        return min(PAGES_DEEP, super().num_pages)


def estimated_rows(table: str) -> int:
    """What the planner believes; kept fresh by autovacuum, off by a few percent."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass(%s)", [table])
        row = cursor.fetchone()
    return max(0, row[0]) if row else 0


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
    """Adds `email_consent` (True, False or None for never asked) and `is_suppressed`, for showing."""
    states = ConsentState.objects.filter(contact=OuterRef("pk"), channel="email", topic="")
    return queryset.annotate(
        email_consent=states.values("is_granted")[:1],
        is_suppressed=Exists(Suppression.objects.filter(channel="email", address=OuterRef("email"))),
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
