"""What the console's pages of all models have in common."""

from typing import Any

from django.contrib.admin import FieldListFilter, SimpleListFilter
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest
from django.utils.text import capfirst
from unfold.admin import ModelAdmin as ThemedModelAdmin

# How the filters of lists ask about their field; `_from` and `_to` are the two ends of a range.
_ASKED = ("", "__exact", "__id__exact", "__isnull", "__in", "__gte", "__gt", "__lte", "__lt")


class ModelAdmin(ThemedModelAdmin):
    """Takes nothing from a list's address but what its filters offer.

    Django lets the address ask about any column of the model, by any operator: that tells whoever may see the list a
    stored hash letter by letter, and breaks on columns that hold lists.
    """

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return any(lookup in offered for offered in map(_parameters, self.get_list_filter(request)))

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """A list is called by what is in it, instead of “Select contact to change”."""
        changes = super().get_changelist_instance(request)
        changes.title = capfirst(str(self.model._meta.verbose_name_plural))
        return changes


def _parameters(offered: Any) -> set[str]:
    """The names under which one entry of `list_filter` appears in addresses."""
    if isinstance(offered, type) and issubclass(offered, SimpleListFilter):
        return {str(offered.parameter_name)}
    name = offered[0] if isinstance(offered, tuple | list) else offered
    is_range = isinstance(offered, tuple | list) and issubclass(offered[1], FieldListFilter)
    ends = {f"{name}_from", f"{name}_to"} if is_range else set()
    return {f"{name}{how}" for how in _ASKED} | ends
