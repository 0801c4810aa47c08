"""What contacts itself holds about people beside their row and their consent: names, wishes, companies, imports."""

from typing import Any

from django.db import connection
from django.db.models import Q

from contacts.holdings import Holding, holdings
from contacts.models import (
    Confirmation,
    Contact,
    Employment,
    Identity,
    Imported,
    ImportJob,
    Merge,
    NotDuplicate,
    Preference,
    PreferenceChange,
)

_FREQUENCIES = [choice.value for choice in Preference.Frequency]  # from the most to the fewest


@holdings.register
class Names(Holding):
    key = "names"
    label = "Further names"
    models = (Identity,)
    is_erased_last = True  # former addresses, by which suppressions and mails are found

    def export(self, contact: Contact) -> list[dict[str, Any]]:
        rows = Identity.objects.filter(contact=contact).order_by("created_at", "value")
        return [{"kind": row.kind, "value": row.value, "since": row.created_at} for row in rows]

    def erase(self, contact: Contact) -> None:
        Identity.objects.filter(contact=contact).delete()

    def merge(self, merged: Contact, survivor: Contact) -> None:
        Identity.objects.filter(contact=merged).update(contact=survivor)


@holdings.register
class Merges(Holding):
    key = "merges"
    label = "Contacts merged into this one"
    models = (Merge, NotDuplicate)

    def export(self, contact: Contact) -> list[dict[str, Any]]:
        rows = Merge.objects.filter(survivor=contact).select_related("merged")
        return [{"merged": row.merged.uuid, "rule": row.rule, "at": row.merged_at} for row in rows]

    def erase(self, contact: Contact) -> None:
        NotDuplicate.objects.filter(Q(first=contact) | Q(second=contact)).delete()

    def merge(self, merged: Contact, survivor: Contact) -> None:
        """Who took over whom, and when, stays true."""


@holdings.register
class Confirmations(Holding):
    key = "confirmations"
    label = "Confirmations asked for"
    models = (Confirmation,)

    def export(self, contact: Contact) -> list[dict[str, Any]]:
        return [
            {"channel": row.channel, "topic": row.topic, "asked_at": row.request.occurred_at, "sent_at": row.sent_at,
             "confirmed_at": row.confirmed_at, "expires_at": row.expires_at}
            for row in Confirmation.objects.filter(contact=contact).select_related("request").order_by("pk")
        ]  # fmt: skip

    def erase(self, contact: Contact) -> None:
        # The ledger keeps that it was asked for, and whether it was confirmed.
        Confirmation.objects.filter(contact=contact).delete()

    def merge(self, merged: Contact, survivor: Contact) -> None:
        """Open ones are gone already: consent.take_stricter. What was confirmed stays with its ledger."""


@holdings.register
class Preferences(Holding):
    key = "preferences"
    label = "Preferences"
    models = (Preference, PreferenceChange)

    def export(self, contact: Contact) -> list[dict[str, Any]]:
        now = [
            {"frequency": row.frequency, "quiet_from": row.quiet_from, "quiet_until": row.quiet_until,
             "paused_until": row.paused_until}
            for row in Preference.objects.filter(contact=contact)
        ]  # fmt: skip
        earlier = PreferenceChange.objects.filter(contact=contact)
        return now + [{"at": row.at, "source": row.source, "from": row.before, "to": row.after} for row in earlier]

    def erase(self, contact: Contact) -> None:
        Preference.objects.filter(contact=contact).delete()
        PreferenceChange.objects.filter(contact=contact).delete()

    def merge(self, merged: Contact, survivor: Contact) -> None:
        """The wish for fewer messages wins: the rarer frequency, the longer pause, quiet hours of either."""
        PreferenceChange.objects.filter(contact=merged).update(contact=survivor)
        theirs = Preference.objects.filter(contact=merged).first()
        if theirs is None:
            return
        ours, _is_new = Preference.objects.get_or_create(contact=survivor)
        ours.frequency = max(ours.frequency, theirs.frequency, key=_FREQUENCIES.index)
        ours.paused_until = max(filter(None, [ours.paused_until, theirs.paused_until]), default=None)
        if ours.quiet_from is None:
            ours.quiet_from, ours.quiet_until = theirs.quiet_from, theirs.quiet_until
        ours.save()
        theirs.delete()


@holdings.register
class Companies(Holding):
    key = "companies"
    label = "Companies"
    models = (Employment,)

    def export(self, contact: Contact) -> list[dict[str, Any]]:
        rows = Employment.objects.filter(contact=contact).select_related("company").order_by("company__name")
        return [{"company": row.company.name, "id": row.company.external_id, "since": row.since} for row in rows]

    def erase(self, contact: Contact) -> None:
        Employment.objects.filter(contact=contact).delete()

    def merge(self, merged: Contact, survivor: Contact) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO contacts_employment (contact_id, company_id, since)"
                " SELECT %s, company_id, since FROM contacts_employment WHERE contact_id = %s ON CONFLICT DO NOTHING",
                [survivor.pk, merged.pk],
            )
        Employment.objects.filter(contact=merged).delete()


@holdings.register
class Imports(Holding):
    key = "imports"
    label = "Imports they came by"
    models = (Imported, ImportJob)

    def export(self, contact: Contact) -> list[dict[str, Any]]:
        rows = list(Imported.objects.filter(contact=contact).order_by("at"))
        files = dict(ImportJob.objects.filter(pk__in=[row.job_id for row in rows]).values_list("pk", "file_name"))
        return [{"file": files.get(row.job_id, ""), "is_new": row.is_new, "at": row.at} for row in rows]

    def erase(self, contact: Contact) -> None:
        """That they came by it stays; what is kept of the files themselves is searched by importing.forgetting."""

    def merge(self, merged: Contact, survivor: Contact) -> None:
        """They stay, as both contacts may have come by the same file; the timeline reads both."""
