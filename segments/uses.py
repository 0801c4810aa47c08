"""What needs a segment: whatever of other apps points at it, campaigns above all, and segments that ask about it."""

from dataclasses import dataclass

from django.db.models import Count, F, IntegerField, Model, OuterRef, QuerySet, Subquery
from django.db.models.fields.reverse_related import ForeignObjectRel
from django.db.models.functions import Coalesce

from segments import rules
from segments.models import Segment

MOST = 50  # named one by one; a segment of everyone may be in thousands of campaigns


@dataclass(frozen=True)
class Uses:
    """How many there are, and the first of them in words: campaigns newest first, then segments."""

    count: int
    first: list[str]

    @property
    def more(self) -> int:
        return self.count - len(self.first)


def of(segment: Segment) -> Uses:
    others = Segment.objects.exclude(pk=segment.pk).only("name", "rules", "kind", "refreshed_at")
    asking = [other for other in others if other.asks_rules and str(segment.uuid) in rules.sources(other.rules)]
    pointing = _pointing_at(segment)
    count = len(asking) + sum(len(keys) for keys in pointing.values())
    named = [word for model, keys in pointing.items() for word in _named(model, keys)]
    return Uses(count, [*named, *(f"the segment “{other}”" for other in asking)][:MOST])


def counted(segments: QuerySet[Segment]) -> QuerySet[Segment]:
    """With `pointed_at` of each: from how many places of other apps."""
    total = sum((_count_of(relation) for relation in _pointers()), start=Coalesce(0, 0))
    return segments.annotate(pointed_at=total)


def _count_of(relation: ForeignObjectRel) -> Coalesce:
    counts = _rows(relation, OuterRef("pk")).order_by().values(segment=F(relation.field.name)).annotate(n=Count("pk"))
    return Coalesce(Subquery(counts.values("n"), output_field=IntegerField()), 0)


def _pointing_at(segment: Segment) -> dict[type[Model], set[int]]:
    """Their keys; what points at it twice, including and excluding it, is there once."""
    found: dict[type[Model], set[int]] = {}
    for relation in _pointers():
        keys = _rows(relation, segment.pk).values_list("pk", flat=True)
        found.setdefault(relation.related_model, set()).update(keys)
    return found


def _named(model: type[Model], keys: set[int]) -> list[str]:
    newest = sorted(keys, reverse=True)[:MOST]
    rows = model._default_manager.in_bulk(newest)
    return [f"the {model._meta.verbose_name} “{rows[key]}”" for key in newest if key in rows]


def _rows(relation: ForeignObjectRel, segment: object) -> QuerySet[Model]:
    model = relation.related_model
    kept = {"deleted_at": None} if any(field.name == "deleted_at" for field in model._meta.fields) else {}
    return model._default_manager.filter(**{relation.field.name: segment}, **kept)


def _pointers() -> list[ForeignObjectRel]:
    """Through which other apps point at a segment; those apps stand above and aren't imported."""
    own = Segment._meta.app_label
    return [rel for rel in Segment._meta.related_objects if rel.related_model._meta.app_label != own]
