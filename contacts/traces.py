"""What is written down about dealing with people: changes made in the console, files made about them, erasures."""

from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q, QuerySet

from contacts.holdings import Holding, holdings
from contacts.models import Contact, Erasure
from team.models import AuditRecord

OF_PERSON = ("export.person", "export.consent")


@holdings.register
class ChangeNotes(Holding):
    """The console's own history: who of the team added, changed or removed what, and what that was called then."""

    key = "change_notes"
    label = "Changes made in the console"
    models = (LogEntry,)

    def export(self, contact: Contact) -> list[dict[str, Any]]:
        rows = self._about(contact).order_by("pk").iterator()
        return [{"at": row.action_time, "what": row.get_change_message(), "called": row.object_repr} for row in rows]

    def erase(self, contact: Contact) -> None:
        # That something was changed, when and by whom stays; what it was called was a name or an address.
        self._about(contact).update(object_repr="(erased)", change_message="")

    def merge(self, merged: Contact, survivor: Contact) -> None:
        """They stay with the contact whom they are about, and are read together with the survivor's."""

    @staticmethod
    def _about(contact: Contact) -> QuerySet[LogEntry]:
        """Of the contact itself, and of whatever is named after an address of theirs, such as a suppression."""
        own = Q(content_type=ContentType.objects.get_for_model(Contact), object_id=str(contact.pk))
        for address in filter(None, (contact.email, contact.phone)):
            own |= Q(object_repr__icontains=address) | Q(change_message__icontains=address)
        return LogEntry.objects.filter(own)


@holdings.register
class Erasures(Holding):
    key = "erasures"
    label = "Erasure"
    models = (Erasure,)

    def export(self, contact: Contact) -> list[dict[str, Any]]:
        rows = Erasure.objects.filter(contact=contact)
        return [{"erased_at": row.at, "finished_at": row.finished_at} for row in rows]

    def erase(self, contact: Contact) -> None:
        """Proof that it was done; what they were called is emptied by erasure.look_again when it has ended."""

    def merge(self, merged: Contact, survivor: Contact) -> None:
        """Nobody who was erased can be merged."""


@holdings.register
class Handovers(Holding):
    """When their data left the house by name: to them, or as proof of their consent."""

    key = "handovers"
    label = "Files made about them"
    models = (AuditRecord,)

    def export(self, contact: Contact) -> list[dict[str, Any]]:
        rows = AuditRecord.objects.filter(action__in=OF_PERSON, subject=str(contact.uuid)).order_by("pk")
        return [{"what": row.get_action_display(), "at": row.at, "to_themself": row.by_id is None} for row in rows]

    def erase(self, contact: Contact) -> None:
        """The trail names people by their public id alone, which then names nobody."""

    def merge(self, merged: Contact, survivor: Contact) -> None:
        """What was handed over is history; it is read together with the survivor's."""
