"""What a list of campaigns can be narrowed by."""

from typing import ClassVar

import django_filters
from django.db.models import Q, QuerySet

from campaigns.models import Campaign


class CampaignFilter(django_filters.FilterSet):  # type: ignore[misc]  # the library has no types
    """Ranges, whole tags and words; archived and deleted campaigns only when asked for."""

    status = django_filters.MultipleChoiceFilter(choices=Campaign.Status.choices)
    kind = django_filters.ChoiceFilter(choices=Campaign.Kind.choices)
    purpose = django_filters.ChoiceFilter(choices=Campaign.Purpose.choices)
    channel = django_filters.CharFilter()
    tag = django_filters.CharFilter(method="with_tag", help_text="A whole tag.")
    created_after = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_before = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")
    scheduled_after = django_filters.IsoDateTimeFilter(field_name="planned_at", lookup_expr="gte")
    scheduled_before = django_filters.IsoDateTimeFilter(field_name="planned_at", lookup_expr="lt")
    archived = django_filters.BooleanFilter(method="with_archived", help_text="Left out: only those not archived.")
    deleted = django_filters.BooleanFilter(method="with_deleted", help_text="Left out: only those not deleted.")
    search = django_filters.CharFilter(method="with_words", help_text="In name, description and tags.")

    class Meta:
        model = Campaign
        fields: ClassVar[list[str]] = []

    def filter_queryset(self, queryset: QuerySet[Campaign]) -> QuerySet[Campaign]:
        rows: QuerySet[Campaign] = super().filter_queryset(queryset)
        for field in ("archived", "deleted"):
            rows = rows if self.form.cleaned_data[field] else rows.filter(**{f"{field}_at": None})
        return rows

    def with_tag(self, rows: QuerySet[Campaign], name: str, value: str) -> QuerySet[Campaign]:
        return rows.filter(tags__contains=[value])

    def with_archived(self, rows: QuerySet[Campaign], name: str, value: bool) -> QuerySet[Campaign]:
        return rows.filter(archived_at__isnull=not value)

    def with_deleted(self, rows: QuerySet[Campaign], name: str, value: bool) -> QuerySet[Campaign]:
        return rows.filter(deleted_at__isnull=not value)

    def with_words(self, rows: QuerySet[Campaign], name: str, value: str) -> QuerySet[Campaign]:
        return rows.filter(Q(name__icontains=value) | Q(description__icontains=value) | Q(tags__contains=[value]))
