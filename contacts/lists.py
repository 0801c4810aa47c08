"""Lists of a million contacts that stay fast: search by prefix, filters by EXISTS."""

from collections.abc import Iterator
from functools import reduce
from operator import or_
from typing import Any

from django.contrib import admin
from django.contrib.postgres.fields import ArrayField
from django.db.models import (
    BigIntegerField,
    BooleanField,
    Exists,
    F,
    Func,
    OrderBy,
    OuterRef,
    Q,
    QuerySet,
    Value,
)
from django.db.models.functions import Cast, Collate, Lower
from django.http import HttpRequest
from unfold.contrib.filters.admin import TextFilter

from contacts.addresses import BadAddress, normalise_phone
from contacts.models import ConsentState, Contact, Suppression

NOBODY_LEFT_OUT = Q()
# In collation C its index serves the order as well as the prefix.
LAST_NAME = Collate(Lower("last_name"), "C")


class _IsAnyOf(Func):
    """`key = ANY(array)`: one parameter, where `pk__in` has ten thousand, which take a tenth of a second to quote."""

    template = "%(expressions)s)"
    arg_joiner = " = ANY("
    output_field = BooleanField()


def of(queryset: QuerySet[Contact], keys: list[int]) -> QuerySet[Contact]:
    """Those of `queryset` whose keys are among these, up to very many."""
    array = "{" + ",".join(map(str, keys)) + "}"  # as one text: an adapted list of numbers takes six times as long
    return queryset.filter(_IsAnyOf(F("pk"), Cast(Value(array), ArrayField(BigIntegerField()))))


def search(queryset: QuerySet[Contact], text: str) -> QuerySet[Contact]:
    """Contacts whose email, external id or last name begins with `text`, or whose phone number it is."""
    term = text.strip()
    if not term:
        return queryset
    wanted = reduce(or_, (wanted for wanted, _ in _ways(term)))
    return queryset.alias(last_lower=LAST_NAME).filter(wanted)


def first_found(queryset: QuerySet[Contact], text: str, limit: int) -> list[int]:
    """Keys of those that `search` finds, at most `limit` + 1: by email, then external id, then last name.

    Each index is asked by itself and in its own order, so that it stops at the limit however many begin with `text`.
    """
    found: dict[int, None] = {}
    people = queryset.alias(last_lower=LAST_NAME)
    for wanted, order in _ways(text.strip()):
        found |= dict.fromkeys(people.filter(wanted).order_by(order).values_list("pk", flat=True)[: limit + 1])
        if len(found) > limit:
            break
    return list(found)[: limit + 1]


def _ways(term: str) -> Iterator[tuple[Q, OrderBy]]:
    """What `term` may be, each with the order of the index that answers."""
    yield Q(email__startswith=term.lower()), F("email").asc()
    yield Q(external_id__startswith=term), F("external_id").asc()
    yield Q(last_lower__startswith=term.lower()), F("last_lower").asc()
    try:
        yield Q(phone=normalise_phone(term)), F("pk").asc()
    except BadAddress:
        pass  # not a phone number: then it is one of the others


def never_asked(queryset: QuerySet[Contact], within: Q = NOBODY_LEFT_OUT) -> QuerySet[Contact]:
    """Contacts without any state of consent. `within` (over `contact`) must hold for all of `queryset`: said for the
    states as well it lets two indexes be merged over that part, instead of hashing a million states."""
    return queryset.filter(~Exists(_states().filter(within)))


def _states() -> QuerySet[ConsentState]:
    return ConsentState.objects.filter(contact=OuterRef("pk"), channel="email", topic="")


def with_standing(queryset: QuerySet[Contact]) -> QuerySet[Contact]:
    """Adds `email_consent` (True, False or None for never asked) and `suppression` (None, or its id), for showing.

    Not EXISTS, for which PostgreSQL would read all suppressed addresses at once: a page asks about fifty.
    """
    states = _states()
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
        match self.value():
            case "granted":
                return queryset.filter(Exists(_states().filter(is_granted=True)))
            case "withdrawn":
                return queryset.filter(Exists(_states().filter(is_granted=False)))
            case "none":
                return never_asked(queryset)
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
