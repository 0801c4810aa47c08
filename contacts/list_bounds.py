"""How far the list of contacts looks, so that a page is quick whatever was asked, and how it says so.

What is exported, or chosen by "select all", is not bounded: that is the whole of what was asked.
"""

from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from unfold.views import ChangeList

from contacts import lists
from contacts.models import Contact
from core import paging

LOOK_AT = 100_000  # contacts whose consent is compared for one page, which takes 30 ms
BEFORE = "before"


@dataclass(frozen=True)
class Bound:
    """What a list was bounded to: `scope` follows the count, `note` explains; the addresses lead to the rest."""

    scope: str
    note: str
    older_url: str = ""
    newest_url: str = ""


class BoundedChangeList(ChangeList):  # type: ignore[misc]  # unfold has no types
    """`queryset` is what pages show; `get_queryset()` stays all that was asked."""

    bound: Bound | None = None
    query: str

    def get_filters_params(self, params: Any = None) -> dict[str, Any]:
        return {name: value for name, value in super().get_filters_params(params).items() if name != BEFORE}

    def get_results(self, request: HttpRequest) -> None:
        if self.query.strip():
            self.queryset = self._first_found(request)
        elif self._value_of(lists.ConsentFilter) == "none":
            self.queryset = self._never_asked(request)
        super().get_results(request)
        self.paginator.scope = self.bound.scope if self.bound else ""

    def _first_found(self, request: HttpRequest) -> QuerySet[Contact]:
        """By the indexes alone: newest first, a prefix that many share would be looked for among everyone."""
        keys = lists.first_found(self._tagged(), self.query, paging.COUNT_UP_TO)
        if len(keys) > paging.COUNT_UP_TO:
            first = f"the first {paging.COUNT_UP_TO:,}"
            self.bound = Bound(
                f"among {first} found",
                f"More than {paging.COUNT_UP_TO:,} contacts begin like this. This list is of {first}: by email, then "
                "external id, then last name. Type more to find the others. An export has them all.",
            )
        return lists.of(self._filtered(request), keys[: paging.COUNT_UP_TO])

    def _filtered(self, request: HttpRequest) -> QuerySet[Contact]:
        """What the filters leave, before the search: asked once more of those found, it misleads the planner."""
        searched, self.query = self.query, ""
        try:
            filtered: QuerySet[Contact] = self.get_queryset(request)
            return filtered
        finally:
            self.query = searched

    def _never_asked(self, request: HttpRequest) -> QuerySet[Contact]:
        """A rare tag is looked up; otherwise contacts are compared with states of consent, so many at a time."""
        if self._value_of(lists.TagFilter) and (tagged := _few(self._tagged())) is not None:
            return lists.of(self.queryset, tagged)
        top, floor = self._before(), self._floor()
        if top is None and floor is None:
            return self.queryset
        self.bound = self._part(top, floor)
        part = Contact.objects.filter(_between("pk", top, floor))
        keys = _few(lists.never_asked(part, _between("contact", top, floor)))
        if keys is None:
            return self.queryset.filter(_between("pk", top, floor))  # so many that every page soon has its fifty
        return lists.of(self.get_queryset(request, exclude_parameters=[lists.ConsentFilter.parameter_name]), keys)

    def _part(self, top: int | None, floor: int | None) -> Bound:
        which = (
            "the oldest" if floor is None else f"the newest {LOOK_AT:,}" if top is None else f"{LOOK_AT:,} older ones"
        )
        return Bound(
            f"among {which}",
            f"To answer quickly, this list looks at {LOOK_AT:,} contacts at a time, newest first. These were found "
            f"among {which}. An export has them all.",
            older_url=self.get_query_string({BEFORE: floor}) if floor is not None else "",
            newest_url=self.get_query_string(remove=[BEFORE]) if top is not None else "",
        )

    def _floor(self) -> int | None:
        """The newest contact that is not looked at any more; None where the last of all is reached."""
        newest = Contact.objects.filter(_between("pk", self._before(), None)).order_by("-pk")
        return newest.values_list("pk", flat=True)[LOOK_AT : LOOK_AT + 1].first()

    def _before(self) -> int | None:
        """The key at which an earlier look ended; it was the first that was not looked at."""
        told = str(self.params.get(BEFORE, ""))
        return int(told) if told.isdecimal() and len(told) < 19 else None

    def _tagged(self) -> QuerySet[Contact]:
        tag = self._value_of(lists.TagFilter)
        return Contact.objects.filter(tags__contains=[tag]) if tag else Contact.objects.all()

    def _value_of(self, kind: type[lists.ConsentFilter | lists.TagFilter]) -> str | None:
        return next((spec.value() for spec in self.filter_specs if isinstance(spec, kind)), None)


def _few(queryset: QuerySet[Contact]) -> list[int] | None:
    """Their keys, found once for counting and for showing; None for too many."""
    keys = list(queryset.order_by().values_list("pk", flat=True)[: paging.COUNT_UP_TO + 1])
    return keys if len(keys) <= paging.COUNT_UP_TO else None


def _between(field: str, top: int | None, floor: int | None) -> Q:
    """Up to `top`, and above `floor`, where there are such."""
    up_to = Q() if top is None else Q((f"{field}__lte", top))
    return up_to if floor is None else up_to & Q((f"{field}__gt", floor))
