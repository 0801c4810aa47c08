"""A segment's members as a file; the audit trail says who took it."""

from django.http import HttpRequest, StreamingHttpResponse
from django.views.decorators.http import require_safe

from contacts import export_pages
from contacts.models import Contact
from segments.access import segment_of
from team import audit


@require_safe
def members_as_csv(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    segment, user = segment_of(request, pk), export_pages.require(request)
    people = Contact.objects.reachable().filter(memberships__segment=segment).order_by("pk")
    detail = {"format": "csv", "segment": str(segment.uuid)}
    audit.record("export.members", by=user, subject=segment.name, detail=detail, count=people.count())
    return export_pages.csv_of(people, name=f"segment-{segment.pk}")
