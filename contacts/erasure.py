"""Erasing a person: personal data goes, the row stays so that figures and the ledger still add up."""

import logging
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError, transaction
from django.utils import timezone

from contacts.holdings import holdings
from contacts.importing import erased, forgetting, jobs
from contacts.importing.erased import Names
from contacts.importing.files import BadFile
from contacts.models import Contact, Erasure, ImportJob
from team.models import User

logger = logging.getLogger(__name__)
EMPTY: dict[str, Any] = {
    "email": None, "phone": None, "external_id": None, "first_name": "", "last_name": "", "locale": "",
    "time_zone": "", "attributes": {}, "tags": [],
}  # fmt: skip
CALLED = ("email", "phone", "external_id", "first_name", "last_name")
# What was under way when somebody was erased, a message on the line, a file being read, has come to rest by then.
LOOK_AGAIN = timedelta(minutes=10)


@transaction.atomic
def erase(contact: Contact, *, by: User | None) -> None:
    """Empty everything that says who the contact was; a suppression of their address stays, so nobody writes again.

    `by` asked for it; nobody of the team when they did so themselves. Erasing twice changes nothing. What lies in
    files is looked for by `look_again`, a worker's, within seconds.
    """
    known = Contact.objects.select_for_update().get(pk=contact.pk)  # `contact` may have been read some time ago
    if known.erased_at is None:
        now, names = timezone.now(), Names.of(known)
        called = {field: getattr(known, field) for field in CALLED}
        Erasure.objects.create(contact=known, asked_by=by, at=now, due_at=now, known=called | names.as_json())
        Contact.objects.filter(pk=known.pk).update(**EMPTY, erased_at=now, updated_at=now)
        erased.leave_out_of_open(names)
        forgetting.forget_shown(names)
        for person in (known, *known.merged.all()):  # what was theirs before a merge is theirs
            _empty_holdings(person)
    contact.refresh_from_db()


def _empty_holdings(person: Contact) -> None:
    # The apps above first: they may need to see what those below still hold.
    from_above = reversed([*holdings.values()])
    for holding in sorted(from_above, key=lambda one: one.is_erased_last):
        holding.erase(person)


def look_again(now: datetime | None = None) -> int:
    """Go through all that is held once more for those erased lately, and through files; how many it was done for.

    Once at once and once when all has come to rest that was under way. Then nobody knows any more who it was.
    """
    moment, count = now or timezone.now(), 0
    for pk in Erasure.objects.filter(finished_at=None, due_at__lte=moment).values_list("pk", flat=True):
        try:
            count += _look_again_for(pk, moment)
        except (OSError, BadFile, DatabaseError):  # one file that can't be read keeps nobody else waiting
            logger.exception("Erasure %s is not finished: it is tried again", pk)
    return count


@transaction.atomic
def _look_again_for(pk: int, now: datetime) -> int:
    waiting = Erasure.objects.select_for_update(skip_locked=True, of=("self",)).select_related("contact")
    row = waiting.filter(pk=pk, finished_at=None).first()
    if row is None:
        return 0  # another worker is at it
    person = row.contact
    for field in CALLED:
        setattr(person, field, row.known.get(field))
    for one in (person, *person.merged.all()):
        _empty_holdings(one)
    forgetting.forget(Names.read(row.known))
    if now >= row.at + LOOK_AGAIN and not _was_read_before(row):
        Erasure.objects.filter(pk=pk).update(known={}, finished_at=now)
    else:
        Erasure.objects.filter(pk=pk).update(due_at=now + LOOK_AGAIN)
    return 1


def _was_read_before(row: Erasure) -> bool:
    """Whether a file that came before the erasure is still being imported."""
    return ImportJob.objects.filter(status__in=jobs.AT_WORK, created_at__lte=row.at).exists()
